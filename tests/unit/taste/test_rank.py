"""Ranking: the formula of services/taste/README.md, its order, and its reasons."""

import numpy as np
import pytest

from services.taste.model import Model
from services.taste.rank import MAX_ALIKE, Mark, Reason, rank
from services.taste.train import TrainingItem
from tests.unit.taste.models import BOOK, SHOW, item, model, ref


def liked(one: TrainingItem) -> Mark:
    return Mark(ref(one.id, one.type), True, True, one.category, one.themes)


def seen(one: TrainingItem) -> Mark:
    return Mark(ref(one.id, one.type), True, False, one.category, one.themes)


DUNE = item("dune", "Science Fiction", votes=900)
EMMA = item("emma", "Classics", "Romance", votes=500)
SOLARIS = item("solaris", "Science Fiction", votes=300)
PERSUASION = item("persuasion", "Romance", votes=200)
ITEMS = [DUNE, EMMA, SOLARIS, PERSUASION]


def ids(model: Model, *marks: Mark, amount: int = 10, seed: int | None = None) -> list[str]:
    return [one.ref.id for one in rank(model, BOOK, marks, amount, seed=seed)]


def test_without_people_and_marks_the_most_voted_come_first() -> None:
    assert ids(Model.from_items(ITEMS)) == ["dune", "emma", "solaris", "persuasion"]


def test_neighbours_of_a_liked_item_come_first() -> None:
    made = model(ITEMS, {"dune": {"persuasion": 0.5}})
    assert ids(made, liked(DUNE))[0] == "persuasion"


def test_the_score_is_that_of_the_formula() -> None:
    made = model([DUNE, SOLARIS], {"dune": {"solaris": 0.5}}, {"solaris": 30}, people=100)
    (only,) = rank(made, BOOK, [seen(DUNE)], 10)
    votes = 300 / 900
    prior = (30 + 50 * 0.1 * votes) / (100 + 50)
    cosine = 0  # both have the same only label, so it has no weight
    terms = 0.3 * 0.5 + 20 / 21 * (0.4 * prior + 0.2 * 1 / 4 * cosine * votes)
    assert only.score == pytest.approx(terms / (prior + 0.05) ** (0.3 * 1 / 11))


def test_marked_and_excluded_items_are_left_out() -> None:
    found = rank(Model.from_items(ITEMS), BOOK, [seen(EMMA)], 10, exclude=frozenset({ref("solaris")}))
    assert [one.ref.id for one in found] == ["dune", "persuasion"]


def test_only_items_of_the_type_are_ranked() -> None:
    alien = item("alien", kind=SHOW)
    made = model([*ITEMS, alien], {"dune": {"alien": 0.5}})
    assert [one.ref.id for one in rank(made, SHOW, [liked(DUNE)], 10)] == ["alien"]


def test_marks_of_other_types_count_by_their_themes() -> None:
    alien = item("alien", "Sci-Fi", kind=SHOW)
    dune, solaris = (item(id, "Science Fiction", themes=["Sci-Fi"]) for id in ("dune", "solaris"))
    made = Model.from_items([EMMA, dune, solaris, PERSUASION, item("x", "Classics")])
    without = {one.ref: one.score for one in rank(made, BOOK, [liked(item("y", "Nothing", kind=SHOW))], 10)}
    with_theme = {one.ref: one.score for one in rank(made, BOOK, [liked(alien)], 10)}
    assert with_theme[ref("solaris")] > without[ref("solaris")]
    assert with_theme[ref("persuasion")] == pytest.approx(without[ref("persuasion")])


def test_a_mark_on_an_unknown_item_counts_by_its_labels() -> None:
    made = Model.from_items(ITEMS)
    scores = {one.ref.id: one.score for one in rank(made, BOOK, [liked(item("new", "Romance"))], 10)}
    plain = {one.ref.id: one.score for one in rank(made, BOOK, [liked(item("new"))], 10)}
    assert scores["persuasion"] > plain["persuasion"]
    assert scores["solaris"] == pytest.approx(plain["solaris"])


def test_labels_count_more_if_the_items_agree_in_them() -> None:
    made = Model.from_items([*ITEMS, item("x", "History")])

    def gain(*labels: tuple[str, ...]) -> float:
        marks = [liked(item(f"mark{number}", *words)) for number, words in enumerate(labels)]
        with_labels, without = (
            {one.ref.id: one.score for one in rank(made, BOOK, some, 10)}
            for some in (marks, [liked(item(f"mark{number}")) for number in range(len(labels))])
        )
        return with_labels["persuasion"] / without["persuasion"]

    same = gain(("Romance",), ("Romance",), ("Romance",))
    different = gain(("Romance",), ("Science Fiction",), ("History",))
    assert same > 5 * (different - 1) + 1 > 1


