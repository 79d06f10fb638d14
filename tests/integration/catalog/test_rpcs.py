"""Every RPC, on one shard and on two, over gRPC with real MongoDB servers."""

import asyncio
from collections.abc import Awaitable

import pytest

from seen.v1.catalog_pb2 import (
    PREFIX,
    WHOLE_NAME,
    WORDS,
    BatchGetItemsRequest,
    CountItemsRequest,
    CreateItemRequest,
    DeleteItemRequest,
    FindBySourceIdRequest,
    GetItemRequest,
    ListCategoriesRequest,
    ListItemsRequest,
    ListMostVotedRequest,
    SampleItemsRequest,
    SearchItemsRequest,
)
from seen.v1.types_pb2 import ANIME, BOOK, Item
from services.common.errors import AlreadyExists, InvalidArgument, NotFound, SeenError
from tests.integration.catalog.servers import Dataset

DUNE = Item(
    name="Dune",
    category=["Science Fiction", "Fantasy"],
    rating=8.5,
    description="Spice.\n\nWorms.",
    image_url="https://example.org/dune.jpg",
    kind="novel",
    year=1965,
    source_id="234225",
    votes=614_000,
)


async def create(catalog: Dataset, *names: str, category: str = "Novel") -> list[Item]:
    return [
        await catalog.stub.CreateItem(CreateItemRequest(item=Item(name=name, category=[category]))) for name in names
    ]


async def failed_field(call: Awaitable[object], kind: type[SeenError] = InvalidArgument) -> str | None:
    """The field that the call's error names."""
    with pytest.raises(kind) as failed:
        await call
    return failed.value.field


async def count(catalog: Dataset, category: str = "") -> int:
    answer = await catalog.stub.CountItems(CountItemsRequest(category=category))
    return answer.count


async def list_names(catalog: Dataset, category: str = "", start: int = 0, limit: int = 1000) -> list[str]:
    request = ListItemsRequest(category=category, start=start, limit=limit)
    return [item.name for item in (await catalog.stub.ListItems(request)).items]


async def search(catalog: Dataset, text: str, category: str = "") -> list[tuple[str, int]]:
    answer = await catalog.stub.SearchItems(SearchItemsRequest(text=text, category=category))
    return [(hit.name, hit.match) for hit in answer.hits]


async def test_a_created_item_is_returned(catalog: Dataset) -> None:
    item = await catalog.stub.CreateItem(CreateItemRequest(item=DUNE))
    expected = Item()
    expected.CopyFrom(DUNE)
    expected.type, expected.id = BOOK, item.id
    expected.themes.extend(["Sci-Fi", "Fantasy"])
    assert item == expected
    assert await catalog.stub.GetItem(GetItemRequest(id=item.id)) == expected


async def test_missing_fields_stay_missing(catalog: Dataset) -> None:
    (item,) = await create(catalog, "Anonymous")
    stored = await catalog.stub.GetItem(GetItemRequest(id=item.id))
    optional = ("rating", "description", "image_url", "kind", "year", "source_id", "votes")
    assert [field for field in optional if stored.HasField(field)] == []


async def test_a_rating_of_0_is_a_rating(catalog: Dataset) -> None:
    item = await catalog.stub.CreateItem(CreateItemRequest(item=Item(name="Bad", rating=0)))
    assert (await catalog.stub.GetItem(GetItemRequest(id=item.id))).HasField("rating")


async def test_a_deleted_item_is_not_found(catalog: Dataset) -> None:
    first, _ = await create(catalog, "First", "Second")
    await catalog.stub.DeleteItem(DeleteItemRequest(id=first.id))
    with pytest.raises(NotFound):
        await catalog.stub.GetItem(GetItemRequest(id=first.id))
    assert await list_names(catalog) == await list_names(catalog, "Novel") == ["Second"]
    assert await count(catalog) == await count(catalog, "Novel") == 1
    with pytest.raises(NotFound):
        await catalog.stub.DeleteItem(DeleteItemRequest(id=first.id))


