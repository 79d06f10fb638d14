"""A fake identity provider: an HTTP server with signing keys, and tokens signed with them."""

import base64
import hashlib
import hmac
import json
import threading
import time
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jose import jwk, jwt
from jose.backends.base import Key

AUDIENCE = "https://seen.example/api"
USER = ("write:seen", "write:like", "read:suggest", "write:username", "delete:username")
ADMIN = (*USER, "write:item", "delete:item")


@cache
def private_key(name: str) -> Key:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encoded = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return jwk.construct(encoded, "RS256")


def public_key(name: str) -> Key:
    return private_key(name).public_key()


class Provider:
    def __init__(self) -> None:
        self.published = ["first"]
        self.up = True
        self.delay_s = 0.0
        self.fetches = 0
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.fetches += 1
                time.sleep(provider.delay_s)
                ok = provider.up and self.path == "/.well-known/jwks.json"
                self.send_response(200 if ok else 503)
                self.end_headers()
                self.wfile.write(json.dumps(provider.jwks() if ok else {}).encode())

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def jwks(self) -> dict[str, Any]:
        return {"keys": [{**public_key(name).to_dict(), "kid": name, "use": "sig"} for name in self.published]}

    def claims(self, **other: Any) -> dict[str, Any]:
        now = int(time.time())
        default = {
            "iss": f"{self.url}/",
            "sub": "auth0|ana",
            "aud": [AUDIENCE, f"{self.url}/userinfo"],
            "azp": "seen-swagger-ui",
            "iat": now,
            "exp": now + 3600,
            "scope": "openid profile",
            "permissions": list(USER),
        }
        return {name: value for name, value in (default | other).items() if value is not None}

    def token(self, key: str = "first", *, kid: str | None = None, **claims: Any) -> str:
        """A valid token with these claims changed; a claim of None is omitted."""
        return str(jwt.encode(self.claims(**claims), private_key(key), "RS256", headers={"kid": kid or key}))

    def admin(self) -> str:
        return self.token(sub="auth0|admin", permissions=list(ADMIN))

    def hmac_token(self) -> str:
        """Signed with the public key as if it were a shared secret, which jose refuses to do."""
        signed = f"{_part({'alg': 'HS256', 'typ': 'JWT', 'kid': 'first'})}.{_part(self.claims())}"
        signature = hmac.new(bytes(public_key("first").to_pem()), signed.encode(), hashlib.sha256).digest()
        return f"{signed}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"

    def unsigned_token(self, algorithm: str = "none") -> str:
        return f"{_part({'alg': algorithm, 'typ': 'JWT', 'kid': 'first'})}.{_part(self.claims())}."


def _part(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")
