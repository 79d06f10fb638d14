"""What the gateway reads from SEEN_… variables."""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import NoDecode

from services.common.settings import Settings


def _http_address(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("must begin with http:// or https://")
    return value.rstrip("/")


def _list(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


HttpAddress = Annotated[str, AfterValidator(_http_address)]


class GatewaySettings(Settings):
    port: int = Field(description="port to serve HTTP on; 0 takes a free one")
    public_url: HttpAddress = Field(description="this server as browsers see it; sign-in and sign-out come back to it")

    library_address: str = Field(description="host:port of the library")
    account_address: str = Field(description="host:port of the account service")
    spark_address: str = Field(description="host:port of the Spark connector; nobody needs to answer there")

    auth0_url: HttpAddress = Field(description="the identity provider; with a slash behind it, the tokens' issuer")
    auth0_keys_url: HttpAddress | None = Field(
        None, description="the identity provider's signing keys; by default /.well-known/jwks.json of SEEN_AUTH0_URL"
    )
    auth0_audience: str = Field(min_length=1, description="the audience that tokens must be for")
    auth0_client_id: str = Field(min_length=1, description="the application that signs people in from the browser")
    jwks_cool_down_s: float = Field(
        30, ge=0, description="seconds between two fetches of the signing keys, whatever unknown keys tokens name"
    )
    jwks_max_age_s: float = Field(600, gt=0, description="seconds after which the signing keys are fetched again")
    token_cache_s: float = Field(30, ge=0, description="seconds that a verified token is not verified again")

    cors_origins: Annotated[list[str], NoDecode, BeforeValidator(_list)] = Field(
        ["*"], description="origins, comma separated, whose pages may call the API; no cookies are used, so * is safe"
    )
    deadline_s: float = Field(5, gt=0, description="seconds that a request may take")
    max_body_bytes: int = Field(64 * 1024, gt=0, description="longest request body")
    drain_s: float = Field(
        0, ge=0, description="seconds after SIGTERM that /readyz says 503 before no more connections are accepted"
    )
    rate_limit_per_minute: int | None = Field(
        None, gt=0, description="requests a minute for each token's subject, or else each address; absent: any number"
    )
