"""Samples are uniformly random."""

import random
from collections import Counter

import pytest

from services.catalog.item import Item
from services.catalog.store import documents
from services.catalog.store.positions import theme_of
from services.catalog.store.store import Store


@pytest.fixture(autouse=True)
def _seeded() -> None:
    random.seed(20)


async def fill(store: Store, amounts: tuple[int, int]) -> None:
    """The shards get different numbers of items."""
    for shard, amount in zip(store.shards, amounts, strict=True):
        new = [
            documents.from_item(Item(name=f"{shard.label} {number}", category=("Drama",) if number % 2 else ()))
            for number in range(amount)
        ]
        assert await shard.insert(new) == []


@pytest.mark.parametrize("theme", ["", "Drama"])
async def test_every_item_is_equally_likely(store: Store, theme: str) -> None:
    await fill(store, (60, 20))
    items = await store.count(theme)
    drawn: Counter[str] = Counter()
    for _ in range(400):
        (sample,) = await store.sample([theme] if theme else [], 10)
        drawn.update(item.id for item in sample.items)
    expected = drawn.total() / items
    chi_square = sum((count - expected) ** 2 / expected for count in drawn.values())
    assert len(drawn) == items
    assert chi_square < items * 1.5


async def test_a_sample_never_repeats_an_item(store: Store) -> None:
    await fill(store, (15, 5))
    for amount in range(1, 25):
        (sample,) = await store.sample([], amount)
        assert len({item.id for item in sample.items}) == len(sample.items) == min(amount, 20)
        assert sample.complete == (amount >= 20)


async def test_the_order_within_a_sample_is_random(store: Store) -> None:
    await fill(store, (3, 3))
    first: Counter[str] = Counter()
    for _ in range(300):
        (sample,) = await store.sample([], 6)
        first[sample.items[0].id] += 1
    assert len(first) == 6
    assert min(first.values()) > 25


async def test_samples_are_in_the_order_of_the_themes(store: Store) -> None:
    await fill(store, (4, 4))
    samples = await store.sample(["None", "Drama", "Drama"], 2)
    sizes = [(theme_of(sample.list_name), len(sample.items)) for sample in samples]
    assert sizes == [("None", 0), ("Drama", 2), ("Drama", 2)]


async def test_a_seeded_sample_does_not_depend_on_the_other_themes(store: Store) -> None:
    await fill(store, (60, 20))
    (alone,) = await store.sample(["Drama"], 10, seed=7)
    _, beside = await store.sample(["None", "Drama"], 10, seed=7)
    assert alone == beside
