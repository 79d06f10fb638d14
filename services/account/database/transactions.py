"""Runs a function in a transaction, with retries after conflicts and with errors that callers understand. Blocks."""

import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from services.common.errors import Aborted, DeadlineExceeded, SeenError, Unavailable

log = logging.getLogger(__name__)

# The maximum pause before a retry doubles each time. The pause is random, so that two conflicting transactions do not
# conflict again.
FIRST_PAUSE_S = 0.01
MAX_PAUSE_S = 0.5

# Error numbers of MySQL and MariaDB: https://mariadb.com/kb/en/mariadb-error-codes/
# Lock wait timeout, deadlock, and "record has changed since last read" (MariaDB with snapshot isolation).
_CONFLICTS = frozenset((1205, 1213, 1020))
_STATEMENT_TIMEOUTS = frozenset((1969, 3024))  # MariaDB's max_statement_time, MySQL's max_execution_time
_NO_SUCH_TABLE = 1146  # not migrated yet

T = TypeVar("T")


def run_with_retries(engine: Engine, function: Callable[[Connection], T], until: float, *, reads: bool = False) -> T:
    """`until` is in the time of time.monotonic(); after it there are no retries."""
    run = read_once if reads else run_once
    max_pause_s = FIRST_PAUSE_S
    while True:
        try:
            return run(engine, function)
        except SQLAlchemyError as error:
            pause_s = random.uniform(max_pause_s / 2, max_pause_s)  # noqa: S311 not a secret
            if not is_conflict(error) or time.monotonic() + pause_s >= until:
                if seen_error := _seen_error(error):
                    raise seen_error from error
                raise
        time.sleep(pause_s)
        max_pause_s = min(2 * max_pause_s, MAX_PAUSE_S)


def run_once(engine: Engine, function: Callable[[Connection], T]) -> T:
    with engine.begin() as connection:
        return function(connection)


def read_once(engine: Engine, function: Callable[[Connection], T]) -> T:
    """On an engine in autocommit: a COMMIT would be one more round trip."""
    with engine.connect() as connection:
        return function(connection)


def is_conflict(error: SQLAlchemyError) -> bool:
    """Whether a concurrent transaction caused the error, so that a retry may succeed."""
    sqlite_error = getattr(getattr(error, "orig", None), "sqlite_errorname", "")
    return _number(error) in _CONFLICTS or sqlite_error.startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def _seen_error(error: SQLAlchemyError) -> SeenError | None:
    """The error to report to the caller; None for a bug in this program."""
    if is_conflict(error):
        return Aborted("conflict with concurrent changes; try again")
    if _number(error) in _STATEMENT_TIMEOUTS:
        return DeadlineExceeded("the account database took too long")
    is_broken = isinstance(error, DBAPIError) and error.connection_invalidated
    if is_broken or isinstance(error, OperationalError) or _number(error) == _NO_SUCH_TABLE:
        log.warning("the database does not answer: %s", getattr(error, "orig", error))
        return Unavailable("the account database does not answer; try again later")
    return None


def _number(error: SQLAlchemyError) -> int | None:
    """MySQL's error number."""
    arguments = getattr(getattr(error, "orig", None), "args", ())
    return arguments[0] if arguments and isinstance(arguments[0], int) else None
