"""Training as a process, on files like those that the connector writes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.taste import model_file
from services.taste.domain import ItemRef
from services.taste.model import Model
from tests.conftest import ROOT

ITEMS, PEOPLE = 60, 300


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half of the people like items with even numbers, the others those with odd numbers. Both types have both."""
    folder = tmp_path_factory.mktemp("inputs")
    random = np.random.default_rng(1)
    with (folder / "items.jsonl").open("w") as file:
        for number in range(ITEMS):
            labels = ["Even" if number % 2 == 0 else "Odd"]
            line = {"type": 1 + number // 40, "id": f"item{number}", "category": labels, "themes": labels}
            file.write(json.dumps(line | {"rating": 8, "votes": 100 + number}) + "\n")
    with (folder / "marks.tsv").open("w") as file:
        file.write("person\ttype\tid\tkind\tmarked_at\n")
        for person in range(PEOPLE):
            for number in random.choice(ITEMS, 25, replace=False):
                kind = "like" if number % 2 == person % 2 else "seen"
                file.write(f"p{person}\t{1 + number // 40}\titem{number}\t{kind}\t{person + number}\n")
        file.write("p1\t1\tdeleted\tlike\t\\N\n")
    return folder


def command(inputs: Path, output: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "services.taste.train", "--inputs", str(inputs), "--output", str(output), *more]


def run(inputs: Path, output: Path, *more: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command(inputs, output, *more), cwd=ROOT, capture_output=True, text=True, check=False)


def events(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


@pytest.fixture(scope="module")
def trained(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Model, Sequence[dict[str, Any]]]:
    output = tmp_path_factory.mktemp("model") / "model"
    done = run(inputs, output)
    assert done.returncode == 0, done.stderr
    return model_file.load(output), events(done.stdout)


def test_neighbours_are_items_of_all_types_that_the_same_people_like(trained: tuple[Model, Any]) -> None:
    similar = trained[0].similar(ItemRef(1, "item0"), 20)
    assert {ref.type for ref in similar} == {1, 2}
    assert sum(int(ref.id.removeprefix("item")) % 2 == 0 for ref in similar) >= 15


def test_the_model_has_the_numbers_of_its_marks_and_people(trained: tuple[Model, Any]) -> None:
    model = trained[0]
    assert model.people == PEOPLE
    assert model.people_by_type == {1: PEOPLE, 2: PEOPLE}
    assert model.marks == PEOPLE * 25  # the mark on a deleted item does not count
    assert abs(model.trained_at - time.time()) < 600


def test_the_model_has_its_quality_for_people_that_were_hidden(trained: tuple[Model, Any]) -> None:
    for quality in trained[0].quality.values():
        assert quality.people >= 20
        assert quality.ndcg_at_10 > quality.votes_ndcg_at_10


def test_progress_rises_to_the_end(trained: tuple[Model, Sequence[dict[str, Any]]]) -> None:
    shares = [event["progress"] for event in trained[1]]
    assert shares == sorted(shares)
    assert trained[1][-1] == {"stage": "done", "progress": 1.0}


def test_nobody_is_named_in_the_file(trained: tuple[Model, Any]) -> None:
    assert b"p123" not in model_file.to_bytes(trained[0])


def test_without_marks_there_is_a_model_of_votes(inputs: Path, tmp_path: Path) -> None:
    (tmp_path / "items.jsonl").write_bytes((inputs / "items.jsonl").read_bytes())
    (tmp_path / "marks.tsv").write_text("person\ttype\tid\tkind\tmarked_at\n")
    done = run(tmp_path, tmp_path / "model")
    assert done.returncode == 0, done.stderr
    model = model_file.load(tmp_path / "model")
    assert (model.people, model.items_with_neighbours) == (0, 0)
    assert len(model.ids) == ITEMS


def test_a_wrong_file_is_reported_and_the_old_model_stays(tmp_path: Path) -> None:
    (tmp_path / "items.jsonl").write_text("{}\n")
    (tmp_path / "model").write_text("old")
    done = run(tmp_path, tmp_path / "model")
    assert done.returncode == 1
    assert "items.jsonl, line 1: not an item" in events(done.stdout)[-1]["error"]
    assert (tmp_path / "model").read_text() == "old"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("stage", ["counting the pairs", "learning"])
def test_a_killed_training_leaves_the_old_model(
    inputs: Path, tmp_path: Path, stage: str, number: signal.Signals
) -> None:
    (tmp_path / "model").write_text("old")
    process = subprocess.Popen(
        command(inputs, tmp_path / "model"), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        start_new_session=True, env=os.environ | {"TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line)["stage"] == stage:
            break
    process.send_signal(number)
    assert process.wait(timeout=20) != 0
    process.stdout.close()
    assert (tmp_path / "model").read_text() == "old"
    assert not list(tmp_path.glob(".model*"))
    deadline = time.monotonic() + 10
    while group_is_running(process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not group_is_running(process.pid), "processes of the training are still running"


def group_is_running(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
