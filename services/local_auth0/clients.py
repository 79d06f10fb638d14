# mypy: allow-subclassing-any
"""The applications that may ask for tokens, as they would be registered in an Auth0 tenant."""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass

from authlib.oauth2.rfc6749 import ClientMixin

from services.local_auth0.people import ITEM_PERMISSIONS

# Where Swagger UI and the gateway's sign-in and sign-out may return to, under the API's origin.
CALLBACK_PATHS = ("/ui/oauth2-redirect.html", "/ui/", "/ui", "/", "")


@dataclass(frozen=True)
class Client(ClientMixin):
    """What authlib asks of a client. Without a secret it is public; without callbacks nobody signs in by it."""

    client_id: str
    name: str
    grant_types: frozenset[str]
    response_types: frozenset[str] = frozenset()
    callbacks: tuple[str, ...] = ()
    secret: str | None = None
    permissions: tuple[str, ...] = ()  # of the client itself, when nobody is signed in

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> str | None:
        return self.callbacks[0] if self.callbacks else None

    def get_allowed_scope(self, scope: str | None) -> str:
        return scope or ""  # what is granted of it depends on the person, see tokens.py

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self.callbacks

    def check_client_secret(self, client_secret: str) -> bool:
        # JSON can carry text that is no Unicode.
        given = client_secret.encode(errors="surrogatepass")
        return self.secret is not None and hmac.compare_digest(self.secret.encode(), given)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return (method == "none") == (self.secret is None)

    def check_response_type(self, response_type: str) -> bool:
        return response_type in self.response_types

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.grant_types


def registered(api_origins: Iterable[str], machine_secret: str) -> dict[str, Client]:
    """The three clients by id."""
    clients = (
        Client(
            "seen-swagger-ui",
            "Seen's Swagger UI",
            frozenset({"authorization_code", "implicit"}),
            frozenset({"code", "token", "id_token", "id_token token"}),
            tuple(origin + path for origin in api_origins for path in CALLBACK_PATHS),
        ),
        Client("seen-cli", "Seen on the command line", frozenset({"password"})),
        Client(
            "seen-machine",
            "Seen's machines",
            frozenset({"client_credentials"}),
            secret=machine_secret,
            permissions=ITEM_PERMISSIONS,
        ),
    )
    return {client.client_id: client for client in clients}
