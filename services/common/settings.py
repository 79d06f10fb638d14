"""Settings: one typed object per program, read once from SEEN_… environment variables."""

import sys
from typing import Self

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

ENV_PREFIX = "SEEN_"


class ProgramSettings(BaseSettings):
    """Settings of every program. `log_level` is SEEN_LOG_LEVEL; a field without a default is required."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, frozen=True, extra="ignore")

    host: str = Field("127.0.0.1", description="address to listen on; 0.0.0.0 in a container")
    log_level: str = Field(
        "INFO", pattern="(?i)^(debug|info|warning|error)$", description="DEBUG, INFO, WARNING or ERROR"
    )

    @classmethod
    def from_env(cls, prefix: str = ENV_PREFIX, **values: object) -> Self:
        """Reads variables with the prefix, except for the given values.

        If a variable is missing or malformed, prints its name and exits with 2.
        """
        try:
            return cls(_env_prefix=prefix, **values)  # type: ignore[arg-type]  # fields of the subclass
        except ValidationError as error:
            # Never print the value: it may be a secret.
            faults = "; ".join(
                f"{prefix}{'_'.join(map(str, fault['loc'][:1])).upper()}: {fault['msg']}"
                for fault in error.errors(include_input=False, include_context=False)
            )
            print(f"settings: {faults}", file=sys.stderr)
            sys.exit(2)


class Settings(ProgramSettings):
    """Settings of every deployed service."""

    metrics_port: int = Field(description="port of /metrics; 0 picks a free one")
    grace_s: float = Field(4, ge=0, description="seconds that calls in flight have to finish after SIGTERM")


class GrpcSettings(Settings):
    """Settings of every gRPC service."""

    port: int = Field(description="port to serve gRPC on; 0 picks a free one")
    health_interval_s: float = Field(2, gt=0, description="seconds between pings of the dependencies")