async def test_a_malformed_id_is_refused(catalog: Dataset) -> None:
    for item_id in ("", "x", "1", "é" * 24, "606e2683b3fff1da8a207ae", "0" * 26, "\x00" * 24):
        assert await failed_field(catalog.stub.GetItem(GetItemRequest(id=item_id))) == "id", item_id
        assert await failed_field(catalog.stub.DeleteItem(DeleteItemRequest(id=item_id))) == "id", item_id


async def test_batch_get_returns_items_in_the_order_of_the_ids(catalog: Dataset) -> None:
    items = await create(catalog, "A", "B", "C", "D", "E")
    deleted = items.pop(2)
    await catalog.stub.DeleteItem(DeleteItemRequest(id=deleted.id))
    ids = [items[3].id, deleted.id, items[0].id, "no id", items[2].id, items[1].id]
    answer = await catalog.stub.BatchGetItems(BatchGetItemsRequest(ids=ids))
    assert [item.name for item in answer.items] == ["E", "A", "D", "B"]


async def test_pages_of_any_size_contain_each_item_once(catalog: Dataset) -> None:
    names = [item.name for item in await create(catalog, *(f"Book {number}" for number in range(13)))]
    whole = await list_names(catalog)
    assert sorted(whole) == sorted(names)
    for size in (1, 3, 5, 13, 20):
        pieces = [name for start in range(0, 13, size) for name in await list_names(catalog, start=start, limit=size)]
        assert pieces == whole
    assert await list_names(catalog, start=13) == await list_names(catalog, start=10**15) == []


async def test_a_category_has_its_own_list_and_count(catalog: Dataset) -> None:
    await create(catalog, "A", "B", "C", category="Drama")
    await create(catalog, "D", "E", category="Comedy")
    await catalog.stub.CreateItem(CreateItemRequest(item=Item(name="F", category=["Comedy", "Drama"])))
    assert sorted(await list_names(catalog, "Drama")) == ["A", "B", "C", "F"]
    assert sorted(await list_names(catalog, "Comedy")) == ["D", "E", "F"]
    assert [await count(catalog, name) for name in ("", "Drama", "Comedy", "drama", "None")] == [6, 4, 3, 0, 0]
    assert await list_names(catalog, "None") == []


async def test_equal_names_come_first_then_prefixes_then_words(catalog: Dataset) -> None:
    await create(catalog, "Amélie", "Amelie's Way", "Amelie", "The Story of Amelie", "Ameliella", "Emilia")
    assert await search(catalog, " AMELIE ") == [
        ("Amelie", WHOLE_NAME),
        ("Amélie", WHOLE_NAME),
        ("Ameliella", PREFIX),
        ("Amelie's Way", PREFIX),
        ("The Story of Amelie", WORDS),
    ]


async def test_all_words_must_match_the_last_as_a_prefix(catalog: Dataset) -> None:
    await create(catalog, "The Return of the King", "King of the Hill", "The Lion King", "Return to Oz")
    assert await search(catalog, "king ret") == [("The Return of the King", WORDS)]
    assert await search(catalog, "king, the") == [
        ("King of the Hill", WORDS),
        ("The Lion King", WORDS),
        ("The Return of the King", WORDS),
    ]
    assert await search(catalog, "kin return") == []


async def test_a_search_can_be_limited_to_a_category(catalog: Dataset) -> None:
    await create(catalog, "Dune", "Dune Messiah", category="Science Fiction")
    await create(catalog, "Dune Buggies", "Sand: a Dune", category="Travel")
    assert await search(catalog, "dune", "Travel") == [("Dune Buggies", PREFIX), ("Sand: a Dune", WORDS)]


async def test_any_text_can_be_searched_for(catalog: Dataset) -> None:
    await create(catalog, "Dune", "!!!")
    for text in ("(", ".*", "$where", "\\", "'", "\U0010ffff", "؟"):
        assert await search(catalog, text) == [], text
    assert await search(catalog, "!!!") == [("!!!", WHOLE_NAME)]


async def test_a_search_returns_the_best_200_hits(catalog: Dataset) -> None:
    names = [*(f"x{number:03}" for number in range(205)), "x"]
    await asyncio.gather(*(create(catalog, name) for name in names))
    hits = await search(catalog, "x")
    assert hits == [("x", WHOLE_NAME)] + [(f"x{number:03}", PREFIX) for number in range(199)]


