import asyncio
import datetime

import grpc
import pytest
import sqlalchemy
from sqlalchemy import Engine

from seen.v1 import account_pb2
from seen.v1.account_pb2 import LIKE, SEEN
from seen.v1.types_pb2 import ANIME, BOOK, SHOW, ItemRef
from services.account.models import MarkRow
from tests.integration.account.calls import (
    KINDS,
    Account,
    book,
    ids,
    mark,
    marked_among,
    page,
    points,
    refused,
    remove_item,
    top,
    unmark,
    user,
)
from tests.integration.account.counts import assert_exact

INVALID, NOT_FOUND = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND


async def test_a_mark_gives_points_and_counts(account: Account) -> None:
    await mark(account, "ana", book("dune"), SEEN, ["Fantasy", "Classics"])
    await mark(account, "ana", book("emma"), LIKE, ["Classics"])
    await mark(account, "ana", book("emma"), SEEN, ["Classics"])
    assert await points(account, "ana") == [("Classics", 5), ("Fantasy", 1)]
    assert await top(account) == [("emma", 1)]
    ana = await user(account, "ana")
    assert (ana.seen, ana.liked) == (2, 1)


@pytest.mark.parametrize("kind", KINDS)
async def test_repeating_changes_nothing(account: Account, database: Engine, kind: account_pb2.MarkKind) -> None:
    await mark(account, "ana", book("dune"), kind, ["Fantasy"])
    once = await page(account, "ana", kind), await points(account, "ana"), await user(account, "ana")
    await mark(account, "ana", book("dune"), kind, ["Fantasy", "Other"])
    assert (await page(account, "ana", kind), await points(account, "ana"), await user(account, "ana")) == once
    await unmark(account, "ana", book("dune"), kind)
    await unmark(account, "ana", book("dune"), kind)
    assert await points(account, "ana") == []
    assert await top(account) == []
    assert_exact(database)


async def test_removing_takes_the_points_that_setting_gave(account: Account) -> None:
    await mark(account, "ana", book("dune"), SEEN, ["Fantasy", "Old"])
    await mark(account, "ana", book("dune"), LIKE, ["Fantasy", "New"])  # its categories changed in between
    assert await points(account, "ana") == [("Fantasy", 4), ("New", 3), ("Old", 1)]
    await unmark(account, "ana", book("dune"), SEEN)
    assert await points(account, "ana") == [("Fantasy", 3), ("New", 3)]
    await unmark(account, "ana", book("dune"), LIKE)
    assert await points(account, "ana") == []


async def test_unmarking_makes_no_account(account: Account) -> None:
    await unmark(account, "ana", book("dune"))
    with refused(NOT_FOUND):
        await user(account, "ana")


async def test_a_category_twice_in_a_list_counts_once(account: Account) -> None:
    await mark(account, "ana", book("dune"), LIKE, ["Fantasy", "Fantasy"])
    assert await points(account, "ana") == [("Fantasy", 3)]


async def test_an_item_without_categories_can_be_marked(account: Account) -> None:
    await mark(account, "ana", book("dune"), LIKE)
    assert await points(account, "ana") == []
    assert await top(account) == [("dune", 1)]
    await unmark(account, "ana", book("dune"), LIKE)
    assert await top(account) == []


async def test_categories_are_compared_exactly(account: Account) -> None:
    names = ["drama", "Drama", "Drama ", "dráma", "🎭" * 255]
    await mark(account, "ana", book("dune"), SEEN, names)
    assert sorted(await points(account, "ana")) == sorted((name, 1) for name in names)
    await unmark(account, "ana", book("dune"))
    assert await points(account, "ana") == []


async def test_ids_of_different_types_are_different_items(account: Account) -> None:
    for item_type in (BOOK, SHOW, ANIME):
        await mark(account, "ana", ItemRef(type=item_type, id="same"), LIKE)
    await unmark(account, "ana", ItemRef(type=SHOW, id="same"), LIKE)
    assert await top(account, BOOK) == [("same", 1)]
    assert await top(account, SHOW) == []
    assert (await user(account, "ana")).liked == 2


async def test_top_categories_are_those_with_most_points_then_alphabetical(account: Account) -> None:
    await mark(account, "ana", book("1"), SEEN, ["Zen", "Art", "Music", "Drama"])
    await mark(account, "ana", book("2"), SEEN, ["Zen"])
    assert await points(account, "ana", 3) == [("Zen", 2), ("Art", 1), ("Drama", 1)]
    assert await points(account, "nobody", 3) == []


