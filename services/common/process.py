"""Runs one service as a process: logs, metrics, signals and the exit code."""

import asyncio
import logging
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

import uvloop

from services.common import logs, metrics
from services.common.settings import Settings

log = logging.getLogger(__name__)


class Server(Protocol):
    def running(self) -> AbstractAsyncContextManager[int]:
        """Serves while the context is open; yields the port."""


S = TypeVar("S", bound=Settings)
# Opens a service's connections, yields its server, and closes them.
Build = Callable[[S], AbstractAsyncContextManager[Server]]


def run(name: str, settings: S, build: Build[S]) -> None:
    """Serves until SIGTERM or SIGINT. Exits with 1 and one line on standard error if a port is taken."""
    logs.set_up(name, settings.log_level)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(settings, build))
    except OSError as error:
        sys.exit(f"{name}: {error}")
    log.info("stopped")


async def _serve(settings: S, build: Build[S]) -> None:
    stop_requested = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop_requested.set)
    metrics.start(settings.host, settings.metrics_port)
    async with build(settings) as server, server.running() as port:
        log.info("listening", extra={"port": port})
        await stop_requested.wait()
        log.info("stopping")
