"""SQLAlchemy engines for reading, writing and migrating, set up per dialect: durability, timeouts, isolation, TLS."""

from collections.abc import Callable
from typing import Any

import sqlalchemy
from sqlalchemy import Engine, event

from services.account.settings import DatabaseSettings

CONNECT_TIMEOUT_S = 3
# How long a statement waits for another transaction's lock before it fails; the transaction is then retried.
LOCK_TIMEOUT_S = 3


def read_engine(settings: DatabaseSettings, connections: int) -> Engine:
    """Autocommit: each statement sees what is committed, and no transaction can stay open."""
    if is_sqlite(settings):
        return _sqlite(settings, connections, "PRAGMA query_only = ON")
    timeout_s = settings.database_timeout_s
    return _mysql(settings, connections, timeout_s, isolation_level="AUTOCOMMIT")


def write_engine(settings: DatabaseSettings, connections: int) -> Engine:
    """Transactions that are durable once committed."""
    if is_sqlite(settings):
        return _begin_immediate(_sqlite(settings, connections))
    # Users are locked row by row; REPEATABLE READ would also lock the gaps between rows, which causes conflicts.
    return _mysql(settings, connections, settings.database_timeout_s, isolation_level="READ COMMITTED")


def migration_engine(settings: DatabaseSettings, lock_timeout_s: float) -> Engine:
    """One connection whose statements have no timeout: rebuilding a large table takes long."""
    if is_sqlite(settings):
        return _begin_immediate(_sqlite(settings, 1, lock_timeout_s=lock_timeout_s))
    # As for writes. Each statement also sees what has been committed before it waited for a lock.
    return _mysql(settings, 1, timeout_s=0, isolation_level="READ COMMITTED")


def is_sqlite(settings: DatabaseSettings) -> bool:
    return settings.database_url.get_secret_value().startswith("sqlite")


def _engine(settings: DatabaseSettings, connections: int, on_connect: Callable[[Any], None], **options: Any) -> Engine:
    engine = sqlalchemy.create_engine(
        settings.database_url.get_secret_value(),
        hide_parameters=True,  # exception texts may be logged, and parameters are personal data
        pool_size=connections,
        max_overflow=0,
        **options,
    )
    event.listen(engine, "connect", lambda connection, _record: on_connect(connection))
    return engine


def _sqlite(
    settings: DatabaseSettings, connections: int, *statements: str, lock_timeout_s: float = LOCK_TIMEOUT_S
) -> Engine:
    def on_connect(connection: Any) -> None:
        connection.isolation_level = None  # stops Python's sqlite3 module from starting transactions
        for statement in (
            "PRAGMA journal_mode = WAL",  # readers and the writer do not block each other
            "PRAGMA synchronous = FULL",  # a commit survives a power failure
            "PRAGMA foreign_keys = ON",
            *statements,
        ):
            connection.execute(statement)

    # `timeout` is for a lock held by another process.
    return _engine(settings, connections, on_connect, connect_args={"timeout": lock_timeout_s})


def _begin_immediate(engine: Engine) -> Engine:
    """BEGIN IMMEDIATE: SQLite may refuse to upgrade a read transaction."""
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def _mysql(settings: DatabaseSettings, connections: int, timeout_s: float, **options: Any) -> Engine:
    """`timeout_s` applies to each statement; 0 means no timeout."""

    def on_connect(connection: Any) -> None:
        if "MariaDB" in connection.get_server_info():
            # max_statement_time is in seconds and applies to every statement. The other setting keeps MariaDB from
            # turning a long IN list into a table to join: it stays a list of keys to look up.
            variables = f"max_statement_time = {timeout_s}, in_predicate_conversion_threshold = 0"
        else:
            variables = f"max_execution_time = {round(timeout_s * 1000)}"  # milliseconds; SELECT only
        with connection.cursor() as cursor:
            cursor.execute(
                f"SET SESSION {variables}, innodb_lock_wait_timeout = {LOCK_TIMEOUT_S},"
                # A value that does not fit is an error instead of being truncated.
                " sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'"
            )

    # Longer than the statement timeout, so that the server reports first.
    socket_timeout_s = timeout_s + 1 if timeout_s else None
    return _engine(
        settings,
        connections,
        on_connect,
        connect_args={
            "charset": "utf8mb4",
            "connect_timeout": CONNECT_TIMEOUT_S,
            "read_timeout": socket_timeout_s,
            "write_timeout": socket_timeout_s,
            **_tls(settings),
        },
        # Replaces a connection that the server has closed before it is used.
        pool_pre_ping=True,
        pool_recycle=1800,
        # No ROLLBACK when a connection returns to the pool: every transaction has ended by then.
        pool_reset_on_return=None,
        **options,
    )


def _tls(settings: DatabaseSettings) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    if settings.database_ca:
        arguments |= {
            "ssl_ca": str(settings.database_ca),
            "ssl_verify_cert": True,
            "ssl_verify_identity": settings.database_verify_host,
        }
    if settings.database_cert:
        arguments |= {"ssl_cert": str(settings.database_cert), "ssl_key": str(settings.database_key)}
    return arguments
