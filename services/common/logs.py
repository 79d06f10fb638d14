"""Logs as one JSON object per line on standard error, with the ids of the current request."""

import datetime
import json
import logging
import sys
from contextvars import ContextVar

from services.common import tracing

# The service that the current task belongs to: one process may run several.
service_name: ContextVar[str] = ContextVar("service_name", default="unknown")

# Attributes that every log record has; all others came from `extra=` and are logged under their own names.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

# Loggers whose level is configurable. Libraries log from WARNING on: below it they log tokens and users' marks.
OURS = ("services", "access")


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
        return json.dumps({name: value for name, value in line.items() if value is not None}, default=str)


def set_up(service: str, level: str) -> None:
    """Sends all loggers of the process to standard error as JSON. `level` applies to this project's own loggers."""
    service_name.set(service)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    for name in OURS:
        logging.getLogger(name).setLevel(level.upper())
