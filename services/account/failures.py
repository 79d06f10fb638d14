"""What went wrong in the database, in the suite's own words."""

import logging

from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from services.common.errors import Aborted, DeadlineExceeded, SeenError, Unavailable

log = logging.getLogger(__name__)

# https://mariadb.com/kb/en/mariadb-error-codes/; MySQL shares these numbers.
_LOCK_TIMEOUT = 1205
_DEADLOCK = 1213
_RECORD_CHANGED = 1020  # MariaDB, where it checks snapshots
_CONFLICTS = frozenset((_LOCK_TIMEOUT, _DEADLOCK, _RECORD_CHANGED))
_NO_TABLE = 1146  # not migrated yet
_STATEMENT_TIMEOUTS = frozenset((1969, 3024))  # MariaDB's max_statement_time, MySQL's max_execution_time


def is_conflict(error: SQLAlchemyError) -> bool:
    """Whether somebody else's transaction was in the way, so that the same one may succeed now."""
    sqlite_error = getattr(getattr(error, "orig", None), "sqlite_errorname", "")
    return _number(error) in _CONFLICTS or sqlite_error.startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def named(error: SQLAlchemyError) -> SeenError | None:
    """What the caller should be told; None where the fault is in this program."""
    if is_conflict(error):
        return Aborted("other changes were in the way; try again")
    if _number(error) in _STATEMENT_TIMEOUTS:
        return DeadlineExceeded("this took too long")
    if _does_not_answer(error):
        log.warning("the database does not answer: %s", getattr(error, "orig", error))
        return Unavailable("the accounts do not answer")
    return None


def _does_not_answer(error: SQLAlchemyError) -> bool:
    if isinstance(error, ProgrammingError):
        return _number(error) == _NO_TABLE
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    return isinstance(error, OperationalError | PoolTimeout)


def _number(error: SQLAlchemyError) -> int | None:
    """MySQL's error number."""
    arguments = getattr(getattr(error, "orig", None), "args", ())
    return arguments[0] if arguments and isinstance(arguments[0], int) else None
