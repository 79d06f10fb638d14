# mypy: allow-subclassing-any
"""The authorization server: authlib implements OAuth 2.0; users, clients, codes and tokens are ours."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import flask
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import AuthorizationCodeMixin, OAuth2Request, grants
from authlib.oauth2.rfc6749.errors import InvalidGrantError, OAuth2Error
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core.grants.util import validate_request_prompt

from services.local_auth0.tenant import Client, User, find_user
from services.local_auth0.tokens import Tokens

CODE_LIFETIME_S = 600


@dataclass(frozen=True)
class Code(AuthorizationCodeMixin):
    """What an authorization code was issued for, with the names that authlib reads."""

    client_id: str
    redirect_uri: str
    scope: str
    user: User
    code_challenge: str | None
    code_challenge_method: str | None
    expires_at: float  # Unix time

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope


class AuthorizationCodeGrant(grants.AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ("none",)
    server: "Provider"

    def save_authorization_code(self, code: str, request: OAuth2Request) -> None:
        self.server.codes[code] = Code(
            client_id=request.client.client_id,
            redirect_uri=self.validate_authorization_redirect_uri(request, request.client),
            scope=request.scope,
            user=request.user,
            code_challenge=request.payload.data.get("code_challenge"),
            code_challenge_method=request.payload.data.get("code_challenge_method"),
            expires_at=time.time() + CODE_LIFETIME_S,
        )

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        """Removes the code, even if a later check such as PKCE fails: a code can be tried once."""
        issued = self.server.codes.pop(code, None)
        is_valid = issued and issued.client_id == client.client_id and issued.expires_at > time.time()
        return issued if is_valid else None

    def delete_authorization_code(self, authorization_code: Code) -> None:
        """Nothing to do: `query_authorization_code` has removed the code."""

    def authenticate_user(self, authorization_code: Code) -> User:
        return authorization_code.user


class PasswordGrant(grants.ResourceOwnerPasswordCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ("none",)

    def authenticate_user(self, username: str, password: str) -> User:
        user = find_user(username)
        if user is None or password != username:
            raise InvalidGrantError("Wrong email or password.")
        return user


class ClientCredentialsGrant(grants.ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_post",)


class S256CodeChallenge(CodeChallenge):
    """PKCE (RFC 7636) with SHA-256 only. authlib refuses to exchange a code that was requested without a challenge."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)
    DEFAULT_CODE_CHALLENGE_METHOD = "S256"


def evaluate_prompt(grant: Any) -> None:
    """An authlib extension: evaluates OpenID Connect's parameter `prompt`."""
    grant.register_hook("after_validate_consent_request", validate_request_prompt)


class Provider(AuthorizationServer):
    def __init__(self, clients: Mapping[str, Client], tokens: Tokens, audience: str) -> None:
        super().__init__(query_client=clients.get, save_token=lambda token, request: None)
        self.codes: dict[str, Code] = {}
        self._audience = audience
        self.register_token_generator("default", tokens.issue)
        self.register_grant(AuthorizationCodeGrant, [S256CodeChallenge(), evaluate_prompt])
        self.register_grant(grants.ImplicitGrant)
        self.register_grant(PasswordGrant)
        self.register_grant(ClientCredentialsGrant)

    def validate_requested_scope(self, scope: str | None) -> None:
        """Checks the audience too, because authlib calls this for every grant. tokens.py ignores unknown scopes."""
        if flask.request.values.get("audience", self._audience) != self._audience:
            message = f"Unknown audience: tokens are issued for {self._audience} only"
            raise OAuth2Error(message, error="access_denied", status_code=403)
