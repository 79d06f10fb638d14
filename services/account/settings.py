"""Settings of the account service, read from SEEN_… variables."""

from pydantic import Field, FilePath, SecretStr, ValidationInfo, field_validator
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from services.common.settings import GrpcSettings, ProgramSettings


class DatabaseSettings(ProgramSettings):
    """How to connect to the database. Migrations need no other settings."""

    database_url: SecretStr = Field(
        description="sqlite:////FOLDER/accounts.db or mysql+pymysql://USER:PASSWORD@HOST/NAME"
    )
    database_ca: FilePath | None = Field(None, description="CA certificate of the MySQL server; turns TLS on")
    database_cert: FilePath | None = Field(None, description="client certificate, if the MySQL server requires one")
    database_key: FilePath | None = Field(
        None, validate_default=True, description="private key of the client certificate"
    )
    database_verify_host: bool = Field(
        True, description="whether the server's certificate must name its host; Google Cloud SQL's does not"
    )
    database_threads: int = Field(
        8,
        ge=1,
        le=64,
        description="maximum number of concurrent reads, and of concurrent writes, of MySQL; each uses a connection",
    )
    database_timeout_s: float = Field(10, ge=1, description="seconds after which a statement is cancelled")

    @field_validator("database_url")
    @classmethod
    def _check_url(cls, value: SecretStr) -> SecretStr:
        # The value contains a password, so error messages must not quote it.
        try:
            url = make_url(value.get_secret_value())
        except (ArgumentError, ValueError):
            raise ValueError("not a database URL") from None
        if url.drivername in ("sqlite", "sqlite+pysqlite"):
            if url.database in (None, "", ":memory:"):
                raise ValueError("must name a file: sqlite:////FOLDER/accounts.db")
        elif url.drivername not in ("mysql+pymysql", "mariadb+pymysql"):
            raise ValueError("must begin with sqlite:/// or mysql+pymysql://")
        return value

    @field_validator("database_key")
    @classmethod
    def _check_tls(cls, key: FilePath | None, info: ValidationInfo) -> FilePath | None:
        if (key is None) != (info.data.get("database_cert") is None):
            raise ValueError("set either both SEEN_DATABASE_CERT and SEEN_DATABASE_KEY or neither")
        if key and info.data.get("database_ca") is None:
            raise ValueError("requires SEEN_DATABASE_CA, to verify the server")
        return key


class AccountSettings(DatabaseSettings, GrpcSettings):
    pass
