"""Logs as one JSON object a line, on standard error, with the ids of the request they belong to."""

import datetime
import json
import logging
import sys

from services.common import tracing

# What logging puts on every record; the rest came in by `extra=` and is logged under its own name.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


# What the suite logs itself. Libraries say at DEBUG what was asked of them, tokens and people's marks included.
OURS = ("services", "access")


class JsonFormatter(logging.Formatter):
    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.datetime.fromtimestamp(record.created, datetime.UTC).isoformat(timespec="milliseconds"),
            "severity": record.levelname,  # the name that Cloud Logging reads
            "service": self._service,
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
    """Sends every logger of the process to standard error as JSON; DEBUG is for our own only."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(service))
    number = logging.getLevelNamesMapping()[level.upper()]
    logging.basicConfig(handlers=[handler], level=max(number, logging.INFO), force=True)
    for name in OURS:
        logging.getLogger(name).setLevel(number)
