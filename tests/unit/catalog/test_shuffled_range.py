"""Random numbers without repetition."""

import itertools
import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from services.catalog.store.sampling import shuffled_range


@given(st.integers(0, 200), st.integers())
def test_each_number_occurs_once(stop: int, seed: int) -> None:
    assert sorted(shuffled_range(stop, random.Random(seed))) == list(range(stop))


@given(st.integers(1, 10**15), st.integers(1, 50), st.integers())
def test_a_few_numbers_of_a_huge_range_are_different_and_in_range(stop: int, amount: int, seed: int) -> None:
    drawn = list(itertools.islice(shuffled_range(stop, random.Random(seed)), amount))
    assert len(set(drawn)) == len(drawn) == min(amount, stop)
    assert all(0 <= number < stop for number in drawn)


def test_every_order_is_equally_likely() -> None:
    source = random.Random(1)
    orders = Counter(tuple(shuffled_range(4, source)) for _ in range(24_000))
    assert len(orders) == 24
    assert sum((count - 1000) ** 2 / 1000 for count in orders.values()) < 50  # chi-square, 23 degrees of freedom
