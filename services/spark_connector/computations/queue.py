"""The computations of one question: one runs, the others wait."""

import asyncio
from dataclasses import dataclass, field

from services.spark_connector.computations.computation import STARTING_STAGE, Progress
from services.spark_connector.queries import Query

WAITING_STAGE = "waiting for another computation to finish"


@dataclass
class Queue:
    """`waiting` maps each waiting query to whether it was requested with `refresh`."""

    waiting: dict[Query, bool] = field(default_factory=dict)
    running: Query | None = None
    progress: Progress = field(default_factory=Progress)
    task: asyncio.Task[None] | None = None

    def __contains__(self, query: Query) -> bool:
        return query == self.running or query in self.waiting

    def start_next(self, now: float) -> tuple[Query, bool]:
        """Starts the default query first, however many others wait. Returns the query and its `refresh`."""
        query = next((query for query in self.waiting if query.is_default), next(iter(self.waiting)))
        self.running, self.progress = query, Progress(now)
        return query, self.waiting.pop(query)

    def stage_of(self, query: Query) -> str:
        if query not in self:
            return ""
        if self.running is None:
            return STARTING_STAGE
        return self.progress.stage if query == self.running else WAITING_STAGE

    def retry_after_s(self, now: float) -> int:
        """Estimates in how many seconds the running computation ends: 1 to 30."""
        return 1 if self.running is None else self.progress.retry_after_s(now)