async def test_top_items_are_the_most_liked_then_by_id(account: Account) -> None:
    for subject, names in {"ana": "bca", "rui": "bd", "eva": "b"}.items():
        for name in names:
            await mark(account, subject, book(name), LIKE)
    await mark(account, "ana", book("seen"), SEEN)
    await mark(account, "ana", book("gone"), LIKE)
    await unmark(account, "ana", book("gone"), LIKE)
    assert await top(account) == [("b", 3), ("a", 1), ("c", 1), ("d", 1)]
    assert await top(account, BOOK, 2) == [("b", 3), ("a", 1)]
    assert await top(account, SHOW) == []


async def test_filter_keeps_what_is_marked_in_any_way_in_the_order_asked(account: Account) -> None:
    await mark(account, "ana", book("a"), SEEN)
    await mark(account, "ana", book("b"), LIKE)
    await mark(account, "ana", book("b"), SEEN)
    await mark(account, "ana", ItemRef(type=SHOW, id="c"), SEEN)
    await mark(account, "rui", book("d"), SEEN)
    asked = [
        ItemRef(type=SHOW, id="c"),
        book("d"),
        book("b"),
        ItemRef(type=SHOW, id="a"),
        book("a"),
        book("b"),
        book("A"),
    ]
    assert await marked_among(account, "ana", asked) == [ItemRef(type=SHOW, id="c"), book("b"), book("a")]
    assert await marked_among(account, "nobody", asked) == []
    assert await marked_among(account, "ana", []) == []


async def test_a_thousand_items_are_filtered_at_once(account: Account) -> None:
    await mark(account, "ana", book("5"))
    await mark(account, "ana", book("999"))
    assert await marked_among(account, "ana", [book(str(n)) for n in range(1000)]) == [book("5"), book("999")]
    with refused(INVALID, "items"):
        await marked_among(account, "ana", [book(str(n)) for n in range(1001)])


async def test_marks_are_listed_newest_first(account: Account) -> None:
    started = datetime.datetime.now(datetime.UTC)
    for name in "abc":
        await mark(account, "ana", book(name))
    await mark(account, "ana", book("liked"), LIKE)
    await mark(account, "rui", book("other"))
    listed = (await page(account, "ana")).marks
    assert [entry.item for entry in listed] == [book("c"), book("b"), book("a")]
    times = [entry.marked_at.ToDatetime(datetime.UTC) for entry in listed]
    assert times == sorted(times, reverse=True)
    assert started <= times[-1] <= times[0] <= datetime.datetime.now(datetime.UTC)
    assert await ids(account, "nobody") == []


async def test_pages_of_marks_join_without_gap_or_repeat(account: Account) -> None:
    names = [str(number) for number in range(25)]
    for name in names:
        await mark(account, "ana", book(name))
    listed, cursor, sizes = [], "", []
    while True:
        found = await page(account, "ana", size=10, cursor=cursor)
        listed += [entry.item.id for entry in found.marks]
        sizes.append(len(found.marks))
        cursor = found.next_cursor
        if not cursor:
            break
        assert cursor.replace("-", "").replace("_", "").isalnum()
        await mark(account, "ana", book(f"new{len(sizes)}"))  # what comes in front moves nothing behind
    assert listed == names[::-1]
    assert sizes == [10, 10, 5]


async def test_a_full_last_page_has_no_cursor(account: Account) -> None:
    for name in "ab":
        await mark(account, "ana", book(name))
    assert (await page(account, "ana", size=2)).next_cursor == ""


async def test_marks_of_one_moment_stay_in_one_order(account: Account, database: Engine) -> None:
    items = [ItemRef(type=item_type, id=f"{n}") for item_type in (BOOK, SHOW) for n in range(5)]
    for item in items:
        await mark(account, "ana", item)
    moment = datetime.datetime(2024, 2, 29, 12, 0, 0, 123456, datetime.UTC)
    with database.begin() as connection:
        connection.execute(sqlalchemy.update(MarkRow).values(marked_at=moment))
    listed, cursor = [], ""
    for _ in range(4):
        found = await page(account, "ana", size=3, cursor=cursor)
        listed += list(found.marks)
        cursor = found.next_cursor
    assert cursor == ""
    assert sorted((entry.item.type, entry.item.id) for entry in listed) == sorted((i.type, i.id) for i in items)
    assert {entry.marked_at.ToDatetime(datetime.UTC) for entry in listed} == {moment}
    assert listed == list((await page(account, "ana")).marks)


async def test_a_malformed_cursor_is_refused(account: Account) -> None:
    for cursor in ["x", "!!!", "AAAA", "MTIz", "MS4x", "x" * 10_000, "\0", "é", "OTk5OTk5OTk5OTk5OTk5OTk5LjEuYQ"]:
        with refused(INVALID, "cursor"):
            await page(account, "ana", cursor=cursor)


