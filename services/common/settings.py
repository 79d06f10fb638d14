"""Settings: one typed object per service, read once from SEEN_… variables."""

import sys
from typing import Self

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

ENV_PREFIX = "SEEN_"


class ProgramSettings(BaseSettings):
    """What every program reads. `log_level` comes from SEEN_LOG_LEVEL; a field without a default is required."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, frozen=True, extra="ignore")

    host: str = Field("127.0.0.1", description="address to listen on; 0.0.0.0 in a container")
    log_level: str = Field(
        "INFO", pattern="(?i)^(debug|info|warning|error)$", description="DEBUG, INFO, WARNING or ERROR"
    )

    @classmethod
    def load(cls) -> Self:
        """Reads the environment. A missing or malformed variable stops the program with its name, exit code 2."""
        try:
            return cls()
        except ValidationError as error:
            # Never the value: it may be a secret.
            faults = "; ".join(
                f"{ENV_PREFIX}{'_'.join(map(str, fault['loc'][:1])).upper()}: {fault['msg']}"
                for fault in error.errors(include_input=False, include_context=False)
            )
            print(f"settings: {faults}", file=sys.stderr)
            sys.exit(2)


class Settings(ProgramSettings):
    """What every deployed service needs on top."""

    metrics_port: int = Field(description="port of /metrics; 0 takes a free one")
    grace_s: float = Field(4, ge=0, description="seconds that calls in flight get to finish after SIGTERM")


class GrpcSettings(Settings):
    """What a gRPC service needs on top."""

    port: int = Field(description="port to serve gRPC on; 0 takes a free one")
    health_interval_s: float = Field(2, gt=0, description="seconds between pings of what the service needs")
