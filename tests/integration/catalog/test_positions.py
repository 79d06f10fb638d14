"""The position index: holes left by concurrent requests and crashes are filled, and no item is lost."""

import asyncio
import random
from collections import Counter

import pytest

from services.catalog.item import Item
from services.catalog.store import documents
from services.catalog.store import shard as shard_module
from services.catalog.store.positions import ALL_ITEMS, theme_list
from services.catalog.store.store import Store
from services.common.errors import Aborted, AlreadyExists, NotFound
from tests.integration.catalog.lists import Shards, assert_no_holes

# Each is also a theme.
CATEGORIES = ("Drama", "Comedy", "Fantasy", "History")


@pytest.fixture(autouse=True)
def _fill_holes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_module, "FILL_DELAY_S", 0.01)


def random_item(number: int, source: random.Random) -> Item:
    return Item(name=f"Item {number}", category=tuple(source.sample(CATEGORIES, source.randrange(4))))


async def all_items(store: Store, category: str = ALL_ITEMS) -> list[Item]:
    items, _ = await store.list_items(category, 0, 1000)
    return items


async def wait_until_filled(store: Store, shards: Shards) -> None:
    """Reads all lists, because reading a hole starts filling it."""
    for _ in range(50):
        for list_name in (ALL_ITEMS, *CATEGORIES, *map(theme_list, CATEGORIES)):
            await all_items(store, list_name)
        await asyncio.sleep(0.05)
        try:
            return assert_no_holes(shards)
        except AssertionError:
            continue
    assert_no_holes(shards)


@pytest.mark.parametrize("seed", range(3))
async def test_each_list_contains_its_items_once(store: Store, shards: Shards, seed: int) -> None:
    source = random.Random(seed)
    expected_items: dict[str, Item] = {}
    for number in range(120):
        if expected_items and source.random() < 0.45:
            deleted = source.choice(sorted(expected_items))
            del expected_items[deleted]
            await store.delete(deleted)
        else:
            created = await store.create(random_item(number, source))
            expected_items[created.id] = created
    assert_no_holes(shards)
    for category in (ALL_ITEMS, *CATEGORIES):
        expected = {item_id for item_id, item in expected_items.items() if category in (ALL_ITEMS, *item.category)}
        listed = [item.id for item in await all_items(store, category)]
        assert sorted(listed) == sorted(expected)
        assert await store.count(category) == len(expected)


@pytest.mark.parametrize("seed", range(3))
async def test_concurrent_creates_and_deletes_lose_no_item(store: Store, shards: Shards, seed: int) -> None:
    source = random.Random(seed)
    first = await asyncio.gather(*(store.create(random_item(number, source)) for number in range(60)))
    deleted = source.sample(first, 40)
    added = await asyncio.gather(
        *(store.delete(item.id) for item in deleted[:20]),
        *(store.create(random_item(number, source)) for number in range(60, 100)),
        *(store.delete(item.id) for item in deleted[20:]),
    )
    await wait_until_filled(store, shards)
    expected = {item.id for item in first} - {item.id for item in deleted} | {item.id for item in added if item}
    assert Counter(item.id for item in await all_items(store)) == Counter(expected)


async def test_one_of_several_concurrent_deletes_of_an_item_succeeds(store: Store, shards: Shards) -> None:
    source = random.Random(0)
    items = [await store.create(random_item(number, source)) for number in range(10)]
    results = await asyncio.gather(*(store.delete(items[3].id) for _ in range(8)), return_exceptions=True)
    assert [type(result) for result in results].count(NotFound) == 7
    assert results.count(None) == 1
    await wait_until_filled(store, shards)
    assert await store.count(ALL_ITEMS) == 9


async def test_concurrent_creates_with_one_source_id_create_at_most_one_item(store: Store, shards: Shards) -> None:
    await store.create(Item(name="Other"))
    twin = Item(name="Twin", source_id="twin", category=("Drama",))
    results = await asyncio.gather(*(store.create(twin) for _ in range(10)), return_exceptions=True)
    assert {type(result) for result in results} <= {Item, AlreadyExists, Aborted}
    in_shards = sum(shard["book"].count_documents({"sourceId": "twin"}) for shard in shards)
    assert in_shards == [type(result) for result in results].count(Item) <= 1
    await wait_until_filled(store, shards)


async def test_a_new_item_is_created_on_the_shard_with_the_fewest_items(store: Store, shards: Shards) -> None:
    items = [await store.create(Item(name=str(number))) for number in range(6)]
    assert [item.id[0] for item in items] == ["1", "2"] * 3
    for item in items:
        if item.id[0] == "1":
            await store.delete(item.id)
    assert [(await store.create(Item(name="new"))).id[0] for _ in range(4)] == ["1", "1", "1", "1"]


