"""ExportMarks and CountMarks: everyone's marks, for training."""

import asyncio
import datetime
import threading

import pytest

from seen.v1.account_pb2 import LIKE, NOT_INTERESTED, SEEN, ExportMarksRequest, ExportMarksResponse
from seen.v1.types_pb2 import ANIME, BOOK, SHOW, ItemRef
from services.account import servicer
from tests.integration.account.calls import Account, book, count, delete_user, export, mark, remove_item, user
from tests.integration.account.conftest import IN_SHARED_LOOP

pytestmark = IN_SHARED_LOOP


async def exported(account: Account, size: int = 10_000) -> list[tuple[int, str, int]]:
    """Person, item and kind of all marks."""
    return [(entry.person, entry.item.id, entry.kind) for page in await export(account, size) for entry in page.marks]


async def test_a_mark_is_exported_with_its_item_kind_and_time(account: Account) -> None:
    before = datetime.datetime.now(datetime.UTC)
    await mark(account, "auth0|ana", ItemRef(type=SHOW, id="dune"), LIKE)
    [[entry]] = [page.marks for page in await export(account)]
    assert (entry.item, entry.kind) == (ItemRef(type=SHOW, id="dune"), LIKE)
    assert before <= entry.marked_at.ToDatetime(datetime.UTC) <= datetime.datetime.now(datetime.UTC)


async def test_the_marks_of_a_person_have_the_same_number(account: Account) -> None:
    for subject in ("ana", "rui"):
        for name in "ab":
            await mark(account, subject, book(name), SEEN)
    marks = await exported(account)
    assert len({person for person, _, _ in marks}) == 2
    assert sorted(name for _, name, _ in marks) == ["a", "a", "b", "b"]


async def test_marks_as_not_interesting_are_neither_exported_nor_counted(account: Account) -> None:
    await mark(account, "ana", book("a"), NOT_INTERESTED)
    await mark(account, "ana", book("b"), SEEN)
    assert [name for _, name, _ in await exported(account)] == ["b"]
    assert await count(account) == 1


async def test_pages_have_no_gaps_or_duplicates(account: Account) -> None:
    for subject in ("ana", "rui", "eva"):
        for item_type in (BOOK, SHOW, ANIME):
            for name in ("a", "b"):
                for kind in (SEEN, LIKE, NOT_INTERESTED):
                    await mark(account, subject, ItemRef(type=item_type, id=name), kind)
    for size in (1, 2, 3, 7, 100):
        pages = await export(account, size)
        marks = [(entry.person, entry.item.type, entry.item.id, entry.kind) for page in pages for entry in page.marks]
        assert len(marks) == len(set(marks)) == await count(account) == 36
        assert marks == sorted(marks)
        assert all(len(page.marks) <= size for page in pages)


async def test_marks_added_and_removed_between_two_pages_shift_nothing(account: Account) -> None:
    for n in range(6):
        await mark(account, "ana", book(f"b{n}"), SEEN)
    first = await account.ExportMarks(ExportMarksRequest(size=3))
    await mark(account, "ana", book("a"), SEEN)  # before the position
    await remove_item(account, book("b1"))
    await remove_item(account, book("b2"))  # the position itself
    second = await account.ExportMarks(ExportMarksRequest(size=3, cursor=first.next_cursor))
    assert [entry.item.id for entry in second.marks] == ["b3", "b4", "b5"]
    assert second.next_cursor == ""


async def test_an_empty_database_exports_one_empty_page(account: Account) -> None:
    [page] = await export(account)
    assert (list(page.marks), page.next_cursor) == ([], "")
    assert await count(account) == 0


async def test_the_count_is_exact_after_removals(account: Account) -> None:
    for subject in ("ana", "rui"):
        for name in ("a", "b"):
            for kind in (SEEN, LIKE):
                await mark(account, subject, book(name), kind)
    assert await count(account) == 8
    await remove_item(account, book("a"))
    assert await count(account) == 4
    await delete_user(account, "ana")
    assert await count(account) == len(await exported(account)) == 2


async def test_the_longest_id_of_an_item_fits_into_the_cursor(account: Account) -> None:
    for last in "ab":
        await mark(account, "ana", book("🦉" * 63 + last))
    assert [name for _, name, _ in await exported(account, 1)] == ["🦉" * 63 + "a", "🦉" * 63 + "b"]


async def test_other_reads_do_not_wait_for_a_page(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    await mark(account, "ana", book("a"))
    begun, release = threading.Event(), threading.Event()

    def slow(*_arguments: object) -> ExportMarksResponse:
        begun.set()
        release.wait(10)
        return ExportMarksResponse()

    monkeypatch.setattr(servicer, "_export", slow)
    page = asyncio.ensure_future(account.ExportMarks(ExportMarksRequest(size=1)))
    await asyncio.to_thread(begun.wait, 10)
    assert (await user(account, "ana")).seen == 1
    assert not page.done()
    release.set()
    await page
