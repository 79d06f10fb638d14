import asyncio
import datetime

import grpc
import pytest

from seen.v1 import account_pb2
from seen.v1.account_pb2 import LIKE, SEEN
from tests.integration.account.calls import (
    Account,
    book,
    create,
    delete_user,
    ids,
    mark,
    points,
    refused,
    rename,
    search,
    top,
    user,
)

INVALID, NOT_FOUND, EXISTS = (
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS,
)


async def test_a_new_account_has_its_name_its_moment_and_no_marks(account: Account) -> None:
    before = datetime.datetime.now(datetime.UTC)
    created = await create(account, "auth0|ana", "Ana")
    assert (created.username, created.seen, created.liked) == ("Ana", 0, 0)
    assert before <= created.created_at.ToDatetime(datetime.UTC) <= datetime.datetime.now(datetime.UTC)
    assert await user(account, "auth0|ana") == created


async def test_a_subject_has_one_account(account: Account) -> None:
    await create(account, "auth0|ana", "ana")
    with refused(EXISTS, message="there is an account already"):
        await create(account, "auth0|ana", "ana2")
    assert (await user(account, "auth0|ana")).username == "ana"


async def test_who_marked_something_first_is_named_by_create_user(account: Account) -> None:
    await mark(account, "auth0|ana", book("dune"))
    before = await user(account, "auth0|ana")
    assert not before.HasField("username")
    created = await create(account, "auth0|ana", "ana")
    assert (created.username, created.seen, created.created_at) == ("ana", 1, before.created_at)


@pytest.mark.parametrize("same", ["ana", "ANA", "Ａｎａ", "AnA"])
async def test_a_username_is_taken_whatever_its_case_and_width(account: Account, same: str) -> None:
    await create(account, "auth0|ana", "Ana")
    with refused(EXISTS, field="username", message="this username is taken"):
        await create(account, "auth0|other", same)
    with refused(NOT_FOUND):  # what failed left no account behind
        await user(account, "auth0|other")


async def test_a_letter_and_its_accent_are_the_accented_letter(account: Account) -> None:
    created = await create(account, "auth0|jose", "Jose\u0301")
    assert created.username == "José"
    with refused(EXISTS):
        await create(account, "auth0|other", "JOSÉ")
    await create(account, "auth0|third", "Jose")


async def test_renaming(account: Account) -> None:
    await create(account, "auth0|ana", "ana")
    assert (await rename(account, "auth0|ana", "Maria")).username == "Maria"
    assert (await rename(account, "auth0|ana", "MARIA")).username == "MARIA"  # one's own name is not taken
    assert (await rename(account, "auth0|ana", "MARIA")).username == "MARIA"
    await create(account, "auth0|rui", "ana")  # free again
    with refused(EXISTS, message="this username is taken"):
        await rename(account, "auth0|rui", "maria")
    assert (await user(account, "auth0|rui")).username == "ana"


async def test_who_has_no_account_is_not_found(account: Account) -> None:
    with refused(NOT_FOUND):
        await user(account, "nobody")
    with refused(NOT_FOUND):
        await rename(account, "nobody", "name")
    with refused(NOT_FOUND):
        await delete_user(account, "nobody")


async def test_deleting_an_account_gives_its_likes_back(account: Account) -> None:
    await create(account, "ana", "ana")
    for name in ("dune", "emma"):
        await mark(account, "ana", book(name), LIKE, ["Classics"])
    await mark(account, "rui", book("dune"), LIKE, ["Classics"])
    await delete_user(account, "ana")
    with refused(NOT_FOUND):
        await user(account, "ana")
    assert await top(account) == [("dune", 1)]
    assert await points(account, "ana") == []
    assert await ids(account, "ana", LIKE) == []
    assert await points(account, "rui") == [("Classics", 3)]
    await create(account, "other", "ana")  # the name is free again


