import datetime

import pytest
import sqlalchemy
from sqlalchemy import Engine

from seen.v1 import account_pb2
from seen.v1.account_pb2 import LIKE, NOT_INTERESTED, SEEN, ItemMarks
from seen.v1.types_pb2 import ANIME, BOOK, SHOW, ItemRef
from services.account.database.models import MarkRow
from services.common.errors import NotFound
from services.common.themes import themes
from tests.integration.account.calls import (
    KINDS,
    Account,
    book,
    counts,
    filter_marked,
    get_marks,
    ids,
    mark,
    page,
    pages,
    points,
    raises,
    remove_item,
    top,
    unmark,
    user,
)
from tests.integration.account.conftest import IN_SHARED_LOOP
from tests.integration.account.recount import assert_counters_exact

pytestmark = IN_SHARED_LOOP


async def test_points_count_the_items_seen_and_liked(account: Account) -> None:
    await mark(account, "ana", book("dune"), SEEN, ["Fantasy", "Classics"])
    await mark(account, "ana", book("dune"), LIKE, ["Fantasy", "Classics"])
    await mark(account, "ana", book("emma"), SEEN, ["Classics"])
    assert await counts(account, "ana") == {"Classics": (2, 1), "Fantasy": (1, 1)}
    assert await points(account, "ana") == [("Classics", 5), ("Fantasy", 4)]
    ana = await user(account, "ana")
    assert (ana.seen, ana.liked) == (2, 1)
    await unmark(account, "ana", book("dune"), SEEN)
    assert await counts(account, "ana") == {"Classics": (1, 1), "Fantasy": (0, 1)}


@pytest.mark.parametrize("kind", KINDS)
async def test_setting_or_removing_a_mark_again_changes_nothing(
    account: Account, database: Engine, kind: account_pb2.MarkKind
) -> None:
    await mark(account, "ana", book("dune"), kind, ["Fantasy"])
    before = await page(account, "ana", kind), await points(account, "ana"), await user(account, "ana")
    await mark(account, "ana", book("dune"), kind, ["Fantasy", "Other"])
    assert (await page(account, "ana", kind), await points(account, "ana"), await user(account, "ana")) == before
    await unmark(account, "ana", book("dune"), kind)
    await unmark(account, "ana", book("dune"), kind)
    assert await points(account, "ana") == []
    assert await top(account) == []
    assert_counters_exact(database)


async def test_removing_a_mark_subtracts_the_points_that_setting_it_gave(account: Account) -> None:
    await mark(account, "ana", book("dune"), SEEN, ["Fantasy", "Old"])
    await mark(account, "ana", book("dune"), LIKE, ["Fantasy", "New"])  # its categories changed in between
    assert await points(account, "ana") == [("Fantasy", 4), ("New", 3), ("Old", 1)]
    await unmark(account, "ana", book("dune"), SEEN)
    assert await points(account, "ana") == [("Fantasy", 3), ("New", 3)]
    await unmark(account, "ana", book("dune"), LIKE)
    assert await points(account, "ana") == []


async def test_removing_a_mark_does_not_create_an_account(account: Account) -> None:
    await unmark(account, "ana", book("dune"))
    with raises(NotFound):
        await user(account, "ana")


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


async def test_top_categories_are_sorted_by_points_then_alphabetically(account: Account) -> None:
    await mark(account, "ana", book("1"), SEEN, ["Zen", "Art", "Music", "Drama"])
    await mark(account, "ana", book("2"), SEEN, ["Zen"])
    assert await points(account, "ana", 3) == [("Zen", 2), ("Art", 1), ("Drama", 1)]
    assert await points(account, "nobody", 3) == []


async def test_top_items_are_sorted_by_likes_then_id(account: Account) -> None:
    for subject, names in {"ana": "bca", "rui": "bd", "eva": "b"}.items():
        for name in names:
            await mark(account, subject, book(name), LIKE)
    await mark(account, "ana", book("seen"), SEEN)
    await mark(account, "ana", book("gone"), LIKE)
    await unmark(account, "ana", book("gone"), LIKE)
    assert await top(account) == [("b", 3), ("a", 1), ("c", 1), ("d", 1)]
    assert await top(account, BOOK, 2) == [("b", 3), ("a", 1)]
    assert await top(account, SHOW) == []


