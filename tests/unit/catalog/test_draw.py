"""Random numbers, each once."""

import itertools
import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from services.catalog import draw


@given(st.integers(0, 200), st.integers())
def test_all_numbers_come_once(below: int, seed: int) -> None:
    assert sorted(draw.numbers(below, random.Random(seed))) == list(range(below))


@given(st.integers(1, 10**15), st.integers(1, 50), st.integers())
def test_few_of_many_are_different_and_in_range(below: int, amount: int, seed: int) -> None:
    drawn = list(itertools.islice(draw.numbers(below, random.Random(seed)), amount))
    assert len(set(drawn)) == len(drawn) == min(amount, below)
    assert all(0 <= number < below for number in drawn)


def test_every_order_is_equally_likely() -> None:
    source = random.Random(1)
    orders = Counter(tuple(draw.numbers(4, source)) for _ in range(24_000))
    assert len(orders) == 24
    assert sum((count - 1000) ** 2 / 1000 for count in orders.values()) < 50  # chi-square of 23 degrees, p < 0.001
