"""Logs as one JSON object per line on standard error, with the ids of the current request."""

import asyncio
import datetime
import json
import logging
import sys
from contextvars import ContextVar
from typing import TextIO

from services.common import tracing

# The service that the current task belongs to: one process may run several.
service_name: ContextVar[str] = ContextVar("service_name", default="unknown")

# Attributes that every log record has. All others come from `extra=` and are logged under their own names.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

# Loggers whose level is configurable. Libraries log at WARNING and above: below it they log tokens and users' marks.
OURS = ("services", "access")

# Seconds for which lines below WARNING may be held back, to write several at once.
BATCH_S = 0.1

_encode = json.JSONEncoder(default=str).encode


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.datetime.fromtimestamp(record.created, datetime.UTC).isoformat(timespec="milliseconds"),
            "severity": record.levelname,  # the name that Cloud Logging reads
            "service": service_name.get(),
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": tracing.request_id(),
            "trace_id": tracing.trace_id(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _encode({name: value for name, value in line.items() if value is not None})


class BatchHandler(logging.StreamHandler[TextIO]):
    """Writes lines in batches: the system call is the most expensive part of a line.

    Warnings, errors, and lines logged outside the event loop are written at once, after the lines held back. At exit,
    logging flushes every handler. Only SIGKILL loses lines: those of the last BATCH_S.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._lines: list[str] = []
        self._flush_at = 0.0  # in the event loop's time

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._lines.append(self.format(record) + self.terminator)
        except Exception:  # as in every handler of logging: a line that cannot be formatted must not stop the program
            self.handleError(record)
        if record.levelno >= logging.WARNING or not self._schedule_flush():
            self.flush()

    def _schedule_flush(self) -> bool:
        """Schedules a flush, unless one is scheduled. Returns False if no event loop is running."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return False
        if loop.time() >= self._flush_at:
            self._flush_at = loop.time() + BATCH_S
            loop.call_later(BATCH_S, self.flush)
        return True

    def flush(self) -> None:
        self.acquire()
        try:
            lines, self._lines = self._lines, []
            self.stream.write("".join(lines))
            super().flush()
        finally:
            self.release()


def set_up(service: str, level: str) -> None:
    """Sends all loggers of the process to standard error as JSON. `level` applies to this project's own loggers."""
    service_name.set(service)
    # No line contains thread, process, or file and line (_srcfile), so do not collect them: see the logging HOWTO.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None
    handler = BatchHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    for name in OURS:
        logging.getLogger(name).setLevel(level.upper())
