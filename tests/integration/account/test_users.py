import asyncio
import datetime

import pytest

from seen.v1 import account_pb2
from seen.v1.account_pb2 import LIKE, SEEN
from services.common.errors import AlreadyExists, NotFound
from tests.integration.account.calls import (
    Account,
    book,
    create,
    delete_user,
    ids,
    mark,
    points,
    raises,
    rename,
    search,
    top,
    user,
)
from tests.integration.account.conftest import IN_SHARED_LOOP

pytestmark = IN_SHARED_LOOP


async def test_a_new_account_has_a_username_a_creation_time_and_no_marks(account: Account) -> None:
    before = datetime.datetime.now(datetime.UTC)
    created = await create(account, "auth0|ana", "Ana")
    assert (created.username, created.seen, created.liked) == ("Ana", 0, 0)
    assert before <= created.created_at.ToDatetime(datetime.UTC) <= datetime.datetime.now(datetime.UTC)
    assert await user(account, "auth0|ana") == created


async def test_a_subject_has_one_account(account: Account) -> None:
    await create(account, "auth0|ana", "ana")
    with raises(AlreadyExists, message="the account already exists"):
        await create(account, "auth0|ana", "ana2")
    assert (await user(account, "auth0|ana")).username == "ana"


async def test_create_user_sets_the_username_of_an_account_that_a_mark_has_created(account: Account) -> None:
    await mark(account, "auth0|ana", book("dune"))
    before = await user(account, "auth0|ana")
    assert not before.HasField("username")
    created = await create(account, "auth0|ana", "ana")
    assert (created.username, created.seen, created.created_at) == ("ana", 1, before.created_at)


@pytest.mark.parametrize("same", ["ANA", "Ａｎａ"])
async def test_usernames_that_differ_only_in_case_or_width_conflict(account: Account, same: str) -> None:
    await create(account, "auth0|ana", "Ana")
    with raises(AlreadyExists, field="username", message="this username is taken"):
        await create(account, "auth0|other", same)
    with raises(NotFound):  # the failed call has created no account
        await user(account, "auth0|other")


async def test_a_letter_with_a_combining_accent_equals_the_accented_letter(account: Account) -> None:
    created = await create(account, "auth0|jose", "Jose\u0301")
    assert created.username == "José"
    with raises(AlreadyExists):
        await create(account, "auth0|other", "JOSÉ")
    await create(account, "auth0|third", "Jose")


async def test_a_user_can_be_renamed_and_the_old_name_is_free_again(account: Account) -> None:
    await create(account, "auth0|ana", "ana")
    assert (await rename(account, "auth0|ana", "Maria")).username == "Maria"
    assert (await rename(account, "auth0|ana", "MARIA")).username == "MARIA"  # does not conflict with itself
    assert (await rename(account, "auth0|ana", "MARIA")).username == "MARIA"
    await create(account, "auth0|rui", "ana")
    with raises(AlreadyExists, message="this username is taken"):
        await rename(account, "auth0|rui", "maria")
    assert (await user(account, "auth0|rui")).username == "ana"


async def test_a_subject_without_an_account_is_not_found(account: Account) -> None:
    with raises(NotFound):
        await user(account, "nobody")
    with raises(NotFound):
        await rename(account, "nobody", "name")
    with raises(NotFound):
        await delete_user(account, "nobody")


async def test_deleting_an_account_removes_its_marks_points_likes_and_name(account: Account) -> None:
    await create(account, "ana", "ana")
    for name in ("dune", "emma"):
        await mark(account, "ana", book(name), LIKE, ["Classics"])
    await mark(account, "rui", book("dune"), LIKE, ["Classics"])
    await delete_user(account, "ana")
    with raises(NotFound):
        await user(account, "ana")
    assert await top(account) == [("dune", 1)]
    assert await points(account, "ana") == []
    assert await ids(account, "ana", LIKE) == []
    assert await points(account, "rui") == [("Classics", 3)]
    await create(account, "other", "ana")


async def test_subjects_are_compared_exactly(account: Account) -> None:
    subjects = ["ana", "Ana", "ana ", " ana", "aná", "ána", "ss", "ß", "a\u0301", "á", "a"]
    for number, subject in enumerate(subjects):
        with raises(NotFound):
            await user(account, subject)
        await create(account, subject, f"user{number}")
    assert [(await user(account, subject)).username for subject in subjects] == [f"user{n}" for n in range(11)]


async def test_the_longest_subject_and_username_are_stored(account: Account) -> None:
    subject, username = "🦉" * 255, "ﷲ" * 40
    assert (await create(account, subject, username)).username == username
    assert (await user(account, subject)).username == username
    assert await search(account, "ﷲ" * 39) == [username]


async def test_search_returns_names_with_the_prefix_in_alphabetical_order(account: Account) -> None:
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


async def test_an_underscore_matches_only_itself(account: Account) -> None:
    await create(account, "1", "a_b")
    await create(account, "2", "acb")
    assert await search(account, "a_") == ["a_b"]


async def test_search_returns_at_most_twenty_names(account: Account) -> None:
    names = [f"user{number:02}" for number in range(25)]
    await asyncio.gather(*(create(account, name, name) for name in names))
    assert await search(account, "user") == names[:20]


async def test_one_of_many_concurrent_requests_gets_the_name(account: Account) -> None:
    subjects = [f"subject{number}" for number in range(20)]
    results = await asyncio.gather(*(create(account, subject, "Ana") for subject in subjects), return_exceptions=True)
    failures = [type(result) for result in results if isinstance(result, Exception)]
    assert failures == [AlreadyExists] * 19
    assert await search(account, "ana") == ["Ana"]


async def test_concurrent_first_calls_of_a_subject_create_one_account(account: Account) -> None:
    calls = [create(account, "ana", f"ana{number}") for number in range(10)]
    calls += [mark(account, "ana", book(f"book{number}"), SEEN) for number in range(10)]  # type: ignore[misc]
    results = await asyncio.gather(*calls, return_exceptions=True)
    created = [result for result in results if isinstance(result, account_pb2.User)]
    failures = [type(result) for result in results if isinstance(result, Exception)]
    assert len(created) == 1
    assert failures == [AlreadyExists] * 9
    assert (await user(account, "ana")).seen == 10
