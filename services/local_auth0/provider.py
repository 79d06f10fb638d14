# mypy: allow-subclassing-any
"""The authorization server: authlib implements the protocol; users, clients, codes and tokens are ours."""

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import flask
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import OAuth2Payload, OAuth2Request, grants
from authlib.oauth2.rfc6749.errors import InvalidGrantError, InvalidRequestError, OAuth2Error
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core.grants import OpenIDImplicitGrant, OpenIDToken
from authlib.oidc.core.grants.util import validate_request_prompt
from werkzeug.datastructures import MultiDict

from services.local_auth0.tenant import Client, User, find_user
from services.local_auth0.tokens import Tokens

CODE_LIFETIME_S = 600


class _Payload(OAuth2Payload):
    def __init__(self, parameters: "MultiDict[str, str]") -> None:
        self.data = parameters
        self.datalist = dict(parameters.lists())

    data: Any = None
    datalist: Any = None


class Request(OAuth2Request):
    """Flask's current request; the parameters are the query of /authorize or the body of /oauth/token."""

    def __init__(self, parameters: "MultiDict[str, str]", signed_in_at: int | None = None) -> None:
        super().__init__(flask.request.method, flask.request.url, headers=flask.request.headers)
        self.payload = _Payload(parameters)
        self.form = self.args = parameters
        self.signed_in_at = signed_in_at

    form: Any = None
    args: Any = None


@dataclass(frozen=True)
class Code:
    """The request of an authorization code, with the methods that authlib calls. Times are Unix times."""

    client_id: str
    redirect_uri: str
    scope: str
    user: User
    code_challenge: str
    code_challenge_method: str
    nonce: str | None
    auth_time: int
    expires_at: float

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope


class Codes:
    """Authorization codes, in memory only. Each can be used once."""

    def __init__(self) -> None:
        self._codes: dict[str, Code] = {}
        self._lock = threading.Lock()

    def put(self, text: str, code: Code) -> None:
        with self._lock:
            valid = {text: code for text, code in self._codes.items() if code.expires_at > time.time()}
            self._codes = valid | {text: code}

    def take(self, text: str, client_id: str) -> Code | None:
        """Removes the code, even if the caller then fails a later check such as PKCE."""
        with self._lock:
            code = self._codes.get(text)
            if code is None or code.client_id != client_id:
                return None
            del self._codes[text]
        return code if code.expires_at > time.time() else None


class AuthorizationCodeGrant(grants.AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ("none",)
    server: "Provider"

    def save_authorization_code(self, code: str, request: Request) -> None:
        parameters = request.payload.data
        self.server.codes.put(
            code,
            Code(
                client_id=request.client.client_id,
                redirect_uri=self.validate_authorization_redirect_uri(request, request.client),
                scope=request.scope,
                user=request.user,
                code_challenge=parameters["code_challenge"],
                code_challenge_method=parameters["code_challenge_method"],
                nonce=parameters.get("nonce"),
                auth_time=request.signed_in_at or int(time.time()),
                expires_at=time.time() + CODE_LIFETIME_S,
            ),
        )

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        return self.server.codes.take(code, client.client_id)

    def delete_authorization_code(self, authorization_code: Code) -> None:
        """Nothing to do: `take` deletes the code."""

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
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "client_secret_post")


class ImplicitIdGrant(OpenIDImplicitGrant):
    server: "Provider"

    def exists_nonce(self, nonce: str, request: Request) -> bool:
        return False  # as with Auth0, the client detects replays

    def process_implicit_token(self, token: dict[str, Any], code: str | None = None) -> dict[str, Any]:
        return token | {"id_token": self.server.id_token(self.request, token)}


class WithIdToken(OpenIDToken):
    """Adds an id token to the token response if the scope contains `openid`."""

    def __init__(self, provider: "Provider") -> None:
        self._provider = provider

    def encode_id_token(self, token: dict[str, Any], request: Request) -> str:
        return self._provider.id_token(request, token)


class RequireS256(CodeChallenge):
    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)

    def validate_code_challenge(self, grant: AuthorizationCodeGrant, redirect_uri: str) -> None:
        parameters = grant.request.payload.data
        if not parameters.get("code_challenge") or parameters.get("code_challenge_method") != "S256":
            raise InvalidRequestError("PKCE is required: 'code_challenge' with 'code_challenge_method=S256'")
        super().validate_code_challenge(grant, redirect_uri)


def check_prompt(grant: Any) -> None:
    """An authlib extension: evaluates `prompt` also for a scope without `openid`."""
    grant.register_hook("after_validate_consent_request", validate_request_prompt)


class Provider(AuthorizationServer):
    def __init__(self, clients: Mapping[str, Client], tokens: Tokens, audience: str) -> None:
        super().__init__(query_client=clients.get, save_token=lambda token, request: None)
        self.codes = Codes()
        self._tokens = tokens
        self._audience = audience
        self.register_token_generator("default", tokens.issue)
        self.register_grant(AuthorizationCodeGrant, [RequireS256(), WithIdToken(self), check_prompt])
        self.register_grant(grants.ImplicitGrant, [check_prompt])
        self.register_grant(ImplicitIdGrant)
        self.register_grant(PasswordGrant, [WithIdToken(self)])
        self.register_grant(ClientCredentialsGrant)

    def create_oauth2_request(self, request: Request) -> Request:
        return request

    def handle_response(self, status_code: int, payload: Any, headers: Any) -> flask.Response:
        body = json.dumps(payload) if isinstance(payload, dict) else payload
        return flask.Response(body, status_code, headers)

    def id_token(self, request: Request, token: dict[str, Any]) -> str:
        code = request.authorization_code
        return self._tokens.id_token(
            request.client,
            request.user,
            token["scope"],
            token.get("access_token"),
            nonce=code.nonce if code else request.payload.data.get("nonce"),
            auth_time=code.auth_time if code else request.signed_in_at,
        )

    def check_audience(self, request: Request) -> None:
        """Raises the error that Auth0 returns for an unknown API."""
        audience = request.payload.data.get("audience") or self._audience
        if audience != self._audience:
            raise OAuth2Error(f"Service not found: {printable(audience)}", error="access_denied", status_code=403)


def printable(text: str) -> str:
    """The text cut to 200 characters, with "?" for those that an error_description may not contain (RFC 6749)."""
    return "".join(c if " " <= c <= "~" and c not in '"\\' else "?" for c in text[:200])
