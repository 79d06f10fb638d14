"""Where the stand-in listens, whom it serves, and where it keeps its keys."""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from services.common.settings import ProgramSettings


def _origin(value: str) -> str:
    address = urlsplit(value)
    beyond = address.path.strip("/") or address.query or address.fragment or "@" in address.netloc
    if address.scheme not in ("http", "https") or not address.hostname or address.port == 0 or beyond:
        raise ValueError("must read http://host:port or https://host, and nothing after it")
    return f"{address.scheme}://{address.netloc}"


Origin = Annotated[str, AfterValidator(_origin)]


class LocalAuth0Settings(ProgramSettings):
    port: int = Field(ge=1, le=65535, description="port to serve HTTP on")
    public_url: Origin = Field(
        description="this stand-in as a browser sees it; with a slash behind it, the tokens' issuer"
    )
    api_url: Origin = Field(description="the gateway as a browser sees it: the only place that sign-ins return to")
    auth0_audience: str = Field(min_length=1, description="the one API that tokens are issued for")
    state_dir: Path = Field(description="folder for signing keys and secrets, so that tokens outlive a restart")
    machine_client_secret: SecretStr | None = Field(
        None, min_length=8, description="secret of the client seen-machine; made up and kept in state_dir when absent"
    )
    token_lifetime_s: int = Field(86_400, gt=0, description="seconds that a token is valid; Auth0's default is a day")
    allow_nonloopback: bool = Field(False, description="let other machines in, to whom anybody may sign in as admin")

    @property
    def issuer(self) -> str:
        return f"{self.public_url}/"

    @property
    def api_origins(self) -> tuple[str, ...]:
        """The gateway under each name that a browser on this machine knows it by."""
        aliases = {"localhost": "127.0.0.1", "127.0.0.1": "localhost"}
        host = urlsplit(self.api_url).hostname or ""
        if host not in aliases:
            return (self.api_url,)
        return (self.api_url, self.api_url.replace(f"//{host}", f"//{aliases[host]}", 1))
