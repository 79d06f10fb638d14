"""The cost of a request does not depend on the size of the dataset. Measured by MongoDB's profiler, not by time."""

import asyncio
import random
from collections.abc import Iterator

import pytest

from seen.v1.types_pb2 import ItemType
from services.catalog.item import Item
from services.catalog.store import documents
from services.catalog.store import shard as shard_module
from services.catalog.store.positions import ALL_ITEMS, theme_of
from services.catalog.store.store import Store, connect
from tests.integration.catalog.lists import Shards
from tests.integration.catalog.servers import Server, drop_database

SIZES = (200, 6000)


@pytest.fixture(autouse=True)
def _lengths_stay_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_module, "LENGTHS_MAX_AGE_S", 3600)


async def fill(store: Store, size: int) -> None:
    source = random.Random(size)
    for shard in store.shards:
        new = [
            Item(
                name=f"Item {number}",
                category=("Rare",) if number % 10 == 0 else ("Common",),
                source_id=str(number),
                votes=number,
            )
            for number in range(size // 2)
        ]
        source.shuffle(new)
        await shard.insert([documents.from_item(item) for item in new])


@pytest.fixture(scope="module", params=SIZES)
def database(request: pytest.FixtureRequest, servers: list[Server]) -> Iterator[str]:
    """The name of a database with this many items on its two shards. Tests leave it as it was."""
    name = f"cost{request.param}"

    async def create() -> None:
        async with connect("book", ItemType.BOOK, [server.uri for server in servers], name) as store:
            await store.create_indexes()
            await fill(store, request.param)

    asyncio.run(create())
    yield name
    drop_database(servers, name)


class Reads:
    """Counts the operations, index entries and documents that are read in the context."""

    def __init__(self, shards: Shards) -> None:
        self._shards = shards
        self.keys = self.documents = self.operations = 0

    def __enter__(self) -> "Reads":
        for shard in self._shards:
            shard.command("profile", 2)
        return self

    def __exit__(self, *_: object) -> None:
        for shard in self._shards:
            shard.command("profile", 0)
            for operation in shard["system.profile"].find({"ns": {"$regex": r"\.book(_counts)?$"}}):
                self.operations += 1
                self.keys += operation.get("keysExamined", 0)
                self.documents += operation.get("docsExamined", 0)
            shard.drop_collection("system.profile")


async def test_a_page_costs_the_same_at_any_start(store: Store, shards: Shards) -> None:
    length = await store.count(ALL_ITEMS)
    for start in (0, length // 2, length - 20):
        with Reads(shards) as reads:
            items, _ = await store.list_items(ALL_ITEMS, start, 20)
        assert len(items) == 20
        assert (reads.operations, reads.documents) == (2, 20)  # per shard: ten items
        assert reads.keys <= 22


async def test_a_page_of_a_category_reads_only_its_items(store: Store, shards: Shards) -> None:
    with Reads(shards) as reads:
        items, _ = await store.list_items("Rare", 10, 10)
    assert len(items) == 10
    assert (reads.operations, reads.documents) == (4, 12)  # per shard: the counter, the first time, and five items


async def test_a_count_reads_one_counter_per_shard_once(store: Store, shards: Shards) -> None:
    for category in (ALL_ITEMS, "Rare"):
        for operations in (2, 0):
            with Reads(shards) as reads:
                await store.count(category)
            assert (reads.operations, reads.documents) == (operations, operations)


async def test_a_sample_reads_only_its_items(store: Store, shards: Shards) -> None:
    with Reads(shards) as reads:
        samples = await store.sample(["Rare", "Common"], 10)
    assert sum(len(sample.items) for sample in samples) == 20
    assert (reads.operations, reads.documents) == (4, 24)  # two counters per shard and 20 items
    assert reads.keys <= 50
    with Reads(shards) as reads:
        await store.sample(["Rare", "Common"], 10)
    assert (reads.operations, reads.documents) == (2, 20)


async def test_themes_without_items_cost_no_further_operation(store: Store, shards: Shards) -> None:
    with Reads(shards) as reads:
        (sample,) = await store.sample(["None", "Nothing", "Rare", "Common"], 10, max_themes=1)
    assert theme_of(sample.list_name) == "Rare"
    assert (reads.operations, reads.documents) == (4, 14)  # two counters per shard and 10 items


async def test_the_most_voted_items_are_read_from_an_index(store: Store, shards: Shards) -> None:
    with Reads(shards) as reads:
        items = await store.most_voted(20)
    assert len(items) == 20
    assert (reads.operations, reads.keys, reads.documents) == (2, 40, 40)  # 20 per shard


async def test_items_are_found_by_source_id_in_one_query_per_shard(store: Store, shards: Shards) -> None:
    with Reads(shards) as reads:
        assert len(await store.find_by_source_id([str(number) for number in range(50)])) == 100
    assert (reads.operations, reads.documents) == (2, 100)


async def test_counting_categories_reads_only_counters(store: Store, shards: Shards) -> None:
    with Reads(shards) as reads:
        await store.counts()
    assert (reads.operations, reads.documents) == (2, 10)  # per shard: all items, two categories and two themes


async def test_getting_an_item_reads_one_document(store: Store, shards: Shards) -> None:
    (item,), _ = await store.list_items(ALL_ITEMS, 3, 1)
    with Reads(shards) as reads:
        await store.get(item.id)
    assert (reads.operations, reads.keys, reads.documents) == (1, 1, 1)


async def test_getting_many_items_is_one_query_per_shard(store: Store, shards: Shards) -> None:
    items, _ = await store.list_items(ALL_ITEMS, 0, 50)
    with Reads(shards) as reads:
        assert len(await store.batch_get([item.id for item in items])) == 50
    assert (reads.operations, reads.documents) == (2, 50)


async def test_a_create_reserves_a_position_in_each_list_inserts_and_confirms_once(
    store: Store, shards: Shards
) -> None:
    await store.count(ALL_ITEMS)
    with Reads(shards) as reads:
        item = await store.create(Item(name="New", category=("Rare", "Common")))
    assert reads.operations == 5 + 1 + 1  # all items, two categories and two themes
    await store.delete(item.id)


async def test_a_delete_reads_few_documents(store: Store, shards: Shards) -> None:
    items = [await store.create(Item(name="New", category=("Common",))) for _ in range(4)]
    with Reads(shards) as reads:
        await store.delete(items[0].id)  # not the last item of its shard: the last one fills the hole
    assert reads.documents <= 10
    for item in items[1:]:
        await store.delete(item.id)


async def test_a_search_by_prefix_reads_only_its_hits(store: Store, shards: Shards) -> None:
    with Reads(shards) as reads:
        hits = await store.search("item", "")
    assert len(hits) == 200
    assert reads.documents <= 2 * 200 + 200  # the smaller dataset is also searched by words
