"""Connections to the database, set up for each dialect: what must be durable, how long to wait, and how to begin."""

from collections.abc import Callable
from typing import Any

import sqlalchemy
from sqlalchemy import Engine, event
from sqlalchemy.engine import URL, make_url

from services.account.settings import DatabaseSettings

CONNECT_TIMEOUT_S = 3
# How long a statement waits for somebody else's lock before the transaction is begun anew.
LOCK_TIMEOUT_S = 3


def reading(settings: DatabaseSettings, connections: int) -> Engine:
    """Each statement sees what is committed; nothing is begun, nothing can be left open."""
    url = _url(settings)
    if _is_sqlite(url):
        return _sqlite(url, connections, "PRAGMA query_only = ON")
    return _mysql(
        settings, url, connections, settings.database_timeout_s, isolation_level="AUTOCOMMIT", pool_reset_on_return=None
    )


def writing(settings: DatabaseSettings, connections: int) -> Engine:
    """Transactions that take their locks first and leave everything committed on disk."""
    url = _url(settings)
    if _is_sqlite(url):
        return _beginning_at_once(_sqlite(url, connections))
    # Users are locked row by row, so the gaps that REPEATABLE READ locks between rows would only be in the way.
    return _mysql(settings, url, connections, settings.database_timeout_s, isolation_level="READ COMMITTED")


def migrating(settings: DatabaseSettings, lock_timeout_s: float) -> Engine:
    """One connection that may take its time: rebuilding a large table is no fault."""
    url = _url(settings)
    if _is_sqlite(url):
        return _beginning_at_once(_sqlite(url, 1, lock_timeout_s=lock_timeout_s))
    return _mysql(settings, url, 1, timeout_s=0)


def writers(settings: DatabaseSettings) -> int:
    """How many transactions can make progress at once: SQLite knows one writer."""
    return 1 if _is_sqlite(_url(settings)) else settings.database_threads


def _url(settings: DatabaseSettings) -> URL:
    return make_url(settings.database_url.get_secret_value())


def _is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _engine(url: URL, connections: int, on_connect: Callable[[Any], None], **options: Any) -> Engine:
    engine = sqlalchemy.create_engine(
        url,
        # An exception's text may reach a log; what people do must not.
        hide_parameters=True,
        pool_size=connections,
        max_overflow=0,
        # Never awaited: there are no more threads than connections.
        pool_timeout=CONNECT_TIMEOUT_S,
        **options,
    )
    event.listen(engine, "connect", lambda connection, _record: on_connect(connection))
    return engine


def _sqlite(url: URL, connections: int, *statements: str, lock_timeout_s: float = LOCK_TIMEOUT_S) -> Engine:
    def on_connect(connection: Any) -> None:
        connection.isolation_level = None  # Python's module must not begin transactions of its own
        for statement in (
            "PRAGMA journal_mode = WAL",  # readers and the writer do not wait for each other
            "PRAGMA synchronous = FULL",  # committed means on disk, also when the power fails
            "PRAGMA foreign_keys = ON",
            *statements,
        ):
            connection.execute(statement)

    # `timeout`: how long to wait for a writer in another process.
    return _engine(url, connections, on_connect, connect_args={"timeout": lock_timeout_s})


def _beginning_at_once(engine: Engine) -> Engine:
    """At once a writer: a SQLite transaction that has read cannot become one while another writes."""
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def _mysql(settings: DatabaseSettings, url: URL, connections: int, timeout_s: float, **options: Any) -> Engine:
    """`timeout_s` is for one statement; 0 waits for ever."""

    def on_connect(connection: Any) -> None:
        if "MariaDB" in connection.get_server_info():
            # Seconds, of every statement. A long list in IN stays keys to look up, and becomes no table to join.
            own = f"max_statement_time = {timeout_s}, in_predicate_conversion_threshold = 0"
        else:
            own = f"max_execution_time = {round(timeout_s * 1000)}"  # milliseconds, of SELECT only
        with connection.cursor() as cursor:
            cursor.execute(
                f"SET SESSION {own}, innodb_lock_wait_timeout = {LOCK_TIMEOUT_S},"
                # A value that does not fit is an error, not a shorter value.
                " sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'"
            )

    # Longer than the statement's own limit, so that the server speaks first.
    socket_timeout_s = timeout_s + 1 if timeout_s else None
    return _engine(
        url,
        connections,
        on_connect,
        connect_args={
            "charset": "utf8mb4",
            "connect_timeout": CONNECT_TIMEOUT_S,
            "read_timeout": socket_timeout_s,
            "write_timeout": socket_timeout_s,
            **_tls(settings),
        },
        # A connection that the server has closed is replaced before it is used.
        pool_pre_ping=True,
        pool_recycle=1800,
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
        arguments["ssl_cert"] = str(settings.database_cert)
    if settings.database_key:
        arguments["ssl_key"] = str(settings.database_key)
    return arguments
