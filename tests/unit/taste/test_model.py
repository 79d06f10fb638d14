"""The model, and its file."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from services.taste.model import LabelCounts, Model, Quality, Rows
from tests.unit.taste.models import BOOK, SHOW, item, model, ref

ITEMS = [
    item("dune", "Science Fiction", "Classics", votes=400, themes=["Sci-Fi", "Classics"]),
    item("emma", "Classics", votes=100),
    item("alien", "Sci-Fi", kind=SHOW, votes=900),
]


def trained() -> Model:
    made = model(ITEMS, {"dune": {"alien": 0.5, "emma": 0.2}}, {"dune": 9, "emma": 3})
    return dataclasses.replace(made, trained_at=1.5, marks=70, people=20, quality={BOOK: Quality(30, 0.25, 0.125)})


def test_a_file_holds_the_whole_model(tmp_path: Path) -> None:
    made = trained()
    made.save(tmp_path / "model")
    read = Model.load(tmp_path / "model")
    assert read.to_bytes() == made.to_bytes()
    assert (read.version, read.trained_at, read.marks, read.people) == ("test", 1.5, 70, 20)
    assert read.quality == {BOOK: Quality(30, 0.25, 0.125)}
    assert read.ids == ["dune", "emma", "alien"]


def test_saving_leaves_only_the_file(tmp_path: Path) -> None:
    trained().save(tmp_path / "model")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_failed_save_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model"
    trained().save(path)
    old = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space"):
        dataclasses.replace(trained(), version="new").save(path)
    assert path.read_bytes() == old
    assert [left.name for left in tmp_path.iterdir()] == ["model"]


def test_a_damaged_file_is_refused() -> None:
    content = trained().to_bytes()
    for position in range(0, len(content), 37):
        damaged = bytearray(content)
        damaged[position] ^= 1
        with pytest.raises(ValueError, match="checksum"):
            Model.load(bytes(damaged))


@pytest.mark.parametrize("length", [0, 10, 32, 1000])
def test_an_incomplete_file_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="not a suggestion model"):
        Model.load(trained().to_bytes()[:length])


def test_arrays_that_do_not_fit_together_are_refused() -> None:
    beyond = dataclasses.replace(trained(), neighbours=Rows.of([[2, 3], [], []]))
    with pytest.raises(ValueError, match="neighbours: a value is out of range"):
        Model.load(beyond.to_bytes())
    endless = dataclasses.replace(trained(), weights=np.array([np.inf, 1], np.float32))
    with pytest.raises(ValueError, match="not finite"):
        Model.load(endless.to_bytes())


def test_few_likes_are_not_counted() -> None:
    assert trained().likes.tolist() == [9, 0, 0]


def test_the_prior_of_votes_is_relative_to_the_type() -> None:
    made = Model.from_items([item("a", rating=2.5, votes=3200), item("b", rating=10, votes=100), item("c", kind=SHOW)])
    assert made.votes.tolist() == [1, 1, 1]  # 3200 * 2.5^2.5 = 100 * 10^2.5


@pytest.mark.parametrize(("rating", "votes"), [(None, 10), (8.0, None), (0, 10), (8.0, 0)])
def test_without_votes_or_rating_the_prior_is_0(rating: float | None, votes: int | None) -> None:
    assert Model.from_items([item("a"), item("b", rating=rating, votes=votes)]).votes.tolist() == [1, 0]


def test_rare_labels_weigh_more() -> None:
    labels = Model.from_items(ITEMS).labels
    assert labels.idf[labels.by_name[BOOK]["Classics"]] == 0  # both books have it
    assert labels.idf[labels.by_name[BOOK]["Science Fiction"]] == pytest.approx(np.log(2))


def test_counts_of_a_whole_dataset_are_used() -> None:
    labels = Model.from_items(ITEMS, {BOOK: LabelCounts(1000, {"Classics": 10, "Science Fiction": 500}, {})}).labels
    assert labels.idf[labels.by_name[BOOK]["Classics"]] == pytest.approx(np.log(100))


def test_similar_items_are_of_all_types_nearest_first() -> None:
    assert trained().similar(ref("dune"), 10) == [ref("alien", SHOW), ref("emma")]
    assert trained().similar(ref("dune"), 1) == [ref("alien", SHOW)]


@pytest.mark.parametrize("unknown", [ref("emma"), ref("nothing")])
def test_an_item_without_neighbours_has_nothing_similar(unknown: tuple[int, str]) -> None:
    assert trained().similar(unknown, 10) == []


def test_a_part_of_a_model_keeps_its_neighbours() -> None:
    part = trained().only(np.array([2, 0]))
    assert part.ids == ["alien", "dune"]
    assert part.similar(ref("dune"), 10) == [ref("alien", SHOW)]
    assert [part.labels.names[label] for label in part.labels.items[1]] == ["Science Fiction", "Classics"]
    assert part.most_liked[BOOK].tolist() == [1]