def test_with_many_people_labels_count_less_except_for_a_type_without_marks() -> None:
    items = [*ITEMS, item("x", "History")]

    def gain(people: int, kind: int) -> float:
        made = model(items, people=people)
        with_labels, without = (
            {one.ref.id: one.score for one in rank(made, BOOK, [mark], 10)}
            for mark in (liked(item("new", "Romance", kind=kind)), liked(item("new", kind=kind)))
        )
        return with_labels["persuasion"] - without["persuasion"]

    assert 0 < gain(10_000, BOOK) < gain(0, BOOK) / 2
    assert gain(10_000, SHOW) == pytest.approx(gain(0, SHOW))


def test_the_reason_names_the_items_with_the_largest_contributions() -> None:
    others = [item(f"book{number}") for number in range(4)]
    weights = {"book0": 0.1, "book1": 0.4, "book2": 0.2, "book3": 0.3}
    made = model([*others, SOLARIS], {id: {"solaris": weight} for id, weight in weights.items()})
    marks = [liked(others[0]), seen(others[1]), liked(others[2]), liked(others[3])]
    (found,) = rank(made, BOOK, marks, 1)
    assert found.reason == Reason(items=(ref("book3"), ref("book2"), ref("book1")))  # 0.3, 0.2, and 0.3 of 0.4


def test_the_reason_is_popularity_if_that_is_the_largest_term() -> None:
    made = model(ITEMS, {"emma": {"dune": 0.001}}, {"dune": 90})
    best = rank(made, BOOK, [seen(EMMA)], 1)[0]
    assert best.ref == ref("dune")
    assert best.reason.popular


def test_the_reason_is_the_theme_if_labels_decide() -> None:
    rare = [item(f"book{number}", "Classics", votes=1000) for number in range(30)]
    marks = [liked(item(f"old{number}", "Romance")) for number in range(20)]
    made = Model.from_items([*rare, PERSUASION])
    found = {one.ref.id: one.reason for one in rank(made, BOOK, [*marks, seen(EMMA)], 40)}
    assert found["persuasion"] == Reason((), "Romance", seen=21, liked=20)
    assert found["book0"].popular


def test_the_same_seed_gives_the_same_order() -> None:
    made = Model.from_items([item(f"book{number}", votes=100 + number) for number in range(100)])
    assert ids(made, seed=1) == ids(made, seed=1)
    assert ids(made, seed=1) != ids(made, seed=2)


def test_noise_of_an_item_does_not_depend_on_the_others() -> None:
    made = Model.from_items([item(f"book{number}", votes=100 + number) for number in range(100)])
    order = [one.ref for one in rank(made, BOOK, [], 100, seed=1)]
    hidden = frozenset(order[:5])
    assert [one.ref for one in rank(made, BOOK, [], 95, seed=1, exclude=hidden)] == order[5:]


def test_look_alikes_are_spread() -> None:
    alike = [item(f"vampire{number}", "Vampires", votes=1000) for number in range(8)]
    others = [item(f"book{number}", votes=10) for number in range(100)]
    found = ids(Model.from_items([*alike, *others]), amount=20)
    for start in (0, 10):
        assert sum(id.startswith("vampire") for id in found[start : start + 10]) == MAX_ALIKE


def test_look_alikes_are_given_if_there_is_nothing_else() -> None:
    alike = [item(f"vampire{number}", "Vampires", votes=100 + number) for number in range(8)]
    made = Model.from_items(alike, None)
    assert len(ids(made)) == 8


def test_nothing_known_gives_nothing() -> None:
    assert rank(Model.from_items([]), BOOK, [liked(DUNE)], 10) == []


def test_items_without_votes_are_given_too() -> None:
    made = Model.from_items([item("a", votes=None, rating=None), item("b", votes=None, rating=None)])
    assert [one.reason.popular for one in rank(made, BOOK, [], 10, seed=3)] == [True, True]


def test_only_the_newest_marks_are_read() -> None:
    old = item("old")
    made = model([*ITEMS, old], {"old": {"persuasion": 5.0}})
    newer = [seen(item(f"new{number}")) for number in range(200)]
    assert ids(made, *newer, liked(old))[0] == "dune"
    assert "old" not in ids(made, *newer, liked(old))


def test_more_marks_never_break_the_scores() -> None:
    random = np.random.default_rng(1)
    items = [item(f"book{number}", f"label{number % 9}", votes=int(random.integers(1000))) for number in range(300)]
    weights = {
        f"book{number}": {f"book{target}": 0.1 for target in random.integers(300, size=20)} for number in range(300)
    }
    made = model(items, weights, {f"book{number}": number for number in range(90)})
    for count in (0, 1, 50, 200):
        found = rank(made, BOOK, [liked(one) for one in items[:count]], 50, seed=1)
        assert len(found) == 50
        assert np.isfinite([one.score for one in found]).all()
