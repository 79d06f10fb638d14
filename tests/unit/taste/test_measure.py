"""Metrics, against cases computed by hand and against pytrec_eval, the published implementation of TREC's."""

import numpy as np
import pytest
import pytrec_eval

from services.taste.domain import Mark
from services.taste.measure import measure, ndcg, recall
from tests.unit.taste.models import BOOK, build, item, ref


@pytest.mark.parametrize(
    ("hits", "relevant", "expected"),
    [
        ([True], 1, 1.0),
        ([False, True], 1, 1 / np.log2(3)),
        ([True, False, True], 2, 1.5 / (1 + 1 / np.log2(3))),
        ([True] * 10, 50, 1.0),  # the ideal list has ten entries
        ([False] * 10 + [True], 1, 0.0),  # the eleventh does not count
        ([], 3, 0.0),
    ],
)
def test_ndcg_of_cases_computed_by_hand(hits: list[bool], relevant: int, expected: float) -> None:
    assert ndcg(hits, relevant) == pytest.approx(expected)


def test_recall_is_the_share_of_the_relevant_items() -> None:
    assert recall([True, False, True, True], 4, 3) == 0.5


def test_the_metrics_are_those_of_a_published_library() -> None:
    random = np.random.default_rng(1)
    for _ in range(200):
        relevant = {str(number) for number in random.choice(60, int(random.integers(1, 30)), replace=False)}
        ranking = [str(number) for number in random.permutation(60)[: int(random.integers(1, 40))]]
        evaluator = pytrec_eval.RelevanceEvaluator({"q": dict.fromkeys(relevant, 1)}, {"ndcg_cut.10", "recall.20"})
        run = {"q": {id: float(-place) for place, id in enumerate(ranking)}}
        expected = evaluator.evaluate(run)["q"]
        hits = [id in relevant for id in ranking]
        assert ndcg(hits, len(relevant)) == pytest.approx(expected["ndcg_cut_10"])
        assert recall(hits, len(relevant), 20) == pytest.approx(expected["recall_20"])


def people(count: int) -> list[list[Mark]]:
    return [[Mark(ref(f"book{number}"), True, True) for number in range(20)] for _ in range(count)]


def test_a_model_that_knows_everything_is_perfect() -> None:
    items = [item(f"book{number}", votes=1) for number in range(20)] + [
        item(f"other{number}", votes=1000) for number in range(50)
    ]
    together = {f"book{number}": {f"book{other}": 9.0 for other in range(20)} for number in range(20)}
    quality = measure(build(items, together), people(30))[BOOK]
    assert quality.ndcg_at_10 == pytest.approx(1.0)
    assert quality.votes_ndcg_at_10 == 0


def test_too_few_people_give_no_figure() -> None:
    assert measure(build([item(f"book{number}") for number in range(20)]), people(19)) == {}
