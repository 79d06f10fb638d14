"""Runs the gateway: python -m services.gateway."""

import asyncio
import logging
import signal
import sys

import uvloop

from services.common import logs, metrics
from services.gateway.server import running
from services.gateway.settings import GatewaySettings

log = logging.getLogger(__name__)


async def main(settings: GatewaySettings) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    metrics.start(settings.host, settings.metrics_port)
    async with running(settings) as port:
        log.info("listening", extra={"port": port})
        await stopped.wait()
        log.info("stopping")


if __name__ == "__main__":
    settings = GatewaySettings.from_env()
    logs.set_up("gateway", settings.log_level)
    for name in ("uvicorn", "connexion", "httpx"):
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main(settings))
    except OSError as error:
        sys.exit(f"gateway: {error}")
    log.info("stopped")
