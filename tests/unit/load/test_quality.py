"""Evaluation of suggestions: how marks are split, the metrics, and the compared methods."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from load.benchmarks.quality import data, methods, metrics, suite
from load.benchmarks.quality.data import Data, Person, Split
from services.taste.domain import ItemRef, Mark
from services.taste.model import Model
from services.taste.training_files import TrainingItem

BOOK = 1
ITEMS = [
    TrainingItem(BOOK, f"book{number}", (theme := ("Even", "Odd")[number % 2],), (theme,), 8.0, 1000 - number)
    for number in range(100)
]


def mark(number: int, liked: bool = True) -> Mark:
    item = ITEMS[number]
    return Mark(ItemRef(BOOK, item.id), True, liked, item.category, item.themes)


def people(count: int, marks: int) -> list[Person]:
    """Each has a taste for even or for odd items."""
    random = np.random.default_rng(1)
    chosen = [random.choice(50, marks, replace=False) for _ in range(count)]
    return [
        Person(f"p{number}", BOOK, [mark(int(2 * half + number % 2)) for half in halves])
        for number, halves in enumerate(chosen)
    ]


def evaluated(of: list[Person]) -> Data:
    return Data({BOOK: "book"}, ITEMS, of, Counter())


def test_a_fifth_of_the_marks_is_hidden_from_training() -> None:
    splits, training = data.split_known(evaluated(people(20, 40)))
    assert [len(split.known) for split in splits] == [32] * 20
    for split, trained in zip(splits, training, strict=True):
        assert trained.marks == split.known
        assert not split.relevant & {mark.ref for mark in split.known}


def test_people_with_few_ratings_are_only_trained_on() -> None:
    splits, training = data.split_known(evaluated(people(20, 9)))
    assert splits == []
    assert [len(person.marks) for person in training] == [9] * 20


def test_nobody_is_in_the_training_of_their_own_fold() -> None:
    folds = data.folds(evaluated(people(100, 30)))
    assert sorted(person.name for new, _ in folds for person in new) == sorted(f"p{number}" for number in range(100))
    for new, training in folds:
        assert not {person.name for person in new} & {person.name for person in training}


def test_more_marks_of_a_new_person_include_the_fewer() -> None:
    few, many = (data.split_new(people(1, 40), known, seed=3)[0] for known in (3, 10))
    assert few.known == many.known[:3]


def test_lines_without_a_rating_or_an_item_are_counted(tmp_path: Path) -> None:
    header = "book_title,book_desc,book_rating,book_rating_count,genres,image_url\n"
    (tmp_path / "book_data.csv").write_text(f"{header}Dune,,4.2,900,Science Fiction,https://x.org/1.jpg\n")
    (tmp_path / "ratings.csv").write_text("person,source_id,rating,rated_at\na,1,10,\na,2,10,\nb,1,,\nb,1,x,\n")
    read = data.read([("book", tmp_path / "book_data.csv")], [("book", tmp_path / "ratings.csv")])
    assert read.skipped == {"unknown item": 1, "no rating": 2}
    assert [(person.name, person.marks[0].liked) for person in read.people] == [("book:a", True)]
    assert read.items[0].themes == ("Sci-Fi",)


def test_figures_of_a_case_computed_by_hand() -> None:
    split = Split(Person("p", BOOK, []), [], frozenset({ItemRef(BOOK, "a"), ItemRef(BOOK, "c")}))
    lists = [[ItemRef(BOOK, "a"), ItemRef(BOOK, "b")]]
    labels = {ItemRef(BOOK, "a"): frozenset({"x", "y"}), ItemRef(BOOK, "b"): frozenset({"y", "z"})}
    found = metrics.figures(
        [split],
        lists,
        [[ItemRef(BOOK, "b"), ItemRef(BOOK, "c")]],
        labels,
        {ItemRef(BOOK, "a"): 0.5, ItemRef(BOOK, "b"): 0.125},
    )
    assert found.ndcg == pytest.approx(1 / (1 + 1 / np.log2(3)))
    assert found.recall == 0.5
    assert found.titles == 2
    assert found.novelty == pytest.approx(2)  # 1 and 3 bits
    assert found.diversity == pytest.approx(2 / 3)
    assert found.repeats == 0.5


def test_a_person_with_several_draws_counts_once() -> None:
    mean, error, count = metrics.mean_of_draws(["a", "a", "b"], [0.0, 1.0, 1.0])
    assert (mean, count) == (0.75, 2)
    assert error == pytest.approx(0.25)


METHODS = {
    "item-kNN": methods.item_knn,
    "EASE": methods.ease,
}


@pytest.mark.parametrize("name", METHODS)
def test_the_baselines_find_the_taste(name: str) -> None:
    known = people(200, 20)
    split = Split(known[0], known[0].marks[:10], frozenset({ItemRef(BOOK, "book0")}))
    (best,) = METHODS[name](known)([split], 1)
    assert all(int(id.removeprefix("book")) % 2 == 0 for _, id in best[:10])
    assert not {*best} & {mark.ref for mark in split.known}


def test_the_default_rule_draws_from_the_themes() -> None:
    person = people(1, 20)[0]
    (best,) = methods.default_rule(evaluated([person]))([Split(person, person.marks, frozenset())], 1)
    assert len({*best}) == 10
    assert all(int(id.removeprefix("book")) % 2 == 0 for _, id in best)
    assert not {*best} & {mark.ref for mark in person.marks}


def test_votes_and_random_lists_leave_out_known_marks() -> None:
    split = Split(people(1, 20)[0], [mark(number) for number in range(5)], frozenset())
    (voted,) = methods.most_voted(evaluated([]))([split], 1)
    (drawn,) = methods.at_random(evaluated([]))([split], 1)
    assert voted == [ItemRef(BOOK, f"book{number}") for number in range(5, 25)]
    assert not {*drawn} & {mark.ref for mark in split.known}
    assert len({*drawn}) == methods.LENGTH


def test_taste_is_the_code_that_serves() -> None:
    split = Split(people(1, 20)[0], [mark(0)], frozenset())
    (best,) = methods.taste(Model.build(ITEMS, {}))([split], 1)
    assert best[0] in {ItemRef(BOOK, "book1"), ItemRef(BOOK, "book2")}
    assert ItemRef(BOOK, "book0") not in best


def test_the_suite_gets_the_ratings_of_the_training_people_only(tmp_path: Path) -> None:
    (tmp_path / "all.csv").write_text("person,source_id,rating\na,1,10\nb,1,5\na,2,7\n")
    suite.write_ratings(tmp_path / "all.csv", tmp_path / "some.csv", "book", [Person("book:a", BOOK, [])])
    assert (tmp_path / "some.csv").read_text().split() == ["person,source_id,rating,rated_at", "a,1,10,", "a,2,7,"]


@pytest.mark.parametrize(("online", "agree"), [("abab", "they agree"), ("bbba", "they do not agree")])
def test_http_and_offline_agree_if_the_difference_is_within_two_errors(online: str, agree: str) -> None:
    """Of the items a and b, a is the only hidden like."""
    splits = [Split(Person(f"p{number}", BOOK, []), [], frozenset({ItemRef(BOOK, "a")})) for number in range(4)]
    text = suite.summary("book", splits, [[ItemRef(BOOK, id)] for id in online], [[ItemRef(BOOK, "a")]] * 4)
    assert agree in text
