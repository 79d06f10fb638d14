"""Settings of the gateway."""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import NoDecode

from services.common.settings import Settings


def _http_address(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("must begin with http:// or https://")
    return value.rstrip("/")


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


HttpAddress = Annotated[str, AfterValidator(_http_address)]


class GatewaySettings(Settings):
    port: int = Field(description="port to serve HTTP on; 0 picks a free one")
    public_url: HttpAddress = Field(description="URL of this server for browsers; sign-in and sign-out return to it")

    library_address: str = Field(description="host:port of the library")
    account_address: str = Field(description="host:port of the account service")
    spark_address: str = Field(description="host:port of the Spark connector, which may be down")

    auth0_url: HttpAddress = Field(description="identity provider's URL; with a trailing slash, its tokens' issuer")
    auth0_keys_url: HttpAddress | None = Field(
        None, description="URL of the signing keys; default /.well-known/jwks.json of SEEN_AUTH0_URL"
    )
    auth0_audience: str = Field(min_length=1, description="required audience of tokens")
    auth0_client_id: str = Field(min_length=1, description="client id of Swagger UI and of GET /user/login")
    auth0_website_client_id: str = Field("seen-website", min_length=1, description="client id of the website")
    jwks_cool_down_s: float = Field(
        30, ge=0, description="minimum seconds between fetches of the signing keys, also when tokens name unknown keys"
    )
    jwks_max_age_s: float = Field(600, gt=0, description="seconds after which the signing keys are fetched again")
    token_cache_s: float = Field(300, ge=0, description="seconds for which a verified token is cached")

    cors_origins: Annotated[list[str], NoDecode, BeforeValidator(_split)] = Field(
        ["*"], description="comma-separated origins whose pages may call the API; no cookies are used, so * is safe"
    )
    cache_ttl_s: float = Field(
        3, ge=0, description="seconds for which responses with x-cache are cached; 0 switches the cache off"
    )
    cache_bytes: int = Field(32 * 1024 * 1024, gt=0, description="maximum size of the cache in bytes")
    deadline_s: float = Field(5, gt=0, description="seconds that a request may take")
    max_body_bytes: int = Field(64 * 1024, gt=0, description="maximum size of a request body in bytes")
    drain_s: float = Field(
        0, ge=0, description="seconds after SIGTERM during which /readyz is 503 and connections are still accepted"
    )
    rate_limit_per_minute: int | None = Field(
        None,
        gt=0,
        description="requests per minute of a token's subject, or of an IP address; default unlimited",
    )
