"""The response cache: complete responses of public GET operations, for a few seconds.

In the specification, an operation's `x-cache` names the data that its response is made from, and the parameters with
which it is not cached; `x-writes` names the data that an operation changes.
"""

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import prometheus_client
from starlette.responses import Response

from services.common import deadline
from services.common.tasks import ignore_failure
from services.gateway.http.operations import Operation
from services.gateway.http.responses import NO_STORE
from services.gateway.specification import ITEM_TYPES

REQUESTS = prometheus_client.Counter(
    "http_cache_requests", "Requests for cacheable responses. A miss calls the services; a hit does not.", ("result",)
)
HITS, MISSES = REQUESTS.labels("hit"), REQUESTS.labels("miss")
BYTES = prometheus_client.Gauge("http_cache_bytes", "Estimated memory of the cached responses.")

OVERHEAD_BYTES = 4096  # of an entry's keys, headers and objects, as measured

Version = tuple[int, ...]  # the counters of writes to the data that a response is made from


@dataclass(frozen=True)
class Entry:
    operation: Operation
    item_type: str | None  # None: all types
    response: Response
    version: Version
    expires: float  # in time.monotonic()

    @property
    def size(self) -> int:
        return len(self.response.body) + OVERHEAD_BYTES


class Cache:
    """An LRU cache of at most `max_bytes`.

    An entry is stored under its operation and arguments, and also under each request target (the path and query, as the
    client wrote them) that has passed validation: the next request with this target is answered without validation.

    A write does not remove entries. It increases the counters of the data that it changes, and an entry is valid only
    while the counters are as they were when the handler was called.
    """

    def __init__(self, ttl_s: float, max_bytes: int, deadline_s: float) -> None:
        self._ttl_s = ttl_s
        self._max_bytes = max_bytes
        self._deadline_s = deadline_s
        self._entries: OrderedDict[Hashable, Entry] = OrderedDict()
        self._bytes = 0
        BYTES.set(0)
        self._fills: dict[Hashable, asyncio.Task[Entry]] = {}
        self._writes: Counter[tuple[str, str | None]] = Counter()

    def get(self, key: Hashable) -> Entry | None:
        entry = self._entries.get(key)
        if entry is None or not self._is_current(entry):
            return None
        self._entries.move_to_end(key)
        HITS.inc()
        return entry

    async def get_or_fill(self, target: Hashable, operation: Operation, arguments: Mapping[str, Any]) -> Entry:
        """The entry for a validated request. Requests that wait for the same entry share one call of the handler."""
        key = (operation.path, *sorted(arguments.items()))
        entry = self.get(key) or await self._fill(key, operation, arguments)
        self._store(target, entry)
        return entry

    async def _fill(self, key: Hashable, operation: Operation, arguments: Mapping[str, Any]) -> Entry:
        # The version in the key: a request that comes after a write must not join a fill that began before the write.
        version = self._version(operation, operation.type_read(arguments))
        fill = self._fills.get((key, version))
        (HITS if fill else MISSES).inc()
        if fill is None:
            fill = asyncio.create_task(self._call_handler(key, operation, arguments, version))
            self._fills[key, version] = fill
            fill.add_done_callback(lambda _: self._fills.pop((key, version)))
            fill.add_done_callback(ignore_failure)
        return await asyncio.shield(fill)  # the fill continues if this request is cancelled

    async def _call_handler(
        self, key: Hashable, operation: Operation, arguments: Mapping[str, Any], version: Version
    ) -> Entry:
        deadline.start(self._deadline_s)
        expires = time.monotonic() + self._ttl_s
        response = await operation.handler(**arguments)
        if response.status_code != 200 or response.headers["Cache-Control"] == NO_STORE:  # a partial answer
            expires = 0
        entry = Entry(operation, operation.type_read(arguments), response, version, expires)
        self._store(key, entry)
        return entry

    def invalidate(self, operation: Operation, item_type: str | None) -> None:
        """Invalidates entries made from the data that the operation writes. `item_type` is None for all types."""
        for data in operation.writes:
            for affected in (None, *([item_type] if item_type else ITEM_TYPES)):
                self._writes[data, affected] += 1

    def _version(self, operation: Operation, item_type: str | None) -> Version:
        return tuple(self._writes[data, item_type] for data in operation.reads)

    def _is_current(self, entry: Entry) -> bool:
        return time.monotonic() < entry.expires and entry.version == self._version(entry.operation, entry.item_type)

    def _store(self, key: Hashable, entry: Entry) -> None:
        if not self._is_current(entry):  # there may have been a write during the fill
            return
        if replaced := self._entries.pop(key, None):
            self._bytes -= replaced.size
        self._entries[key] = entry
        self._bytes += entry.size
        while self._bytes > self._max_bytes:
            self._bytes -= self._entries.popitem(last=False)[1].size
        BYTES.set(self._bytes)
