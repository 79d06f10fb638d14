"""The datasets by item type, and concurrent queries to them that report which datasets do not answer."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from services.common import deadline
from services.common.errors import InvalidArgument, SeenError, Unavailable
from services.library import metrics
from services.library.domain import Dataset
from services.taste.domain import Item, ItemRef

log = logging.getLogger(__name__)

T = TypeVar("T")

# Share of the remaining deadline per fan-out: after two timeouts, 36 % is left to send a partial answer.
FAN_OUT_SHARE = 0.4


class Datasets:
    """`by_type` is in the order of the types."""

    def __init__(self, datasets: Iterable[Dataset]) -> None:
        self.by_type = {dataset.type: dataset for dataset in sorted(datasets, key=lambda dataset: dataset.type)}

    def get(self, item_type: int, field: str = "type") -> Dataset:
        """InvalidArgument for this field of the request if no dataset has items of the type."""
        if item_type not in self.by_type:
            names = ", ".join(dataset.name for dataset in self.by_type.values())
            raise InvalidArgument(field, f"must be one of {names}")
        return self.by_type[item_type]

    async def query_all(self, queries: Mapping[int, Callable[[], Awaitable[T]]]) -> tuple[dict[int, T], list[int]]:
        """Runs one query per item type, concurrently. Returns the answers by type, and the types without an answer.

        Errors other than Unavailable and timeouts are raised. A type without an answer is logged and counted, because
        the answer to the request will lack its items.
        """
        answers, missing = await self.query_each(queries)
        if missing:
            names = [self.by_type[item_type].name for item_type in missing]
            metrics.count_answer_without(names)
            log.warning("answered without %s", ", ".join(names))
        return answers, missing

    async def query_each(self, queries: Mapping[int, Callable[[], Awaitable[T]]]) -> tuple[dict[int, T], list[int]]:
        """Like query_all, for queries that no request waits for: neither logs nor counts missing answers."""
        timeout_s = deadline.remaining() * FAN_OUT_SHARE

        async def run(query: Callable[[], Awaitable[T]]) -> T:
            async with asyncio.timeout(timeout_s):
                return await query()

        results = await asyncio.gather(*map(run, queries.values()), return_exceptions=True)
        answers: dict[int, T] = {}
        missing = []
        for item_type, result in zip(queries, results, strict=True):
            if isinstance(result, Unavailable | TimeoutError):
                missing.append(item_type)
            elif isinstance(result, BaseException):
                raise result
            else:
                answers[item_type] = result
        return answers, missing

    async def fetch(self, refs: Sequence[ItemRef]) -> tuple[list[Item | None], list[int]]:
        """Reads items in one call per dataset. Returns them in order, and the types without an answer.

        None stands for an item that does not exist or whose dataset did not answer.
        """
        ids: dict[int, list[str]] = {}
        for ref in refs:
            ids.setdefault(ref.type, []).append(ref.id)
        answers, missing = await self.query_all(
            {item_type: partial(self.get(item_type).batch_get, item_ids) for item_type, item_ids in ids.items()}
        )
        items = {(item_type, item.id): item for item_type, fetched in answers.items() for item in fetched}
        return [items.get(ref) for ref in refs], missing

    async def ping(self) -> None:
        """Returns as soon as one dataset answers: the library can then show something. Unavailable if none does."""
        pings = [asyncio.ensure_future(dataset.count("")) for dataset in self.by_type.values()]
        try:
            for ping in asyncio.as_completed(pings):
                with contextlib.suppress(SeenError):
                    await ping
                    return
        finally:
            for task in pings:
                task.cancel()
            await asyncio.gather(*pings, return_exceptions=True)
        raise Unavailable("no dataset answers")
