"""Concurrent calls. Their order is undefined, so the counters are compared with a recount of the remaining marks."""

import asyncio
import datetime
import random
from collections.abc import Callable, Coroutine
from typing import Any

from sqlalchemy import Engine

from seen.v1.account_pb2 import LIKE
from seen.v1.types_pb2 import BOOK
from services.account.database import marks
from services.account.database.models import Base, LikesRow, MarkRow, PointsRow, UserRow
from services.account.domain import MarkKind
from services.common.errors import AlreadyExists, NotFound
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
from tests.integration.account.conftest import IN_SHARED_LOOP, insert_rows
from tests.integration.account.recount import assert_counters_exact

pytestmark = IN_SHARED_LOOP

CATEGORIES = ["Art", "Drama", "Music", "Zen"]


async def test_random_concurrent_calls_keep_the_counters_exact(account: Account, database: Engine) -> None:
    rng = random.Random(7)

    async def random_call() -> None:
        subject, item, kind = f"s{rng.randrange(6)}", book(f"b{rng.randrange(5)}"), rng.choice(KINDS)
        calls: list[Callable[[], Coroutine[Any, Any, Any]]] = [
            lambda: mark(account, subject, item, kind, rng.sample(CATEGORIES, 2)),
            lambda: unmark(account, subject, item, kind),
            lambda: remove_item(account, item),
            lambda: delete_user(account, subject),
            lambda: create(account, subject, f"name{rng.randrange(4)}"),
        ]
        [call] = rng.choices(calls, weights=[60, 30, 4, 3, 3])
        await call()

    outcomes = await asyncio.gather(*(random_call() for _ in range(400)), return_exceptions=True)
    failures = {type(outcome) for outcome in outcomes if isinstance(outcome, Exception)}
    assert failures <= {NotFound, AlreadyExists}
    assert_counters_exact(database)


async def test_the_same_mark_set_concurrently_counts_once(account: Account, database: Engine) -> None:
    await asyncio.gather(*(mark(account, "ana", book("dune"), LIKE, ["Fantasy"]) for _ in range(20)))
    assert await top(account) == [("dune", 1)]
    assert await points(account, "ana") == [("Fantasy", 3)]
    await asyncio.gather(*(unmark(account, "ana", book("dune"), LIKE) for _ in range(20)))
    assert await top(account) == []
    assert_counters_exact(database)


async def test_deleting_accounts_concurrently_removes_all_their_likes(account: Account, database: Engine) -> None:
    users, items = [f"p{n}" for n in range(6)], [book(f"b{n}") for n in range(12)]
    for number, subject in enumerate(users):
        liked = items if number % 2 else items[::-1]  # in opposite orders
        await asyncio.gather(*(mark(account, subject, item, LIKE, ["Art"]) for item in liked))
    await mark(account, "stays", items[0], LIKE, ["Art"])
    await asyncio.gather(
        *(delete_user(account, subject) for subject in users),
        *(mark(account, "stays", item, LIKE, ["Art"]) for item in items),
    )
    assert await top(account) == sorted((item.id, 1) for item in items)
    assert await points(account, "stays") == [("Art", 36)]
    assert_counters_exact(database)


async def test_all_marks_of_an_item_are_removed_even_if_they_take_several_batches(
    account: Account, database: Engine
) -> None:
    count = marks.BATCH_SIZE + 300
    _insert_fans(database, count, "hit", ["Art", "Zen"])
    assert_counters_exact(database)
    removals = [remove_item(account, book("hit")) for _ in range(2)]
    await asyncio.gather(*removals, *(mark(account, f"fan{n}", book("other"), LIKE, ["Art"]) for n in range(30)))
    assert await top(account) == [("other", 30)]
    assert (await user(account, f"fan{count - 1}")).seen == 0
    assert await points(account, f"fan{count - 1}") == []
    assert await points(account, "fan0") == [("Art", 3)]
    assert_counters_exact(database)


def _insert_fans(database: Engine, count: int, item_id: str, category: list[str]) -> None:
    """Users who have all seen and liked one book."""
    now = datetime.datetime.now(datetime.UTC)
    row = {"item_type": BOOK, "item_id": item_id, "marked_at": now, "category": category, "themes": category}
    rows: dict[type[Base], list[dict[str, Any]]] = {
        UserRow: [{"id": n + 1, "subject": f"fan{n}", "created_at": now, "seen": 1, "liked": 1} for n in range(count)],
        MarkRow: [row | {"user_id": n + 1, "kind": kind} for n in range(count) for kind in MarkKind],
        PointsRow: [
            {"user_id": n + 1, "category": name, "points": 4, "seen": 1, "liked": 1}
            for n in range(count)
            for name in category
        ],
        LikesRow: [{"item_type": BOOK, "item_id": item_id, "likes": count}],
    }
    insert_rows(database, rows)
