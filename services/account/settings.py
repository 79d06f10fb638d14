"""Settings of the account service, read from SEEN_… variables."""

from pathlib import Path

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from services.common.settings import GrpcSettings, Settings


class DatabaseSettings(Settings):
    """What it takes to reach the database. Migrations need no more than this."""

    metrics_port: int = Field(0, description="port of /metrics; 0 takes a free one")
    database_url: SecretStr = Field(
        description="sqlite:////FOLDER/accounts.db or mysql+pymysql://USER:PASSWORD@HOST/NAME"
    )
    database_ca: Path | None = Field(None, description="certificate authority of the MySQL server; asks for TLS")
    database_cert: Path | None = Field(None, description="client certificate, where the MySQL server wants one")
    database_key: Path | None = Field(None, validate_default=True, description="key of the client certificate")
    database_verify_host: bool = Field(
        True, description="whether the server's certificate must name its host; Google Cloud SQL's does not"
    )
    database_threads: int = Field(
        8,
        ge=1,
        le=64,
        description="calls that read, and calls that write, at once; one connection each, and one for pings",
    )
    database_timeout_s: float = Field(
        10, ge=1, description="seconds after which a statement that no longer answers is given up"
    )

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: SecretStr) -> SecretStr:
        # Messages name no part of the value: it holds a password.
        try:
            url = make_url(value.get_secret_value())
        except (ArgumentError, ValueError):
            raise ValueError("is no database URL") from None
        if url.drivername in ("sqlite", "sqlite+pysqlite"):
            if url.database in (None, "", ":memory:"):
                raise ValueError("must name a file: sqlite:////FOLDER/accounts.db")
        elif url.drivername not in ("mysql+pymysql", "mariadb+pymysql"):
            raise ValueError("must begin with sqlite:/// or mysql+pymysql://")
        return value

    @field_validator("database_ca", "database_cert", "database_key")
    @classmethod
    def _readable(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_file():
            raise ValueError("is no file")
        return value

    @field_validator("database_key")
    @classmethod
    def _whole(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if (value is None) != (info.data.get("database_cert") is None):
            raise ValueError("must be given where SEEN_DATABASE_CERT is, and nowhere else")
        if value and info.data.get("database_ca") is None:
            raise ValueError("needs SEEN_DATABASE_CA, or nobody would check who the server is")
        return value


class AccountSettings(DatabaseSettings, GrpcSettings):
    metrics_port: int = Field(description="port of /metrics; 0 takes a free one")
