"""The standard gRPC health service. It starts at NOT_SERVING and then follows a ping of the service's dependencies."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from grpc_health.v1 import health, health_pb2

from services.common import logs, metrics

log = logging.getLogger(__name__)

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING

# The service name in liveness probes. It is SERVING as long as the process answers, whatever its dependencies do.
LIVENESS = "liveness"
PING_TIMEOUT_S = 1.0
# Interval while unhealthy, so that a recovered dependency is noticed soon.
UNHEALTHY_INTERVAL_S = 0.25

Ping = Callable[[], Awaitable[object]]


class Health:
    """Reports readiness under the names "" and `service`, by a ping every `interval_s`; liveness under LIVENESS."""

    def __init__(self, service: str, ping: Ping, interval_s: float) -> None:
        self.servicer = health.aio.HealthServicer()
        self._names = ("", service)
        self._ping = ping
        self._interval_s = interval_s
        self._gauge = metrics.HEALTHY.labels(logs.service_name.get())
        self._healthy: bool | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self.servicer.set(LIVENESS, SERVING)
        await self._set(False)
        self._task = asyncio.create_task(self._follow_ping())

    async def shut_down(self) -> None:
        """NOT_SERVING from now on, so that load balancers send no new calls."""
        if self._task:
            self._task.cancel()
        await self.servicer.enter_graceful_shutdown()

    async def _follow_ping(self) -> None:
        while True:
            await self._set(await self._ping_succeeds())
            await asyncio.sleep(self._interval_s if self._healthy else min(self._interval_s, UNHEALTHY_INTERVAL_S))

    async def _ping_succeeds(self) -> bool:
        try:
            async with asyncio.timeout(PING_TIMEOUT_S):
                await self._ping()
            return True
        except Exception as error:
            if self._healthy is not False:
                log.warning("a dependency does not answer: %s", str(error) or type(error).__name__)
            return False

    async def _set(self, healthy: bool) -> None:
        if healthy == self._healthy:
            return
        self._healthy = healthy
        self._gauge.set(healthy)
        for name in self._names:
            await self.servicer.set(name, SERVING if healthy else NOT_SERVING)
        if healthy:
            log.info("serving")