async def test_a_size_or_limit_out_of_range_is_refused(account: Account) -> None:
    for size in [0, -1, 101, 2**31 - 1]:
        with refused(INVALID, "size"):
            await page(account, "ana", size=size)
        with refused(INVALID, "limit"):
            await points(account, "ana", size)
        with refused(INVALID, "limit"):
            await top(account, BOOK, size)


@pytest.mark.parametrize(
    ("item", "field"),
    [
        (ItemRef(), "type"),
        (ItemRef(id="x"), "type"),
        (ItemRef(type=99, id="x"), "type"),  # type: ignore[arg-type]
        (book(""), "id"),
        (book("x" * 65), "id"),
        (book("a\0"), "id"),
    ],
)
async def test_an_item_that_cannot_be_one_is_refused(account: Account, item: ItemRef, field: str) -> None:
    for call in (mark(account, "ana", item), unmark(account, "ana", item), remove_item(account, item)):
        with refused(INVALID, field):
            await call
    with refused(INVALID, field):
        await marked_among(account, "ana", [book("fine"), item])
    with refused(NOT_FOUND):
        await user(account, "ana")


@pytest.mark.parametrize("kind", [0, 3, -1])
async def test_a_kind_that_is_none_is_refused(account: Account, kind: account_pb2.MarkKind) -> None:
    for call in (mark(account, "a", book("x"), kind), unmark(account, "a", book("x"), kind), page(account, "a", kind)):
        with refused(INVALID, "kind"):
            await call


async def test_a_type_that_is_none_has_no_top(account: Account) -> None:
    with refused(INVALID, "type"):
        await top(account, 99)  # type: ignore[arg-type]


async def test_categories_that_cannot_be_are_refused(account: Account) -> None:
    for category in [[""], ["x" * 256], ["a\0"], [str(n) for n in range(101)]]:
        with refused(INVALID, "category"):
            await mark(account, "ana", book("x"), SEEN, category)


async def test_removing_an_item_removes_everyones_marks_on_it(account: Account, database: Engine) -> None:
    for subject in ("ana", "rui", "eva"):
        await mark(account, subject, book("dune"), LIKE, ["Fantasy", "Classics"])
        await mark(account, subject, book("emma"), LIKE, ["Classics"])
    await mark(account, "ana", book("dune"), SEEN, ["Fantasy"])
    await mark(account, "eva", book("dune"), SEEN, ["Other"])
    await mark(account, "zoe", book("dune"), SEEN, ["Fantasy"])
    await mark(account, "ana", ItemRef(type=SHOW, id="dune"), LIKE, ["Fantasy"])
    await remove_item(account, book("dune"))
    await remove_item(account, book("dune"))
    await remove_item(account, book("never there"))
    assert await points(account, "ana") == [("Classics", 3), ("Fantasy", 3)]
    assert await points(account, "eva") == [("Classics", 3)]
    assert await points(account, "zoe") == []
    assert await top(account) == [("emma", 3)]
    assert await top(account, SHOW) == [("dune", 1)]
    assert (await user(account, "ana")).seen == 0
    assert_exact(database)


async def test_everyone_at_once_marks_and_unmarks(account: Account, database: Engine) -> None:
    subjects, items = [f"subject{n}" for n in range(8)], [book(name) for name in "ab"]

    async def changes_their_mind(subject: str, item: ItemRef, kind: account_pb2.MarkKind) -> None:
        await mark(account, subject, item, kind, ["Fantasy", item.id])
        await unmark(account, subject, item, kind)
        await mark(account, subject, item, kind, ["Fantasy", item.id])

    await asyncio.gather(
        *(changes_their_mind(subject, item, kind) for subject in subjects for item in items for kind in KINDS)
    )
    assert await top(account) == [("a", 8), ("b", 8)]
    for subject in subjects:
        assert await points(account, subject) == [("Fantasy", 8), ("a", 4), ("b", 4)]
    assert_exact(database)


async def test_the_same_mark_many_times_at_once_counts_once(account: Account, database: Engine) -> None:
    await asyncio.gather(*(mark(account, "ana", book("dune"), LIKE, ["Fantasy"]) for _ in range(20)))
    assert await top(account) == [("dune", 1)]
    assert await points(account, "ana") == [("Fantasy", 3)]
    await asyncio.gather(*(unmark(account, "ana", book("dune"), LIKE) for _ in range(20)))
    assert await top(account) == []
    assert_exact(database)
