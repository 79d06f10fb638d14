"""ListRecentMarks: the items that a user has marked last."""

import random

import pytest
import sqlalchemy
from sqlalchemy import Engine

from seen.v1.account_pb2 import LIKE, NOT_INTERESTED, SEEN, RecentMark
from seen.v1.types_pb2 import BOOK, SHOW, ItemRef
from services.account.database.models import MarkRow
from services.common.themes import themes
from tests.integration.account.calls import Account, book, mark, recent, unmark
from tests.integration.account.conftest import IN_SHARED_LOOP

pytestmark = IN_SHARED_LOOP


async def recent_ids(account: Account, limit: int = 200) -> list[str]:
    return [entry.item.id for entry in (await recent(account, "ana", limit)).marks]


async def test_items_are_ordered_by_their_latest_mark(account: Account) -> None:
    for name, kind in (("a", SEEN), ("b", LIKE), ("c", SEEN), ("a", LIKE)):
        await mark(account, "ana", book(name), kind)
    assert await recent_ids(account) == ["a", "c", "b"]
    await unmark(account, "ana", book("a"), LIKE)
    assert await recent_ids(account) == ["c", "b", "a"]


async def test_an_item_has_both_kinds_however_old_the_other_mark_is(account: Account) -> None:
    await mark(account, "ana", book("old"), SEEN)
    for n in range(5):
        await mark(account, "ana", book(str(n)), SEEN)
    await mark(account, "ana", book("old"), LIKE)
    [old, newest] = (await recent(account, "ana", 2)).marks
    assert (old.item.id, old.seen, old.liked) == ("old", True, True)
    assert (newest.item.id, newest.seen, newest.liked) == ("4", True, False)


async def test_categories_and_themes_are_those_of_the_latest_mark(account: Account) -> None:
    await mark(account, "ana", book("dune"), SEEN, themes=["old"], category=["Old"])
    await mark(account, "ana", book("dune"), LIKE, themes=["new", "newer"], category=["New"])
    [entry] = (await recent(account, "ana")).marks
    assert entry == RecentMark(item=book("dune"), seen=True, liked=True, category=["New"], themes=["new", "newer"])


async def test_a_mark_of_the_previous_release_has_the_themes_of_its_categories(
    account: Account, database: Engine
) -> None:
    await mark(account, "ana", book("dune"), SEEN, ["Science Fiction"])
    with database.begin() as connection:
        connection.execute(sqlalchemy.update(MarkRow).values(themes=None))
    [entry] = (await recent(account, "ana")).marks
    assert tuple(entry.themes) == themes("BOOK", ["Science Fiction"])


async def test_items_that_are_not_interesting_are_listed_apart(account: Account) -> None:
    await mark(account, "ana", book("dune"), NOT_INTERESTED)
    await mark(account, "ana", book("emma"), SEEN)
    await mark(account, "ana", book("emma"), NOT_INTERESTED)
    response = await recent(account, "ana")
    assert list(response.marks) == [RecentMark(item=book("emma"), seen=True)]
    assert list(response.not_interested) == [book("emma"), book("dune")]


@pytest.mark.parametrize(
    ("seen", "not_interested", "complete", "complete_with_not_interested"),
    [(2, 2, True, True), (2, 3, True, False), (3, 2, False, False)],
)
async def test_the_answer_tells_whether_it_has_all_items_that_are_not_interesting(
    account: Account, seen: int, not_interested: int, complete: bool, complete_with_not_interested: bool
) -> None:
    for n in range(seen):
        await mark(account, "ana", book(f"seen-{n}"), SEEN)
    for n in range(not_interested):
        await mark(account, "ana", book(f"not-{n}"), NOT_INTERESTED)
    response = await recent(account, "ana", 2)
    assert (response.complete, response.complete_with_not_interested) == (complete, complete_with_not_interested)
    assert [item.id for item in response.not_interested] == [f"not-{n}" for n in reversed(range(not_interested))][:2]


async def test_the_answer_tells_whether_it_is_complete(account: Account) -> None:
    for name in "abc":
        for kind in (SEEN, LIKE):
            await mark(account, "ana", book(name), kind)
    for limit, complete in ((2, False), (3, True), (4, True)):
        response = await recent(account, "ana", limit)
        assert (len(response.marks), response.complete) == (min(limit, 3), complete)


async def test_a_user_without_marks_has_a_complete_empty_list(account: Account) -> None:
    response = await recent(account, "nobody")
    assert (list(response.marks), response.complete) == ([], True)


async def test_random_marks_are_listed_as_by_sorting_all(account: Account) -> None:
    rng = random.Random(4)
    latest: dict[tuple[int, str], set[int]] = {}  # in the order of the latest mark
    for _ in range(120):
        item = ItemRef(type=rng.choice((BOOK, SHOW)), id=str(rng.randrange(25)))
        kind = rng.choice((SEEN, LIKE))
        key = (item.type, item.id)
        if kind not in latest.get(key, ()):
            latest[key] = latest.pop(key, set()) | {kind}
        await mark(account, "ana", item, kind)
    expected = [(*key, SEEN in kinds, LIKE in kinds) for key, kinds in reversed(latest.items())]
    for limit in (1, 7, 30, 200):
        response = await recent(account, "ana", limit)
        listed = [(entry.item.type, entry.item.id, entry.seen, entry.liked) for entry in response.marks]
        assert listed == expected[:limit]
        assert response.complete == (len(expected) <= limit)