async def test_themes_of_a_client_are_ignored(catalog: Dataset) -> None:
    new = Item(name="Dune", category=["Science Fiction"], themes=["Horror"])
    item = await catalog.stub.CreateItem(CreateItemRequest(item=new))
    assert item.themes == ["Sci-Fi"]
    (sample,) = (await catalog.stub.SampleItems(SampleItemsRequest(categories=["Horror"], amount=1))).samples
    assert not sample.items


async def test_samples_are_by_theme_and_lists_by_category(catalog: Dataset) -> None:
    await create(catalog, "Dune", category="Science Fiction")
    await create(catalog, "Hyperion", category="Space Opera")
    (sample,) = (await catalog.stub.SampleItems(SampleItemsRequest(categories=["Sci-Fi"], amount=5))).samples
    assert (sample.category, {item.name for item in sample.items}) == ("Sci-Fi", {"Dune", "Hyperion"})
    assert await list_names(catalog, "Science Fiction") == ["Dune"]
    assert await list_names(catalog, "Sci-Fi") == await list_names(catalog, "\tSci-Fi") == []
    assert await search(catalog, "dune", "Science Fiction") == [("Dune", WHOLE_NAME)]


async def test_the_same_seed_gives_the_same_sample(catalog: Dataset) -> None:
    await create(catalog, *map(str, range(50)))
    first, again, other = [
        (await catalog.stub.SampleItems(SampleItemsRequest(amount=10, seed=seed))).samples for seed in (0, 0, 1)
    ]
    assert first == again != other


async def test_the_most_voted_items_come_first(catalog: Dataset) -> None:
    for votes in (5, 70, 0, 3_000_000_000, 6, None):
        await catalog.stub.CreateItem(CreateItemRequest(item=Item(name="x", votes=votes)))
    for limit, expected in ((3, [3_000_000_000, 70, 6]), (1000, [3_000_000_000, 70, 6, 5])):
        answer = await catalog.stub.ListMostVoted(ListMostVotedRequest(limit=limit))
        assert [item.votes for item in answer.items] == expected


async def test_items_are_found_by_source_id(catalog: Dataset) -> None:
    for number in range(4):
        await catalog.stub.CreateItem(CreateItemRequest(item=Item(name=f"Item {number}", source_id=f"tt{number}")))
    answer = await catalog.stub.FindBySourceId(FindBySourceIdRequest(source_ids=["tt3", "tt0", "tt9", "", "tt0"]))
    assert sorted(item.name for item in answer.items) == ["Item 0", "Item 3"]


async def test_categories_and_themes_are_counted_most_first(catalog: Dataset) -> None:
    await create(catalog, "Dune", "Hyperion", category="Science Fiction")
    await create(catalog, "Foundation", category="Space Opera")
    await create(catalog, "Emma", category="Classics")
    (gone,) = await create(catalog, "Gone", category="Western")
    await catalog.stub.DeleteItem(DeleteItemRequest(id=gone.id))
    answer = await catalog.stub.ListCategories(ListCategoriesRequest())
    assert answer.items == 4
    assert [(entry.name, entry.items) for entry in answer.categories] == [
        ("Science Fiction", 2),
        ("Classics", 1),
        ("Space Opera", 1),
    ]
    assert [(entry.name, entry.items) for entry in answer.themes] == [("Sci-Fi", 3), ("Classics", 1)]


async def test_a_sample_is_complete_if_it_contains_the_whole_category(catalog: Dataset) -> None:
    await create(catalog, *(f"Drama {number}" for number in range(7)), category="Drama")
    await create(catalog, "Comedy 1", "Comedy 2", category="Comedy")
    request = SampleItemsRequest(categories=["Comedy", "Drama", "None"], amount=5)
    comedy, drama, none = (await catalog.stub.SampleItems(request)).samples
    assert [sample.category for sample in (comedy, drama, none)] == ["Comedy", "Drama", "None"]
    assert {item.name for item in comedy.items} == {"Comedy 1", "Comedy 2"}
    assert len({item.id for item in drama.items}) == len(drama.items) == 5
    assert all(item.name.startswith("Drama") for item in drama.items)
    assert (comedy.complete, drama.complete, none.complete) == (True, False, True)


