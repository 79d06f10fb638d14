"""Lists stay without holes, and what crashes or collides loses no item."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence

import pytest
from pymongo.synchronous.database import Database

from services.catalog import documents
from services.catalog import shard as shard_module
from services.catalog.documents import Document
from services.catalog.item import Item
from services.catalog.places import WHOLE
from services.catalog.store import Store
from services.common.errors import Aborted, AlreadyExists, NotFound
from tests.integration.catalog.density import assert_dense

CATEGORIES = ("Drama", "Comedy", "Fantasy", "History")
Shards = Sequence[Database[Document]]


@pytest.fixture(autouse=True)
def _heal_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_module, "HEAL_AFTER_S", 0.01)


def item(number: int, source: random.Random) -> Item:
    return Item(name=f"Item {number}", category=tuple(source.sample(CATEGORIES, source.randrange(4))))


async def all_items(store: Store, category: str = WHOLE) -> list[Item]:
    return await store.items(category, 0, 1000)


async def until_closed(store: Store, shards: Shards) -> None:
    """Readers close the holes that they meet."""
    for _ in range(50):
        for category in (WHOLE, *CATEGORIES):
            await all_items(store, category)
        await asyncio.sleep(0.05)
        try:
            return assert_dense(shards)
        except AssertionError:
            continue
    assert_dense(shards)


@pytest.mark.parametrize("seed", range(3))
async def test_lists_hold_each_item_once_after_any_adds_and_deletes(store: Store, shards: Shards, seed: int) -> None:
    source = random.Random(seed)
    there: dict[str, Item] = {}
    for number in range(120):
        if there and source.random() < 0.45:
            gone = source.choice(sorted(there))
            del there[gone]
            await store.delete(gone)
        else:
            added = await store.create(item(number, source))
            there[added.id] = added
    assert_dense(shards)
    for category in (WHOLE, *CATEGORIES):
        expected = {item_id for item_id, kept in there.items() if category in (WHOLE, *kept.category)}
        listed = [kept.id for kept in await all_items(store, category)]
        assert sorted(listed) == sorted(expected)
        assert await store.count(category) == len(expected)


@pytest.mark.parametrize("seed", range(3))
async def test_adds_and_deletes_at_the_same_time_lose_nothing(store: Store, shards: Shards, seed: int) -> None:
    source = random.Random(seed)
    first = await asyncio.gather(*(store.create(item(number, source)) for number in range(60)))
    gone = source.sample(first, 40)
    added = await asyncio.gather(
        *(store.delete(one.id) for one in gone[:20]),
        *(store.create(item(number, source)) for number in range(60, 100)),
        *(store.delete(one.id) for one in gone[20:]),
    )
    await until_closed(store, shards)
    expected = {one.id for one in first} - {one.id for one in gone} | {one.id for one in added if one}
    assert Counter(one.id for one in await all_items(store)) == Counter(expected)


async def test_of_deletes_of_one_item_at_the_same_time_one_succeeds(store: Store, shards: Shards) -> None:
    source = random.Random(0)
    items = [await store.create(item(number, source)) for number in range(10)]
    results = await asyncio.gather(*(store.delete(items[3].id) for _ in range(8)), return_exceptions=True)
    assert [type(result) for result in results].count(NotFound) == 7
    assert results.count(None) == 1
    await until_closed(store, shards)
    assert await store.count(WHOLE) == 9


async def test_a_source_id_exists_once_however_many_add_it_at_the_same_time(store: Store, shards: Shards) -> None:
    await store.create(Item(name="Other"))
    twin = Item(name="Twin", source_id="twin", category=("Drama",))
    results = await asyncio.gather(*(store.create(twin) for _ in range(10)), return_exceptions=True)
    assert {type(result) for result in results} <= {Item, AlreadyExists, Aborted}
    in_shards = sum(shard["book"].count_documents({"sourceId": "twin"}) for shard in shards)
    assert in_shards == [type(result) for result in results].count(Item) <= 1
    await until_closed(store, shards)


async def test_a_new_item_goes_to_the_shard_with_the_fewest(store: Store, shards: Shards) -> None:
    items = [await store.create(Item(name=str(number))) for number in range(6)]
    assert [item.id[0] for item in items] == ["1", "2"] * 3
    for one in items:
        if one.id[0] == "1":
            await store.delete(one.id)
    assert [(await store.create(Item(name="new"))).id[0] for _ in range(4)] == ["1", "1", "1", "1"]


async def test_shards_take_turns_in_the_list(store: Store) -> None:
    items = [await store.create(Item(name=str(number))) for number in range(8)]
    await store.delete(items[1].id)  # of shard 2, whose last item moves into the gap
    assert [one.name for one in await all_items(store)] == ["0", "7", "2", "3", "4", "5", "6"]


async def test_places_taken_by_an_add_that_died_are_left_out_then_closed(store: Store, shards: Shards) -> None:
    shard = store.shards[0]
    before = await store.create(Item(name="before", category=("Drama",)))
    document = documents.fields(Item(name="died", category=("Drama",)))
    await shard.places.give([document])
    await shard.create(documents.fields(Item(name="after", category=("Drama",))))
    assert [one.name for one in await all_items(store)] == [before.name, "after"]
    await until_closed(store, shards)
    assert await store.count(WHOLE) == await store.count("Drama") == 2


async def test_a_gap_left_by_a_delete_that_died_is_closed(store: Store, shards: Shards) -> None:
    items = [await store.create(Item(name=str(number), category=("Drama",))) for number in range(10)]
    shards[0]["book"].delete_one({"name": "2"})
    (sample,) = await store.sample(["Drama"], 10)
    assert sorted(one.name for one in sample.items) == sorted(one.name for one in items if one.name != "2")
    await until_closed(store, shards)
    assert await store.count("Drama") == 9


async def test_an_add_that_was_overtaken_by_a_close_is_still_listed(store: Store, shards: Shards) -> None:
    """Whoever closes a gap may take a place for a hole whose item is on its way."""
    shard = store.shards[0]
    document = documents.fields(Item(name="slow", category=("Drama",)))
    taken = await shard.places.give([document])
    for name, places in taken.items():
        await shard.places.close(name, places.start)
    assert await store.count(WHOLE) == 0
    await shard.items.insert_one(document)
    await shard.places.settle(taken)
    assert [one.name for one in await all_items(store, "Drama")] == ["slow"]
    assert_dense(shards)


async def test_an_add_whose_item_was_moved_at_once_leaves_no_hole(store: Store, shards: Shards) -> None:
    """Whoever closes a gap may move an item that has only just come in."""
    shard = store.shards[0]
    gone = await shard.create(documents.fields(Item(name="gone")))
    await shard.create(documents.fields(Item(name="before")))
    quick = documents.fields(Item(name="quick"))
    taken = await shard.places.give([quick])
    await shard.items.insert_one(quick)
    await shard.delete(gone)
    await shard.places.settle(taken)
    assert [one.name for one in await all_items(store)] == ["quick", "before"]
    assert_dense(shards)


async def test_an_add_whose_place_was_given_to_another_takes_a_new_one(store: Store, shards: Shards) -> None:
    shard = store.shards[0]
    slow = documents.fields(Item(name="slow", category=("Drama",)))
    taken = await shard.places.give([slow])
    await shard.places.close(WHOLE, taken[WHOLE].start)
    await shard.create(documents.fields(Item(name="quick")))
    # The rest of what `insert` does for an item that has its places already.
    ((refused, index),) = await shard._insert([slow])
    assert (refused["name"], index) == ("slow", "places")
    assert await shard.insert([documents.stored_fields(refused)]) == []
    await until_closed(store, shards)
    assert sorted(one.name for one in await all_items(store)) == ["quick", "slow"]


async def test_while_a_batch_comes_in_nobody_closes_holes_behind_it(store: Store, shards: Shards) -> None:
    shard = store.shards[0]
    batch = [documents.fields(Item(name=str(number), category=("Drama",))) for number in range(5)]
    taken = await shard.places.give(batch, batch=True)
    assert await all_items(store, "Drama") == []
    await asyncio.sleep(0.2)
    assert await store.count("Drama") == 5
    await shard.items.insert_many(batch)
    await shard.places.settle_batch(taken)
    assert len(await all_items(store, "Drama")) == 5
    assert_dense(shards)


@pytest.mark.parametrize("arrived", [[], [0, 1], [3, 4], [1, 3], [0, 1, 2, 3, 4]])
async def test_a_batch_that_died_is_mended(store: Store, shards: Shards, arrived: list[int]) -> None:
    shard = store.shards[0]
    await shard.create(documents.fields(Item(name="before", category=("Drama",))))
    batch = [documents.fields(Item(name=str(number), category=("Drama",))) for number in range(5)]
    await shard.places.give(batch, batch=True)
    await shard.create(documents.fields(Item(name="between", category=("Comedy",))))
    for number in arrived:
        await shard.items.insert_one(batch[number])
    await shard.places.mend()
    assert_dense(shards)
    assert len(await all_items(store)) == len(arrived) + 2
    assert await store.count("Drama") == len(arrived) + 1
