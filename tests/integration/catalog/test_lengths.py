"""A shard remembers the lengths of its lists for a short time."""

import pytest

from services.catalog.item import Item
from services.catalog.store import shard as shard_module
from services.catalog.store.positions import ALL_ITEMS
from services.catalog.store.store import Store


async def test_a_lengths_age_is_limited(store: Store, replica: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_module, "LENGTHS_MAX_AGE_S", 3600)
    assert await store.count(ALL_ITEMS) == 0
    await replica.create(Item(name="Dune"))
    assert await store.count(ALL_ITEMS) == 0

    for shard in store.shards:
        shard._lengths_expire = 0
    assert await store.count(ALL_ITEMS) == 1


async def test_own_writes_are_counted_at_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_module, "LENGTHS_MAX_AGE_S", 3600)
    for category in (ALL_ITEMS, "Novel"):
        assert await store.count(category) == 0
    item = await store.create(Item(name="Dune", category=("Novel",)))
    assert [await store.count(category) for category in (ALL_ITEMS, "Novel")] == [1, 1]
    await store.delete(item.id)
    assert [await store.count(category) for category in (ALL_ITEMS, "Novel")] == [0, 0]


async def test_a_length_read_during_a_write_is_not_remembered(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_module, "LENGTHS_MAX_AGE_S", 3600)
    first = store.shards[0]
    read_lengths = first.positions.lengths

    async def overtaken_by_a_write(list_names: list[str]) -> dict[str, int]:
        lengths = await read_lengths(list_names)
        monkeypatch.undo()
        await first.insert([{"category": []}])
        return lengths

    monkeypatch.setattr(first.positions, "lengths", overtaken_by_a_write)
    assert await first.length(ALL_ITEMS) == 0
    assert await first.length(ALL_ITEMS) == 1