async def test_the_first_categories_that_have_items_are_sampled(catalog: Dataset) -> None:
    for category in ("Comedy", "Drama", "Western"):
        await create(catalog, category, category=category)
    request = SampleItemsRequest(categories=["None", "Western", "Drama", "Comedy"], amount=1, max_categories=2)
    samples = (await catalog.stub.SampleItems(request)).samples
    assert [sample.category for sample in samples] == ["Western", "Drama"]


async def test_without_categories_the_sample_is_of_all_items(catalog: Dataset) -> None:
    names = {item.name for item in await create(catalog, "A", "B", "C")}
    (sample,) = (await catalog.stub.SampleItems(SampleItemsRequest(amount=3))).samples
    assert (sample.category, {item.name for item in sample.items}, sample.complete) == ("", names, True)


async def test_an_empty_dataset_answers(catalog: Dataset) -> None:
    assert await count(catalog) == 0
    assert await list_names(catalog) == []
    assert await search(catalog, "x") == []
    (sample,) = (await catalog.stub.SampleItems(SampleItemsRequest(amount=3))).samples
    assert (list(sample.items), sample.complete) == ([], True)
    assert not (await catalog.stub.BatchGetItems(BatchGetItemsRequest())).items


async def test_a_source_id_is_unique(catalog: Dataset) -> None:
    for number in range(3):  # so that the shard with the fewest items changes
        await create(catalog, f"Other {number}")
    await catalog.stub.CreateItem(CreateItemRequest(item=DUNE))
    for _ in range(3):
        duplicate = catalog.stub.CreateItem(CreateItemRequest(item=DUNE))
        assert await failed_field(duplicate, AlreadyExists) == "sourceId"
        await create(catalog, "Another")
    assert await count(catalog) == 7
    assert await count(catalog, "Fantasy") == 1


async def test_an_invalid_item_is_refused_by_field(catalog: Dataset) -> None:
    for field, item in (
        ("name", Item()),
        ("imageUrl", Item(name="a", image_url="javascript:alert(1)")),
        ("type", Item(name="a", type=ANIME)),
        ("id", Item(name="a", id="606e2683b3fff1da8a207ae9")),
    ):
        assert await failed_field(catalog.stub.CreateItem(CreateItemRequest(item=item))) == field
    assert await count(catalog) == 0


async def test_a_request_out_of_range_is_refused_by_field(catalog: Dataset) -> None:
    stub = catalog.stub
    for field, call in (
        ("limit", stub.ListItems(ListItemsRequest(limit=0))),
        ("limit", stub.ListItems(ListItemsRequest(limit=1001))),
        ("start", stub.ListItems(ListItemsRequest(start=-1, limit=1))),
        ("start", stub.ListItems(ListItemsRequest(start=2**63 - 1, limit=1))),
        ("category", stub.ListItems(ListItemsRequest(category="a" * 101, limit=1))),
        ("category", stub.CountItems(CountItemsRequest(category="\x00"))),
        ("ids", stub.BatchGetItems(BatchGetItemsRequest(ids=["x"] * 1001))),
        ("amount", stub.SampleItems(SampleItemsRequest(amount=0))),
        ("amount", stub.SampleItems(SampleItemsRequest(amount=10_000))),
        ("categories", stub.SampleItems(SampleItemsRequest(categories=["a"] * 51, amount=1))),
        ("category", stub.SampleItems(SampleItemsRequest(categories=[""], amount=1))),
        ("max_categories", stub.SampleItems(SampleItemsRequest(amount=1, max_categories=-1))),
        ("limit", stub.ListMostVoted(ListMostVotedRequest(limit=0))),
        ("limit", stub.ListMostVoted(ListMostVotedRequest(limit=1001))),
        ("source_ids", stub.FindBySourceId(FindBySourceIdRequest(source_ids=["x"] * 1001))),
        ("search", stub.SearchItems(SearchItemsRequest(text=" "))),
        ("search", stub.SearchItems(SearchItemsRequest(text="a" * 501))),
        ("search", stub.SearchItems(SearchItemsRequest(text="a\x00b"))),
    ):
        assert await failed_field(call) == field
