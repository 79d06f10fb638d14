"""The computations of one question: one runs, the others wait."""

import asyncio
import math
from dataclasses import dataclass, field

from services.spark_connector.queries import Query

STARTING_STAGE = "starting"
WAITING_STAGE = "waiting for another computation to finish"


@dataclass
class Queue:
    """`waiting` maps each waiting query to whether it was requested with `refresh`."""

    waiting: dict[Query, bool] = field(default_factory=dict)
    running: Query | None = None
    started_at: float = 0.0
    stage: str = ""
    progress: float = 0.0
    task: asyncio.Task[None] | None = None

    def __contains__(self, query: Query) -> bool:
        return query == self.running or query in self.waiting

    def start_next(self, now: float) -> tuple[Query, bool]:
        """Starts the default query first, however many others wait. Returns the query and its `refresh`."""
        query = next((query for query in self.waiting if query.is_default), next(iter(self.waiting)))
        self.running, self.started_at = query, now
        self.report(STARTING_STAGE, 0)
        return query, self.waiting.pop(query)

    def report(self, stage: str, progress: float) -> None:
        self.stage = stage
        self.progress = min(max(progress, 0.0), 1.0)

    def stage_of(self, query: Query) -> str:
        if query not in self:
            return ""
        if self.running is None:
            return STARTING_STAGE
        return self.stage if query == self.running else WAITING_STAGE

    def retry_after_s(self, now: float) -> int:
        """Estimates when the running computation ends: 1 to 30 seconds."""
        if self.running is None:
            return 1
        elapsed = now - self.started_at
        left = elapsed / self.progress - elapsed if self.progress > 0.05 else elapsed
        return math.ceil(min(max(left, 1), 30))
