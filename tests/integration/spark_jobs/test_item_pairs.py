"""Counting pairs: both engines against a count in Python."""

import itertools
from collections import defaultdict
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from spark_jobs.item_pairs import HIDDEN, MIN_PEOPLE, NEWEST
from spark_jobs.views import MARKS_COLUMNS
from tests.integration.spark_jobs.conftest import RunJob

WEIGHTS = {"like": 10, "seen": 3}
Mark = tuple[str, str, str, str]


def write(folder: Path, marks: list[Mark]) -> Path:
    lines = ["\t".join((person, *item.split("/"), kind, at)) for person, item, kind, at in marks]
    (folder / "marks.tsv").write_text("\n".join(["\t".join(MARKS_COLUMNS), *lines]) + "\n")
    return folder


def rows(folder: Path, name: str) -> list[tuple[Any, ...]]:
    columns = {
        "items": "item, number",
        "marked": "person, item, weight",
        "pairs": "item, other, people, weight, hidden_people, hidden_weight",
    }[name]
    statement = f"SELECT {columns} FROM read_parquet('{folder}/{name}/**/*.parquet') ORDER BY ALL"
    with duckdb.connect() as connection:
        return connection.execute(statement).fetchall()


def expected(marks: list[Mark]) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Items and pairs. The times of a person's marks must differ, so that it is clear which are the newest."""
    of_person: dict[str, dict[str, tuple[int, int]]] = defaultdict(dict)
    for person, item, kind, at in marks:
        weight, time = of_person[person].get(item, (0, -1))
        of_person[person][item] = (max(weight, WEIGHTS[kind]), max(time, -1 if at == r"\N" else int(at)))
    newest = {
        person: dict(sorted(items.items(), key=lambda entry: (-entry[1][1], entry[0]))[:NEWEST])
        for person, items in of_person.items()
    }
    numbers = {
        item: number for number, item in enumerate(sorted({item for items in newest.values() for item in items}))
    }
    pairs: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for number, person in enumerate(sorted(newest)):
        for low, high in itertools.combinations(sorted(newest[person]), 2):
            product = newest[person][low][0] * newest[person][high][0]
            hidden = number % HIDDEN == 0
            for index, value in enumerate((1, product, hidden, product * hidden)):
                pairs[numbers[low], numbers[high]][index] += value
    kept = [(*pair, *sums) for pair, sums in sorted(pairs.items()) if sums[0] >= MIN_PEOPLE]
    return sorted(numbers.items()), kept


def test_pairs_are_those_of_a_count_in_python_with_both_engines(run_job: RunJob, tmp_path: Path) -> None:
    check_pairs(run_job, tmp_path, parts=3)


def test_pairs_are_the_same_in_one_part(run_duckdb_job: RunJob, tmp_path: Path) -> None:
    check_pairs(run_duckdb_job, tmp_path, parts=1)


def check_pairs(run_job: RunJob, tmp_path: Path, parts: int) -> None:
    """Compares the pairs of 60 people with a count in Python. Two unreadable lines are counted and left out."""
    random = np.random.default_rng(1)
    marks = []
    for person in range(60):
        for place, item in enumerate(random.choice(40, int(random.integers(1, 20)), replace=False)):
            at = r"\N" if person == 7 else str(1000 * person + place)
            marks.append((f"p{person}", f"{1 + item % 3}/i{item}", "seen", at))
            if random.random() < 0.5:
                marks.append((f"p{person}", f"{1 + item % 3}/i{item}", "like", at))
    write(tmp_path, marks)
    with (tmp_path / "marks.tsv").open("a") as file:
        file.write("p9\t1\ta\tadored\t5\np9\t1\n")
    result = run_job("item_pairs", tmp_path, f"--pairs={tmp_path}/out", f"--parts={parts}")
    assert result["inputs"]["marks"]["unreadable"] == 2
    items, pairs = expected(marks)
    assert rows(tmp_path / "out", "items") == items
    assert rows(tmp_path / "out", "pairs") == pairs
    assert len(pairs) > 100
    assert (result["answer"]["people"], result["answer"]["items"]) == (60, len(items))


def test_only_the_newest_marks_of_a_person_count(run_duckdb_job: RunJob, tmp_path: Path) -> None:
    marks = [("everything", f"1/i{number:04}", "seen", str(number)) for number in range(NEWEST + 20)]
    run_duckdb_job("item_pairs", write(tmp_path, marks), f"--pairs={tmp_path}/out")
    assert [item for item, _ in rows(tmp_path / "out", "items")] == [
        f"1/i{number:04}" for number in range(20, NEWEST + 20)
    ]


def test_without_marks_there_are_files_without_rows(run_job: RunJob, tmp_path: Path) -> None:
    run_job("item_pairs", write(tmp_path, []), f"--pairs={tmp_path}/out")
    assert [rows(tmp_path / "out", name) for name in ("items", "marked", "pairs")] == [[], [], []]
