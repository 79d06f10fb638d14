# mypy: allow-subclassing-any
"""What programs call: /oauth/token, /userinfo, the published keys and addresses, and the rotation of keys."""

import ipaddress
from typing import Any

import flask
from authlib.integrations.flask_oauth2 import ResourceProtector
from authlib.oauth2.rfc6749.errors import InvalidClientError, InvalidRequestError, OAuth2Error
from authlib.oauth2.rfc6750 import BearerTokenValidator
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response

from services.local_auth0.keys import Keys
from services.local_auth0.people import of_subject
from services.local_auth0.provider import Provider, Request
from services.local_auth0.settings import LocalAuth0Settings
from services.local_auth0.tokens import ALGORITHM, OPENID_SCOPES, Tokens

KEYS_MAX_AGE_S = 15  # as Auth0 says; short, so that a rotation is seen


class Endpoints:
    def __init__(self, settings: LocalAuth0Settings, provider: Provider, tokens: Tokens, keys: Keys) -> None:
        self._settings = settings
        self._provider = provider
        self._keys = keys
        self._bearer = ResourceProtector()
        self._bearer.register_token_validator(_Validator(tokens))

    def add_to(self, app: flask.Flask) -> None:
        app.add_url_rule("/oauth/token", view_func=self.token, methods=["POST"])
        app.add_url_rule("/userinfo", view_func=self.userinfo, methods=["GET", "POST"])
        app.add_url_rule("/.well-known/jwks.json", view_func=self.jwks)
        app.add_url_rule("/.well-known/openid-configuration", view_func=self.configuration)
        app.add_url_rule("/test/rotate-key", view_func=self.rotate_key, methods=["POST"])
        app.add_url_rule("/healthz", view_func=self.healthz)

    def token(self) -> Response:
        request = Request(_body())
        if not request.payload.grant_type:
            raise InvalidRequestError("Missing 'grant_type' in request.")
        self._provider.check_audience(request)
        try:
            response: Response = self._provider.create_token_response(request)
        except ValueError:  # authlib takes the Authorization header for base64 of UTF-8
            raise InvalidClientError("The Authorization header is malformed", status_code=401) from None
        return response

    def userinfo(self) -> Response:
        token = self._bearer.acquire_token("openid")
        person = of_subject(token.claims["sub"])
        assert person, "only people's tokens have the scope openid"
        return flask.jsonify(person.profile(token.get_scope()))

    def jwks(self) -> Response:
        return _public(self._keys.public())

    def configuration(self) -> Response:
        """OpenID Connect Discovery 1.0."""
        here = self._settings.public_url
        return _public(
            {
                "issuer": self._settings.issuer,
                "authorization_endpoint": f"{here}/authorize",
                "token_endpoint": f"{here}/oauth/token",
                "userinfo_endpoint": f"{here}/userinfo",
                "jwks_uri": f"{here}/.well-known/jwks.json",
                "scopes_supported": list(OPENID_SCOPES),
                "response_types_supported": ["code", "token", "id_token", "id_token token"],
                "response_modes_supported": ["query", "fragment", "form_post"],
                "grant_types_supported": ["authorization_code", "implicit", "password", "client_credentials"],
                "code_challenge_methods_supported": ["S256"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": [ALGORITHM],
                "token_endpoint_auth_methods_supported": ["none", "client_secret_basic", "client_secret_post"],
                "claims_supported": [
                    "sub",
                    "iss",
                    "aud",
                    "exp",
                    "iat",
                    "auth_time",
                    "nonce",
                    "name",
                    "nickname",
                    "email",
                ],
            }
        )

    def rotate_key(self) -> Response:
        """For tests: a new signing key. Only programs on this machine may ask; a page in its browser may not."""
        if "Origin" in flask.request.headers or not ipaddress.ip_address(flask.request.remote_addr or "").is_loopback:
            raise OAuth2Error("Only programs on this machine rotate keys", error="access_denied", status_code=403)
        return flask.jsonify({"kid": self._keys.rotate()})

    def healthz(self) -> Response:
        return flask.jsonify({"status": "ok"})


class _Token:
    """A verified access token, as authlib wants to ask about it."""

    def __init__(self, claims: dict[str, Any]) -> None:
        self.claims = claims

    def is_expired(self) -> bool:
        return False  # Tokens.claims has looked

    def is_revoked(self) -> bool:
        return False

    def get_scope(self) -> str:
        return str(self.claims.get("scope", ""))


class _Validator(BearerTokenValidator):
    def __init__(self, tokens: Tokens) -> None:
        super().__init__()
        self._tokens = tokens

    def authenticate_token(self, token_string: str) -> _Token | None:
        claims = self._tokens.claims(token_string)
        return _Token(claims) if claims else None


def _body() -> "MultiDict[str, str]":
    """The parameters of a form or JSON body. Each may come once, as RFC 6749 says; a query is never looked at."""
    request = flask.request
    if not request.is_json:
        if any(len(values) > 1 for _, values in request.form.lists()):
            raise InvalidRequestError("A parameter came more than once")
        return MultiDict(request.form)
    try:
        body = request.get_json()
    except (BadRequest, RecursionError):
        raise InvalidRequestError("The body is not JSON") from None
    if not isinstance(body, dict) or not all(isinstance(value, str) for value in body.values()):
        raise InvalidRequestError("The body must be a JSON object of strings")
    return MultiDict(body)


def _public(content: dict[str, Any]) -> Response:
    response = flask.jsonify(content)
    response.headers["Cache-Control"] = f"public, max-age={KEYS_MAX_AGE_S}"
    return response