async def test_filtering_keeps_items_with_any_mark_in_the_order_of_the_request(account: Account) -> None:
    await mark(account, "ana", book("a"), SEEN)
    await mark(account, "ana", book("b"), LIKE)
    await mark(account, "ana", book("b"), SEEN)
    await mark(account, "ana", ItemRef(type=SHOW, id="c"), SEEN)
    await mark(account, "rui", book("d"), SEEN)
    items = [
        ItemRef(type=SHOW, id="c"),
        book("d"),
        book("b"),
        ItemRef(type=SHOW, id="a"),
        book("a"),
        book("b"),
        book("A"),
    ]
    assert await filter_marked(account, "ana", items) == [ItemRef(type=SHOW, id="c"), book("b"), book("a")]
    assert await filter_marked(account, "nobody", items) == []
    assert await filter_marked(account, "ana", []) == []


async def test_a_thousand_items_are_filtered_in_one_call(account: Account) -> None:
    await mark(account, "ana", book("5"))
    await mark(account, "ana", book("999"))
    assert await filter_marked(account, "ana", [book(str(n)) for n in range(1000)]) == [book("5"), book("999")]


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


async def test_pages_have_no_gaps_or_duplicates_while_marks_are_added(account: Account) -> None:
    names = [str(number) for number in range(25)]
    for name in names:
        await mark(account, "ana", book(name))
    listed, cursor, sizes = [], "", []
    while True:
        response = await page(account, "ana", size=10, cursor=cursor)
        listed += [entry.item.id for entry in response.marks]
        sizes.append(len(response.marks))
        cursor = response.next_cursor
        if not cursor:
            break
        await mark(account, "ana", book(f"new{len(sizes)}"))  # goes in front of the first page
    assert listed == names[::-1]
    assert sizes == [10, 10, 5]


async def test_a_full_last_page_has_no_cursor(account: Account) -> None:
    for name in "ab":
        await mark(account, "ana", book(name))
    assert (await page(account, "ana", size=2)).next_cursor == ""


async def test_marks_with_the_same_time_have_a_stable_order(account: Account, database: Engine) -> None:
    items = [ItemRef(type=item_type, id=f"{n}") for item_type in (BOOK, SHOW) for n in range(5)]
    for item in items:
        await mark(account, "ana", item)
    same_time = datetime.datetime(2024, 2, 29, 12, 0, 0, 123456, datetime.UTC)
    with database.begin() as connection:
        connection.execute(sqlalchemy.update(MarkRow).values(marked_at=same_time))
    listed = [entry for response in await pages(account, "ana", size=3) for entry in response.marks]
    assert sorted((entry.item.type, entry.item.id) for entry in listed) == sorted((i.type, i.id) for i in items)
    assert {entry.marked_at.ToDatetime(datetime.UTC) for entry in listed} == {same_time}
    assert listed == list((await page(account, "ana")).marks)


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
    assert_counters_exact(database)


async def test_points_belong_to_themes_not_to_categories(account: Account) -> None:
    await mark(account, "ana", book("dune"), SEEN, themes=["science fiction"], category=["Sci-Fi", "Science Fiction"])
    assert await points(account, "ana") == [("science fiction", 1)]


async def test_without_themes_a_mark_counts_for_those_of_its_categories(account: Account) -> None:
    """As sent by the previous release of the library."""
    category = ["Science Fiction", "No Such Label"]
    await mark(account, "ana", book("dune"), SEEN, themes=[], category=category)
    assert [theme for theme, _ in await points(account, "ana")] == sorted(themes("BOOK", category))


async def test_an_item_that_is_not_interesting_is_listed_and_counts_as_marked(account: Account) -> None:
    await mark(account, "ana", book("dune"), NOT_INTERESTED)
    assert await ids(account, "ana", NOT_INTERESTED) == ["dune"]
    assert await filter_marked(account, "ana", [book("dune"), book("emma")]) == [book("dune")]


async def test_get_marks_returns_the_kinds_of_the_marks_on_each_item(account: Account) -> None:
    for name, kind in (("a", SEEN), ("a", LIKE), ("b", NOT_INTERESTED), ("c", LIKE)):
        await mark(account, "ana", book(name), kind)
    await mark(account, "rui", book("d"), SEEN)
    items = [book(name) for name in "cdbaa"]
    assert await get_marks(account, "ana", items) == [
        ItemMarks(item=book("c"), liked=True),
        ItemMarks(item=book("b"), not_interested=True),
        ItemMarks(item=book("a"), seen=True, liked=True),
    ]
    assert await get_marks(account, "nobody", items) == []
