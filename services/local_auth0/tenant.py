# mypy: allow-subclassing-any
"""What would be configured in an Auth0 tenant: users, their permissions, and the applications."""

import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass

from authlib.oauth2.rfc6749 import ClientMixin

USER_PERMISSIONS = ("write:seen", "write:like", "read:suggest", "write:username", "delete:username")
ITEM_PERMISSIONS = ("write:item", "delete:item")
# Paths of the API's origin to which Swagger UI, the gateway's sign-in and its sign-out may return.
SWAGGER_UI_PATHS = ("/ui/oauth2-redirect.html", "/ui/", "/ui", "/", "")
WEBSITE_PATHS = ("/",)


@dataclass(frozen=True)
class User:
    """Anybody can sign in as any user: the password is the username."""

    username: str
    name: str
    permissions: tuple[str, ...] = USER_PERMISSIONS
    description: str = "marks, likes and gets suggestions"

    @property
    def subject(self) -> str:
        return f"auth0|{self.username}"


DEMO_USERS = {
    user.username: user
    for user in (
        User("ana", "Ana"),
        User("rui", "Rui"),
        User("admin", "Admin", USER_PERMISSIONS + ITEM_PERMISSIONS, "also adds and removes items"),
    )
}
_VISITOR = re.compile("visitor-[1-9][0-9]{0,5}")


def find_user(username: str) -> User | None:
    """A demo user, or one of visitor-1 to visitor-999999, which load tests use."""
    if _VISITOR.fullmatch(username):
        return User(username, username.capitalize())
    return DEMO_USERS.get(username)


@dataclass(frozen=True)
class Client(ClientMixin):
    """An application, with the methods that authlib calls. A client without a secret is public."""

    client_id: str
    name: str
    grant_types: frozenset[str]
    response_types: frozenset[str] = frozenset()
    callbacks: tuple[str, ...] = ()
    secret: str | None = None
    permissions: tuple[str, ...] = ()  # of the client itself, for the client credentials grant

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> str | None:
        return self.callbacks[0] if self.callbacks else None

    def get_allowed_scope(self, scope: str | None) -> str:
        return scope or ""  # reduced in tokens.py to what the user may have

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self.callbacks

    def check_client_secret(self, client_secret: str) -> bool:
        return self.secret is not None and hmac.compare_digest(self.secret.encode(), client_secret.encode())

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return (method == "none") == (self.secret is None)

    def check_response_type(self, response_type: str) -> bool:
        return response_type in self.response_types

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.grant_types


def applications(api_origins: Iterable[str], machine_secret: str) -> dict[str, Client]:
    """By client id."""
    clients = (
        Client(
            "seen-swagger-ui",
            "Seen's Swagger UI",
            frozenset({"authorization_code", "implicit"}),
            frozenset({"code", "token"}),
            tuple(origin + path for origin in api_origins for path in SWAGGER_UI_PATHS),
        ),
        Client(
            "seen-website",
            "Seen's website",
            frozenset({"authorization_code"}),
            frozenset({"code"}),
            tuple(origin + path for origin in api_origins for path in WEBSITE_PATHS),
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
