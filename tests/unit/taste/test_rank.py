"""Ranking: the formula of services/taste/README.md, its order, and its reasons."""

import numpy as np
import pytest

from services.taste.domain import ItemRef, Mark
from services.taste.model import Model
from services.taste.rank import Ranked, rank
from services.taste.rerank import MAX_ALIKE
from services.taste.score import Person, Reason
from services.taste.training_files import TrainingItem
from tests.unit.taste.models import BOOK, SHOW, build, item, ref, votes_only

DUNE = item("dune", "Science Fiction", votes=900)
EMMA = item("emma", "Classics", "Romance", votes=500)
SOLARIS = item("solaris", "Science Fiction", votes=300)
PERSUASION = item("persuasion", "Romance", votes=200)
ITEMS = [DUNE, EMMA, SOLARIS, PERSUASION]


def liked(item: TrainingItem) -> Mark:
    return Mark(ref(item.id, item.type), True, True, item.category, item.themes)


def seen(item: TrainingItem) -> Mark:
    return Mark(ref(item.id, item.type), True, False, item.category, item.themes)


def ranked(
    model: Model, *marks: Mark, item_type: int = BOOK, amount: int = 10, exclude: frozenset[ItemRef] = frozenset()
) -> list[Ranked]:
    return rank(Person(model, marks), item_type, amount, exclude=exclude)


def ids(model: Model, *marks: Mark, amount: int = 10, seed: int | None = None) -> list[str]:
    return [entry.ref.id for entry in rank(Person(model, marks), BOOK, amount, seed=seed)]


def scores(model: Model, *marks: Mark) -> dict[str, float]:
    return {entry.ref.id: entry.score for entry in ranked(model, *marks)}


def test_without_people_and_marks_the_most_voted_come_first() -> None:
    assert ids(votes_only(ITEMS)) == ["dune", "emma", "solaris", "persuasion"]


def test_neighbours_of_a_liked_item_come_first() -> None:
    assert ids(build(ITEMS, {"dune": {"persuasion": 0.5}}), liked(DUNE))[0] == "persuasion"


def test_the_score_is_that_of_the_formula() -> None:
    model = build([DUNE, SOLARIS], {"dune": {"solaris": 0.5}}, {"solaris": 30}, people=100)
    votes = 300 / 900
    popularity = (30 + 50 * 0.1 * votes) / (100 + 50)
    match = 0  # both have the same only label, so it has no weight
    terms = 0.3 * 0.5 + 20 / 21 * (0.4 * popularity + (0.8 + 4 * 50 / (100 + 50)) * 1 / (1 + 3) * match * votes)
    expected = terms / (popularity + 0.05) ** (0.3 * 1 / (1 + 10))
    assert scores(model, seen(DUNE)) == {"solaris": pytest.approx(expected)}


def test_marked_and_excluded_items_are_left_out() -> None:
    best = ranked(votes_only(ITEMS), seen(EMMA), exclude=frozenset({ref("solaris")}))
    assert [entry.ref.id for entry in best] == ["dune", "persuasion"]


def test_only_items_of_the_type_are_ranked() -> None:
    alien = item("alien", item_type=SHOW)
    model = build([*ITEMS, alien], {"dune": {"alien": 0.5}})
    assert [entry.ref.id for entry in ranked(model, liked(DUNE), item_type=SHOW)] == ["alien"]


def test_marks_of_other_types_count_by_their_themes() -> None:
    alien = item("alien", "Sci-Fi", item_type=SHOW)
    dune, solaris = (item(id, "Science Fiction", themes=["Sci-Fi"]) for id in ("dune", "solaris"))
    model = votes_only([EMMA, dune, solaris, PERSUASION, item("x", "Classics")])
    without = scores(model, liked(item("y", "Nothing", item_type=SHOW)))
    with_theme = scores(model, liked(alien))
    assert with_theme["solaris"] > without["solaris"]
    assert with_theme["persuasion"] == pytest.approx(without["persuasion"])


def test_a_mark_on_an_unknown_item_counts_by_its_labels() -> None:
    model = votes_only(ITEMS)
    with_label, without = scores(model, liked(item("new", "Romance"))), scores(model, liked(item("new")))
    assert with_label["persuasion"] > without["persuasion"]
    assert with_label["solaris"] == pytest.approx(without["solaris"])


def test_labels_count_more_if_the_items_agree_in_them() -> None:
    model = votes_only([*ITEMS, item("x", "History")])

    def gain(*labels: str) -> float:
        with_labels = scores(model, *(liked(item(f"mark{number}", label)) for number, label in enumerate(labels)))
        without = scores(model, *(liked(item(f"mark{number}")) for number in range(len(labels))))
        return with_labels["persuasion"] / without["persuasion"]

    same = gain("Romance", "Romance", "Romance")
    different = gain("Romance", "Science Fiction", "History")
    assert same > 5 * (different - 1) + 1 > 1


