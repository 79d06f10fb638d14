"""The model in memory."""

import numpy as np
import pytest

from services.taste.domain import ItemRef, LabelCounts
from services.taste.model import Model
from tests.unit.taste.models import BOOK, ITEMS, SHOW, item, ref, trained, votes_only


def test_likes_of_fewer_than_five_people_are_not_stored() -> None:
    assert trained().likes.tolist() == [9, 0, 0]


def test_votes_are_weighted_by_the_rating_and_relative_to_the_type() -> None:
    model = votes_only([item("a", rating=2.5, votes=3200), item("b", rating=10, votes=100), item("c", item_type=SHOW)])
    assert model.votes.tolist() == [1, 1, 1]  # 3200 * 2.5^2.5 = 100 * 10^2.5


@pytest.mark.parametrize(("rating", "votes"), [(None, 10), (8.0, None), (0, 10), (8.0, 0)])
def test_an_item_without_votes_or_rating_has_the_weighted_votes_0(rating: float | None, votes: int | None) -> None:
    assert votes_only([item("a"), item("b", rating=rating, votes=votes)]).votes.tolist() == [1, 0]


def test_rare_labels_weigh_more() -> None:
    labels = votes_only(ITEMS).labels
    assert labels.idf[labels.by_name[BOOK]["Classics"]] == 0  # both books have it
    assert labels.idf[labels.by_name[BOOK]["Science Fiction"]] == pytest.approx(np.log(2))


def test_labels_are_as_rare_as_in_the_whole_dataset_if_its_counts_are_given() -> None:
    labels = Model.build(ITEMS, {BOOK: LabelCounts(1000, {"Classics": 10, "Science Fiction": 500}, {})}).labels
    assert labels.idf[labels.by_name[BOOK]["Classics"]] == pytest.approx(np.log(100))


def test_similar_items_are_of_all_types_nearest_first() -> None:
    assert trained().similar(ref("dune"), 10) == [ref("alien", SHOW), ref("emma")]
    assert trained().similar(ref("dune"), 1) == [ref("alien", SHOW)]


@pytest.mark.parametrize("unknown", [ref("emma"), ref("nothing")])
def test_an_item_without_neighbours_has_nothing_similar(unknown: ItemRef) -> None:
    assert trained().similar(unknown, 10) == []


def test_a_selection_of_items_keeps_their_neighbours_labels_and_top_lists() -> None:
    part = trained().select(np.array([2, 0]))
    assert part.ids == ["alien", "dune"]
    assert part.similar(ref("dune"), 10) == [ref("alien", SHOW)]
    assert [part.labels.names[label] for label in part.labels.items[1]] == ["Science Fiction", "Classics"]
    assert part.most_liked[BOOK].tolist() == [1]
