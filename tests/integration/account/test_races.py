"""Everything at once. No order is promised, so the counters are compared with a recount of what is left."""

import asyncio
import datetime
import random
from collections.abc import Callable, Coroutine
from typing import Any

import grpc
import sqlalchemy
from sqlalchemy import Engine

from seen.v1.account_pb2 import LIKE
from seen.v1.types_pb2 import BOOK
from services.account.domain import Kind
from services.account.models import Base, LikesRow, MarkRow, PointsRow, UserRow
from tests.integration.account.calls import (
    KINDS,
    Account,
    book,
    create,
    delete_user,
    mark,
    points,
    remove_item,
    top,
    unmark,
    user,
)
from tests.integration.account.counts import assert_exact

CATEGORIES = ["Art", "Drama", "Music", "Zen"]


async def test_counters_stay_exact_whatever_happens_at_once(account: Account, database: Engine) -> None:
    chance = random.Random(7)

    async def something() -> None:
        subject, item, kind = f"s{chance.randrange(6)}", book(f"b{chance.randrange(5)}"), chance.choice(KINDS)
        choices: list[Callable[[], Coroutine[Any, Any, Any]]] = [
            lambda: mark(account, subject, item, kind, chance.sample(CATEGORIES, 2)),
            lambda: unmark(account, subject, item, kind),
            lambda: remove_item(account, item),
            lambda: delete_user(account, subject),
            lambda: create(account, subject, f"name{chance.randrange(4)}"),
        ]
        [choice] = chance.choices(choices, weights=[60, 30, 4, 3, 3])
        await choice()

    outcomes = await asyncio.gather(*(something() for _ in range(400)), return_exceptions=True)
    failures = {outcome.code() for outcome in outcomes if isinstance(outcome, grpc.aio.AioRpcError)}
    assert failures <= {grpc.StatusCode.NOT_FOUND, grpc.StatusCode.ALREADY_EXISTS}
    assert_exact(database)


async def test_people_who_leave_at_once_give_all_their_likes_back(account: Account, database: Engine) -> None:
    people, items = [f"p{n}" for n in range(6)], [book(f"b{n}") for n in range(12)]
    for number, person in enumerate(people):
        liked = items if number % 2 else items[::-1]  # in opposite orders
        await asyncio.gather(*(mark(account, person, item, LIKE, ["Art"]) for item in liked))
    await mark(account, "stays", items[0], LIKE, ["Art"])
    await asyncio.gather(
        *(delete_user(account, person) for person in people),
        *(mark(account, "stays", item, LIKE, ["Art"]) for item in items),
    )
    assert await top(account) == sorted((item.id, 1) for item in items)
    assert await points(account, "stays") == [("Art", 36)]
    assert_exact(database)


async def test_an_item_with_more_marks_than_a_chunk_goes_whole(account: Account, database: Engine) -> None:
    people = 1300
    _insert_fans(database, people, "hit", ["Art", "Zen"])
    assert_exact(database)
    removals = [remove_item(account, book("hit")) for _ in range(2)]
    await asyncio.gather(*removals, *(mark(account, f"fan{n}", book("other"), LIKE, ["Art"]) for n in range(30)))
    assert await top(account) == [("other", 30)]
    assert (await user(account, "fan1299")).seen == 0
    assert await points(account, "fan1299") == []
    assert await points(account, "fan0") == [("Art", 3)]
    assert_exact(database)


def _insert_fans(database: Engine, people: int, item_id: str, category: list[str]) -> None:
    """People who have all seen and liked one book."""
    now = datetime.datetime.now(datetime.UTC)
    mark_of = {"item_type": BOOK, "item_id": item_id, "marked_at": now, "category": category}
    rows: dict[type[Base], list[dict[str, Any]]] = {
        UserRow: [{"id": n + 1, "subject": f"fan{n}", "created_at": now, "seen": 1, "liked": 1} for n in range(people)],
        MarkRow: [mark_of | {"user_id": n + 1, "kind": kind} for n in range(people) for kind in Kind],
        PointsRow: [{"user_id": n + 1, "category": name, "points": 4} for n in range(people) for name in category],
        LikesRow: [{"item_type": BOOK, "item_id": item_id, "likes": people}],
    }
    with database.begin() as connection:
        for table, inserted in rows.items():
            connection.execute(sqlalchemy.insert(table), inserted)