def test_with_many_people_labels_count_less_except_for_a_type_without_marks() -> None:
    items = [*ITEMS, item("x", "History")]

    def gain(people: int, item_type: int) -> float:
        model = build(items, people=people)
        with_label = scores(model, liked(item("new", "Romance", item_type=item_type)))
        return with_label["persuasion"] - scores(model, liked(item("new", item_type=item_type)))["persuasion"]

    assert 0 < gain(10_000, BOOK) < gain(0, BOOK) / 2
    assert gain(10_000, SHOW) == pytest.approx(gain(0, SHOW))


def test_the_reason_names_the_items_with_the_largest_contributions() -> None:
    others = [item(f"book{number}") for number in range(4)]
    weights = {"book0": 0.1, "book1": 0.4, "book2": 0.2, "book3": 0.3}
    model = build([*others, SOLARIS], {id: {"solaris": weight} for id, weight in weights.items()})
    (best,) = ranked(model, liked(others[0]), seen(others[1]), liked(others[2]), liked(others[3]), amount=1)
    assert best.reason == Reason(items=(ref("book3"), ref("book2"), ref("book1")))  # 0.3, 0.2, and 0.3 of 0.4


def test_the_reason_is_popularity_if_that_is_the_largest_term() -> None:
    (best,) = ranked(build(ITEMS, {"emma": {"dune": 0.001}}, {"dune": 90}), seen(EMMA), amount=1)
    assert best.ref == ref("dune")
    assert best.reason.popular


def test_the_reason_is_the_theme_if_labels_decide() -> None:
    rare = [item(f"book{number}", "Classics", votes=1000) for number in range(30)]
    marks = [liked(item(f"old{number}", "Romance")) for number in range(20)]
    best = ranked(votes_only([*rare, PERSUASION]), *marks, seen(EMMA), amount=40)
    reasons = {entry.ref.id: entry.reason for entry in best}
    assert reasons["persuasion"] == Reason((), "Romance", seen=21, liked=20)
    assert reasons["book0"].popular


def test_the_same_seed_gives_the_same_order() -> None:
    model = votes_only([item(f"book{number}", votes=100 + number) for number in range(100)])
    assert ids(model, seed=1) == ids(model, seed=1)
    assert ids(model, seed=1) != ids(model, seed=2)


def test_noise_of_an_item_does_not_depend_on_the_others() -> None:
    person = Person(votes_only([item(f"book{number}", votes=100 + number) for number in range(100)]), [])
    order = [entry.ref for entry in rank(person, BOOK, 100, seed=1)]
    without_five = rank(person, BOOK, 95, seed=1, exclude=frozenset(order[:5]))
    assert [entry.ref for entry in without_five] == order[5:]


def test_look_alikes_are_spread() -> None:
    alike = [item(f"vampire{number}", "Vampires", votes=1000) for number in range(8)]
    others = [item(f"book{number}", votes=10) for number in range(100)]
    best = ids(votes_only([*alike, *others]), amount=20)
    for start in (0, 10):
        assert sum(id.startswith("vampire") for id in best[start : start + 10]) == MAX_ALIKE


def test_look_alikes_are_given_if_there_is_nothing_else() -> None:
    alike = [item(f"vampire{number}", "Vampires", votes=100 + number) for number in range(8)]
    assert len(ids(votes_only(alike))) == 8


def test_a_model_without_items_ranks_nothing() -> None:
    assert ranked(votes_only([]), liked(DUNE)) == []


def test_items_without_votes_are_ranked_too() -> None:
    model = votes_only([item("a", votes=None, rating=None), item("b", votes=None, rating=None)])
    assert [entry.reason.popular for entry in rank(Person(model, []), BOOK, 10, seed=3)] == [True, True]


def test_only_the_newest_marks_are_read() -> None:
    old = item("old")
    newer = [seen(item(f"new{number}")) for number in range(200)]
    best = ids(build([*ITEMS, old], {"old": {"persuasion": 5.0}}), *newer, liked(old))
    assert best[0] == "dune"
    assert "old" not in best


def test_scores_are_finite_with_any_number_of_marks() -> None:
    random = np.random.default_rng(1)
    items = [item(f"book{number}", f"label{number % 9}", votes=int(random.integers(1000))) for number in range(300)]
    weights = {
        f"book{number}": {f"book{target}": 0.1 for target in random.integers(300, size=20)} for number in range(300)
    }
    model = build(items, weights, {f"book{number}": number for number in range(90)})
    for count in (0, 1, 50, 200):
        best = rank(Person(model, [liked(item) for item in items[:count]]), BOOK, 50, seed=1)
        assert len(best) == 50
        assert np.isfinite([entry.score for entry in best]).all()