async def test_the_shards_lists_are_merged_round_robin(store: Store) -> None:
    items = [await store.create(Item(name=str(number))) for number in range(8)]
    await store.delete(items[1].id)  # on shard 2, whose last item fills the hole
    assert [item.name for item in await all_items(store)] == ["0", "7", "2", "3", "4", "5", "6"]


async def test_positions_reserved_by_a_crashed_create_are_skipped_then_filled(store: Store, shards: Shards) -> None:
    shard = store.shards[0]
    before = await store.create(Item(name="before", category=("Drama",)))
    document = documents.from_item(Item(name="crashed", category=("Drama",)))
    await shard.positions.reserve_for([document])
    await shard.insert([documents.from_item(Item(name="after", category=("Drama",)))])
    assert [item.name for item in await all_items(store)] == [before.name, "after"]
    await wait_until_filled(store, shards)
    assert await store.count(ALL_ITEMS) == await store.count("Drama") == 2


async def test_the_hole_of_a_crashed_delete_is_filled(store: Store, shards: Shards) -> None:
    items = [await store.create(Item(name=str(number), category=("Drama",))) for number in range(10)]
    shards[0]["book"].delete_one({"name": "2"})
    (sample,) = await store.sample(["Drama"], 10)
    assert sorted(item.name for item in sample.items) == sorted(item.name for item in items if item.name != "2")
    await wait_until_filled(store, shards)
    assert await store.count("Drama") == 9


async def test_an_item_is_listed_even_if_its_reserved_position_was_removed(store: Store, shards: Shards) -> None:
    """Filling treats a reserved position without an item as a hole, and lowers the length."""
    shard = store.shards[0]
    document = documents.from_item(Item(name="slow", category=("Drama",)))
    reserved = await shard.positions.reserve_for([document])
    for name, positions in reserved.items():
        await shard.positions.fill([(name, positions.start)])
    assert await store.count(ALL_ITEMS) == 0
    await shard.items.insert_one(document)
    await shard.positions.confirm(reserved)
    assert [item.name for item in await all_items(store, "Drama")] == ["slow"]
    assert_no_holes(shards)


async def test_a_new_item_that_is_moved_before_its_confirmation_leaves_no_hole(store: Store, shards: Shards) -> None:
    shard = store.shards[0]
    deleted = documents.from_item(Item(name="deleted"))
    await shard.insert([deleted])
    await shard.insert([documents.from_item(Item(name="before"))])
    quick = documents.from_item(Item(name="quick"))
    reserved = await shard.positions.reserve_for([quick])
    await shard.items.insert_one(quick)
    await shard.delete(deleted["_id"])
    await shard.positions.confirm(reserved)
    assert [item.name for item in await all_items(store)] == ["quick", "before"]
    assert_no_holes(shards)


async def test_an_item_whose_reserved_position_is_occupied_gets_another(store: Store, shards: Shards) -> None:
    shard = store.shards[0]
    slow = documents.from_item(Item(name="slow", category=("Drama",)))
    reserved = await shard.positions.reserve_for([slow])
    await shard.positions.fill([(ALL_ITEMS, reserved[ALL_ITEMS].start)])
    await shard.insert([documents.from_item(Item(name="quick"))])
    # What `insert` does after reserving positions.
    ((refused, index),) = await shard._insert_many([slow])
    assert (refused["name"], index) == ("slow", "places")
    assert await shard.insert([documents.without_positions(refused)]) == []
    await wait_until_filled(store, shards)
    assert sorted(item.name for item in await all_items(store)) == ["quick", "slow"]


async def test_positions_reserved_by_an_active_batch_are_not_filled(store: Store, shards: Shards) -> None:
    shard = store.shards[0]
    batch = [documents.from_item(Item(name=str(number), category=("Drama",))) for number in range(5)]
    reserved = await shard.positions.reserve_for(batch, batch=True)
    assert await all_items(store, "Drama") == []
    assert shard._filling
    await shard._filling
    assert await store.count("Drama") == 5
    await shard.items.insert_many(batch)
    await shard.positions.confirm(reserved, batch=True)
    assert len(await all_items(store, "Drama")) == 5
    assert_no_holes(shards)


@pytest.mark.parametrize("inserted", [[], [0, 1], [3, 4], [1, 3], [0, 1, 2, 3, 4]])
async def test_repair_fills_the_holes_of_a_crashed_batch(store: Store, shards: Shards, inserted: list[int]) -> None:
    shard = store.shards[0]
    await shard.insert([documents.from_item(Item(name="before", category=("Drama",)))])
    batch = [documents.from_item(Item(name=str(number), category=("Drama",))) for number in range(5)]
    await shard.positions.reserve_for(batch, batch=True)
    await shard.insert([documents.from_item(Item(name="between", category=("Comedy",)))])
    for number in inserted:
        await shard.items.insert_one(batch[number])
    await shard.positions.repair()
    assert_no_holes(shards)
    assert len(await all_items(store)) == len(inserted) + 2
    assert await store.count("Drama") == len(inserted) + 1
