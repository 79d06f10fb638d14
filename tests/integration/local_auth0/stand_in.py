"""Helpers: start the stand-in, sign in, exchange codes, verify tokens."""

import base64
import hashlib
import os
import secrets
import signal
import ssl
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import httpx
from jose import jwt

REPOSITORY = Path(__file__).parents[3]
AUDIENCE = "https://seen.example/api"
API = "http://localhost:8080"
CALLBACK = f"{API}/ui/oauth2-redirect.html"
# Avoids loading CA certificates, which takes longer than a request.
NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
HTTP = httpx.Client(verify=NO_CERTIFICATES)


class StandIn:
    def __init__(self, port: int, state: Path, **variables: str) -> None:
        self.url = f"http://localhost:{port}"
        self.state = state
        self.log = state.with_suffix(".log")
        self.settings = {
            "SEEN_PORT": str(port),
            "SEEN_PUBLIC_URL": self.url,
            "SEEN_API_URL": API,
            "SEEN_AUTH0_AUDIENCE": AUDIENCE,
            "SEEN_STATE_DIR": str(state),
            "SEEN_LOG_LEVEL": "DEBUG",  # the level at which a secret is most easily logged
        } | variables

    def start(self) -> Self:
        self.process = self.launch()
        deadline = time.monotonic() + 20
        while True:
            assert self.process.poll() is None, self.log.read_text()
            try:
                HTTP.get(f"{self.url}/healthz")
                return self
            except httpx.ConnectError:
                assert time.monotonic() < deadline, self.log.read_text()
                time.sleep(0.05)

    def launch(self) -> subprocess.Popen[bytes]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SEEN_")}
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "services.local_auth0"],
                cwd=REPOSITORY,
                env=environment | self.settings,
                stderr=log,
                stdout=log,
            )

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(number)
        assert self.process.wait(10) == 0

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def browser(self) -> httpx.Client:
        """Keeps cookies; does not follow redirects."""
        return httpx.Client(base_url=self.url, verify=NO_CERTIFICATES)

    def token(self, **body: str) -> httpx.Response:
        return HTTP.post(f"{self.url}/oauth/token", data=body)

    def password_token(self, username: str = "ana", scope: str = "") -> dict[str, Any]:
        answer = self.token(
            grant_type="password",
            client_id="seen-cli",
            username=username,
            password=username,
            scope=scope,
            audience=AUDIENCE,
        )
        assert answer.status_code == 200, answer.text
        content: dict[str, Any] = answer.json()
        return content

    def machine_secret(self) -> str:
        return (self.state / "machine-client-secret").read_text()

    def verified(self, token: str) -> dict[str, Any]:
        """The claims, verified with the library that the gateway uses against the published keys."""
        keys = HTTP.get(f"{self.url}/.well-known/jwks.json").json()
        return jwt.decode(token, keys, algorithms=["RS256"], audience=AUDIENCE, issuer=f"{self.url}/")

    def kids(self) -> list[str]:
        return [key["kid"] for key in HTTP.get(f"{self.url}/.well-known/jwks.json").json()["keys"]]


class Pkce:
    """A verifier and its challenge (RFC 7636)."""

    def __init__(self) -> None:
        self.verifier = secrets.token_urlsafe(48)
        digest = hashlib.sha256(self.verifier.encode()).digest()
        self.challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def request(**changes: str | None) -> dict[str, str]:
    """The query of /authorize as Swagger UI sends it; None leaves a parameter out."""
    parameters = {
        "client_id": "seen-swagger-ui",
        "response_type": "code",
        "redirect_uri": CALLBACK,
        "scope": "write:seen write:item",
        "audience": AUDIENCE,
        "state": "a state/with?odd=characters&more",
        "code_challenge_method": "S256",
        "code_challenge": Pkce().challenge,
    } | changes
    return {name: value for name, value in parameters.items() if value is not None}


def sign_in(browser: httpx.Client, username: str, **changes: str | None) -> dict[str, str]:
    """Requests the page, chooses a user, and returns the parameters of the callback."""
    query = request(**changes)
    page = browser.get("/authorize", params=query)
    assert page.status_code == 200
    assert f'name="username" value="{username}"' in page.text
    answer = browser.post("/authorize", params=query, data={"username": username})
    return callback_parameters(answer, query["redirect_uri"])


def callback_parameters(answer: httpx.Response, callback: str = CALLBACK) -> dict[str, str]:
    """The parameters of a redirect to the callback."""
    assert answer.status_code == 302, answer.text
    location = urlsplit(answer.headers["Location"])
    assert location._replace(query="", fragment="").geturl() == callback
    return dict(parse_qsl(location.query or location.fragment, strict_parsing=True))


def exchange(stand_in: StandIn, code: str, verifier: str, **changes: str) -> httpx.Response:
    return stand_in.token(**exchange_body(code, verifier) | changes)


def exchange_body(code: str, verifier: str) -> dict[str, str]:
    return {
        "grant_type": "authorization_code",
        "client_id": "seen-swagger-ui",
        "redirect_uri": CALLBACK,
        "code": code,
        "code_verifier": verifier,
    }
