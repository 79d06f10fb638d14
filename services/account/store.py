"""Everything the service keeps. Each method is one transaction, unless it says otherwise."""

import datetime
from collections.abc import Sequence

from sqlalchemy import Connection, text

from services.account import item_removal, marks, schema, users
from services.account.domain import Item, Kind, Mark, User
from services.account.settings import DatabaseSettings
from services.account.transactions import Transactions


class Store:
    def __init__(self, settings: DatabaseSettings) -> None:
        self._transactions = Transactions(settings)
        self._migrated = False

    async def create_user(self, subject: str, username: str) -> User:
        return await self._transactions.write(users.create, subject, username, _now())

    async def rename_user(self, subject: str, username: str) -> User:
        return await self._transactions.write(users.rename, subject, username)

    async def user(self, subject: str) -> User:
        return await self._transactions.read(users.get, subject)

    async def remove_user(self, subject: str) -> None:
        await self._transactions.write(users.remove, subject)

    async def usernames(self, prefix_key: str) -> list[str]:
        return await self._transactions.read(users.search, prefix_key)

    async def add_mark(self, subject: str, item: Item, kind: Kind, categories: Sequence[str]) -> None:
        await self._transactions.write(marks.add, subject, item, kind, categories, _now())

    async def remove_mark(self, subject: str, item: Item, kind: Kind) -> None:
        await self._transactions.write(marks.remove, subject, item, kind)

    async def marks(self, subject: str, kind: Kind, after: Mark | None, size: int) -> list[Mark]:
        return await self._transactions.read(marks.page, subject, kind, after, size)

    async def marked_among(self, subject: str, items: Sequence[Item]) -> set[Item]:
        return await self._transactions.read(marks.marked_among, subject, items)

    async def top_categories(self, subject: str, limit: int) -> list[tuple[str, int]]:
        return await self._transactions.read(marks.top_categories, subject, limit)

    async def top_items(self, item_type: int, limit: int) -> list[tuple[Item, int]]:
        return await self._transactions.read(marks.top_items, item_type, limit)

    async def remove_item_marks(self, item: Item) -> None:
        """Many transactions. Each leaves the counters right, and the next call removes what a failure left."""
        while await self._transactions.write(item_removal.remove_chunk, item):
            pass

    async def ping(self) -> None:
        """Fails while the database does not answer, or has not been migrated."""
        if self._migrated:
            # Not the version again: the next release's migrations run while this one still serves.
            await self._transactions.ping(_answer)
        else:
            await self._transactions.ping(schema.check)
            self._migrated = True

    def close(self) -> None:
        self._transactions.close()


def _answer(connection: Connection) -> None:
    connection.execute(text("SELECT 1"))


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
