"""The items and their counts that a model is trained from."""

from pathlib import Path

import pytest

from services.taste.training_files import TrainingItem, TypeCounts, read_counts, read_items
from spark_jobs.views import InputError


def test_an_item_may_lack_everything_but_its_type_and_id(tmp_path: Path) -> None:
    (tmp_path / "items.jsonl").write_text('{"type": 1, "id": "dune"}\n\n{"type": 1, "id": "emma", "rating": null}\n')
    assert read_items(tmp_path / "items.jsonl") == [TrainingItem(1, "dune"), TrainingItem(1, "emma")]


def test_a_line_that_is_not_an_item_is_reported_by_its_number(tmp_path: Path) -> None:
    (tmp_path / "items.jsonl").write_text('{"type": 1, "id": "dune"}\n{}\n')
    with pytest.raises(InputError, match="line 2: not an item"):
        read_items(tmp_path / "items.jsonl")


def test_counts_are_by_type(tmp_path: Path) -> None:
    (tmp_path / "counts.jsonl").write_text('{"type": 2, "items": 9, "categories": {"War": 4}, "themes": {}}\n')
    assert read_counts(tmp_path / "counts.jsonl") == {2: TypeCounts(9, {"War": 4}, {}, type=2)}


def test_without_a_file_there_are_no_counts(tmp_path: Path) -> None:
    assert read_counts(tmp_path / "counts.jsonl") == {}


def test_a_line_without_counts_is_reported_by_its_number(tmp_path: Path) -> None:
    (tmp_path / "counts.jsonl").write_text("[]\n")
    with pytest.raises(InputError, match="line 1: not the counts of a type"):
        read_counts(tmp_path / "counts.jsonl")