@pytest.mark.parametrize(
    ("first", "second"),
    [("ana", "Ana"), ("ana", "ana "), ("ana", "aná"), ("ana", "ána"), (" ana", "ana"), ("ss", "ß"), ("a", "a\u0301")],
)
async def test_subjects_are_compared_exactly(account: Account, first: str, second: str) -> None:
    await create(account, first, "first")
    with refused(NOT_FOUND):
        await user(account, second)
    await create(account, second, "second")
    assert (await user(account, first)).username == "first"
    assert (await user(account, second)).username == "second"


async def test_the_longest_subject_and_username_fit(account: Account) -> None:
    subject, username = "🦉" * 255, "ﷲ" * 40
    assert (await create(account, subject, username)).username == username
    assert (await user(account, subject)).username == username
    assert await search(account, "ﷲ" * 39) == [username]


async def test_a_subject_that_cannot_be_one_is_refused(account: Account) -> None:
    for subject in ["", "x" * 256, "a\0b", "a\nb"]:
        with refused(INVALID, "subject"):
            await user(account, subject)
        with refused(INVALID, "subject"):
            await mark(account, subject, book("dune"))


async def test_a_username_that_cannot_be_one_is_refused(account: Account) -> None:
    for username in ["", " ", "a b", "a\0", "x" * 41, "x" * 1_000_000, "a/b", "a%", "<b>", "😀", "\u202eana"]:
        with refused(INVALID, "username"):
            await create(account, "auth0|ana", username)
        with refused(INVALID, "username"):
            await rename(account, "auth0|ana", username)
        with refused(NOT_FOUND):
            await user(account, "auth0|ana")


async def test_search_finds_what_begins_so_in_alphabetical_order(account: Account) -> None:
    for number, username in enumerate(["bob", "Ana.b", "ANABELA", "ana", "an", "_ana", "a_na", "anb", "José"]):
        await create(account, f"subject{number}", username)
    await mark(account, "unnamed", book("dune"))
    assert await search(account, "aNa") == ["ana", "Ana.b", "ANABELA"]
    assert await search(account, "an") == ["an", "ana", "Ana.b", "ANABELA", "anb"]
    assert await search(account, "JOS\u00c9") == ["José"]
    assert await search(account, "nobody") == []


async def test_nothing_in_a_prefix_is_a_wildcard(account: Account) -> None:
    await create(account, "ana", "ana")
    for wildcard in ["%", "_", "a%", "__", "\\", "*", "'", "a_%"]:
        assert await search(account, wildcard) == []


async def test_an_underscore_finds_an_underscore(account: Account) -> None:
    await create(account, "1", "a_b")
    await create(account, "2", "acb")
    assert await search(account, "a_") == ["a_b"]


async def test_search_finds_twenty_at_most(account: Account) -> None:
    names = [f"user{number:02}" for number in range(25)]
    await asyncio.gather(*(create(account, name, name) for name in names))
    assert await search(account, "user") == names[:20]


async def test_a_prefix_that_cannot_be_one_is_refused(account: Account) -> None:
    for prefix in ["", "x" * 41, "a\0", "x" * 1_000_000]:
        with refused(INVALID, "prefix"):
            await search(account, prefix)


async def test_of_many_who_want_a_name_one_gets_it(account: Account) -> None:
    subjects = [f"subject{number}" for number in range(20)]
    results = await asyncio.gather(*(create(account, subject, "Ana") for subject in subjects), return_exceptions=True)
    codes = [result.code() for result in results if isinstance(result, grpc.aio.AioRpcError)]
    assert codes == [EXISTS] * 19
    assert await search(account, "ana") == ["Ana"]


async def test_of_many_first_calls_of_one_subject_one_names_it(account: Account) -> None:
    calls = [create(account, "ana", f"ana{number}") for number in range(10)]
    calls += [mark(account, "ana", book(f"book{number}"), SEEN) for number in range(10)]  # type: ignore[misc]
    results = await asyncio.gather(*calls, return_exceptions=True)
    named = [result for result in results if isinstance(result, account_pb2.User)]
    failed = [result.code() for result in results if isinstance(result, grpc.aio.AioRpcError)]
    assert len(named) == 1
    assert failed == [EXISTS] * 9
    assert (await user(account, "ana")).seen == 10
