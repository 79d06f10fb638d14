"""The standard health service: NOT_SERVING at first, then it follows a real ping of what the service needs."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from grpc_health.v1 import health, health_pb2

from services.common import metrics

log = logging.getLogger(__name__)

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING

# The name a liveness probe asks for: it says that the process answers, whatever its database does.
LIVENESS = "liveness"
PING_TIMEOUT_S = 1.0

Ping = Callable[[], Awaitable[object]]


class Health:
    """Readiness, pinged every `interval_s`, goes by "" and a service's full name; liveness by "liveness"."""

    def __init__(self, names: Sequence[str], ping: Ping, interval_s: float) -> None:
        self.servicer = health.aio.HealthServicer()
        self._names = ("", *names)
        self._ping = ping
        self._interval_s = interval_s
        self._healthy: bool | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self.servicer.set(LIVENESS, SERVING)
        await self._set(False)
        self._task = asyncio.create_task(self._follow())

    async def shut_down(self) -> None:
        """NOT_SERVING from now on, so that no more is sent here."""
        if self._task:
            self._task.cancel()
        await self.servicer.enter_graceful_shutdown()

    async def _follow(self) -> None:
        while True:
            await self._set(await self._answers())
            await asyncio.sleep(self._interval_s if self._healthy else min(self._interval_s, 0.25))

    async def _answers(self) -> bool:
        try:
            async with asyncio.timeout(PING_TIMEOUT_S):
                await self._ping()
            return True
        except Exception as error:
            if self._healthy is not False:
                log.warning("what this service needs does not answer: %s", str(error) or type(error).__name__)
            return False

    async def _set(self, healthy: bool) -> None:
        if healthy == self._healthy:
            return
        self._healthy = healthy
        metrics.HEALTHY.set(healthy)
        for name in self._names:
            await self.servicer.set(name, SERVING if healthy else NOT_SERVING)
        if healthy:
            log.info("serving")
