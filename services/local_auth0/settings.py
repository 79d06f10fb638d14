"""Settings of the stand-in."""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from services.common.settings import ProgramSettings


def _origin(value: str) -> str:
    url = urlsplit(value)
    rest = url.path.strip("/") or url.query or url.fragment or "@" in url.netloc
    if url.scheme not in ("http", "https") or not url.hostname or url.port == 0 or rest:
        raise ValueError("must be http://host:port or https://host, without a path")
    return f"{url.scheme}://{url.netloc}"


Origin = Annotated[str, AfterValidator(_origin)]


class LocalAuth0Settings(ProgramSettings):
    port: int = Field(ge=1, le=65535, description="port to serve HTTP on")
    public_url: Origin = Field(description="URL of this stand-in in a browser; with a slash appended, the issuer")
    api_url: Origin = Field(description="URL of the gateway in a browser; sign-ins return to this origin only")
    auth0_audience: str = Field(min_length=1, description="the API that tokens are issued for")
    state_dir: Path = Field(description="folder for signing keys and secrets, so that tokens survive a restart")
    token_lifetime_s: int = Field(86_400, gt=0, description="seconds that a token is valid; Auth0's default is a day")
    allow_nonloopback: bool = Field(False, description="accept other machines, which can then sign in as any user")

    @property
    def issuer(self) -> str:
        return f"{self.public_url}/"

    @property
    def api_origins(self) -> tuple[str, ...]:
        """The gateway's origin; for a loopback host also the same origin under its other name."""
        aliases = {"localhost": "127.0.0.1", "127.0.0.1": "localhost"}
        host = urlsplit(self.api_url).hostname or ""
        if host not in aliases:
            return (self.api_url,)
        return (self.api_url, self.api_url.replace(f"//{host}", f"//{aliases[host]}", 1))
