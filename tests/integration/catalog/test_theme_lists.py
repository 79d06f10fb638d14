"""Existing items are brought into the lists of their themes while the dataset is in use."""

import asyncio
import random
from collections.abc import Sequence

import pytest
from bson import ObjectId

from services.catalog.item import Item
from services.catalog.store import documents, positions, theme_lists
from services.catalog.store import shard as shard_module
from services.catalog.store.positions import theme_list
from services.catalog.store.shard import Shard
from services.catalog.store.store import Store
from services.common import themes
from services.common.errors import NotFound
from tests.integration.catalog.lists import Shards, assert_no_holes

LABELS = ("Science Fiction", "Fantasy", "Classics", "Mystery Thriller")
THEMES = ("Sci-Fi", "Fantasy", "Classics", "Crime", "Mystery", "Thriller")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(theme_lists, "ROLLING_UPDATE_S", 0)
    monkeypatch.setattr(theme_lists, "CHUNK", 20)
    monkeypatch.setattr(shard_module, "FILL_DELAY_S", 0.01)


async def fill(store: Store, amount: int = 120) -> list[Item]:
    source = random.Random(amount)
    items = []
    for shard in store.shards:
        new = [
            documents.from_item(Item(name=f"Item {number}", category=tuple(source.sample(LABELS, source.randrange(4)))))
            for number in range(amount // len(store.shards))
        ]
        await shard.insert(new)
        items += [documents.to_item(document, shard.item_id(document)) for document in new]
    return items


def forget_themes(shards: Shards) -> None:
    """Leaves what the release before themes has stored."""
    is_theme = {"$regex": "^\t"}
    for shard in shards:
        shard["book"].update_many({}, {"$pull": {"places": {"c": is_theme}}})
        shard["book_counts"].delete_many({"_id": is_theme})
        shard["book_versions"].drop()


async def sampled(store: Store, theme: str) -> set[str]:
    (sample,) = await store.sample([theme], 1000)
    return {item.id for item in sample.items}


def with_theme(items: Sequence[Item], theme: str) -> set[str]:
    return {item.id for item in items if theme in themes.themes("BOOK", item.category)}


async def test_items_without_themes_get_them(store: Store, shards: Shards) -> None:
    items = await fill(store)
    forget_themes(shards)
    await store.prepare()
    assert_no_holes(shards)
    for theme in THEMES:
        assert await sampled(store, theme) == with_theme(items, theme) != set()


async def test_an_interrupted_update_is_completed(store: Store, shards: Shards) -> None:
    items = await fill(store)
    forget_themes(shards)
    update = asyncio.create_task(store.prepare())
    while not shards[0]["book_counts"].count_documents({"_id": theme_list("Fantasy")}):
        await asyncio.sleep(0.001)
    update.cancel()
    await asyncio.gather(update, return_exceptions=True)
    await store.prepare()
    for theme in THEMES:
        assert await sampled(store, theme) == with_theme(items, theme)


async def test_items_can_be_added_and_deleted_meanwhile(store: Store, replica: Store, shards: Shards) -> None:
    items = await fill(store, 200)
    forget_themes(shards)
    updates = asyncio.gather(store.prepare(), replica.prepare())
    source = random.Random(1)
    while not updates.done():
        items.append(await replica.create(Item(name="new", category=source.choice([(), LABELS[:2], LABELS[1:]]))))
        deleted = items.pop(source.randrange(len(items)))
        await replica.delete(deleted.id)
        with pytest.raises(NotFound):
            await replica.get(deleted.id)
    await updates
    for _ in range(50):  # reading a hole starts filling it
        found = {theme: await sampled(store, theme) for theme in THEMES}
        await asyncio.sleep(0.05)
        if found == {theme: with_theme(items, theme) for theme in THEMES}:
            break
    assert found == {theme: with_theme(items, theme) for theme in THEMES}
    assert_no_holes(shards)


async def test_changed_words_move_items_to_other_lists(
    store: Store, shards: Shards, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = await fill(store)
    await store.prepare()
    monkeypatch.setattr(positions, "themes", lambda _, labels: tuple(label.upper() for label in labels))
    monkeypatch.setattr(themes, "version", lambda: "2")
    await store.prepare()
    assert_no_holes(shards)
    assert await sampled(store, "FANTASY") == {item.id for item in items if "Fantasy" in item.category}
    assert await sampled(store, "Fantasy") == set()


async def test_items_that_the_previous_release_adds_during_the_update_get_themes(
    store: Store, shards: Shards, monkeypatch: pytest.MonkeyPatch
) -> None:
    update_from = theme_lists._update_from
    both_shards = asyncio.Barrier(len(store.shards))
    items: list[Item] = []

    async def update_then_add_items(shard: Shard, first: ObjectId) -> int:
        updated = await update_from(shard, first)
        if first == theme_lists.FIRST_ID:
            if await both_shards.wait() == 0:
                items.extend(await fill(store, 10))
                forget_themes(shards)
            await both_shards.wait()
        return updated

    monkeypatch.setattr(theme_lists, "_update_from", update_then_add_items)
    await store.prepare()
    assert await sampled(store, "Fantasy") == with_theme(items, "Fantasy") != set()


async def test_a_second_start_reads_no_items(store: Store, shards: Shards) -> None:
    await fill(store, 10)
    await store.prepare()
    for shard in shards:
        shard.command("profile", 2)
    await store.prepare()
    read = [operation for shard in shards for operation in shard["system.profile"].find({"ns": {"$regex": r"\.book$"}})]
    assert [operation for operation in read if operation.get("docsExamined")] == []
