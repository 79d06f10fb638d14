"""The endpoints for programs: /oauth/token, /userinfo, discovery, the published keys, and key rotation for tests."""

import ipaddress
from typing import Any

import flask
from authlib.oauth2.rfc6749.errors import InvalidClientError, InvalidRequestError, OAuth2Error
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response

from services.local_auth0.keys import Keys
from services.local_auth0.provider import Provider, Request
from services.local_auth0.settings import LocalAuth0Settings
from services.local_auth0.sign_in import RESPONSE_MODES
from services.local_auth0.tenant import find_user
from services.local_auth0.tokens import ALGORITHM, OPENID_SCOPES, Tokens

KEYS_MAX_AGE_S = 15  # as Auth0; short, so that clients notice a rotation


class Endpoints:
    def __init__(self, settings: LocalAuth0Settings, provider: Provider, tokens: Tokens, keys: Keys) -> None:
        self._settings = settings
        self._provider = provider
        self._tokens = tokens
        self._keys = keys

    def register(self, app: flask.Flask) -> None:
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
        except ValueError:  # authlib decodes the Authorization header as base64 of UTF-8
            raise InvalidClientError("The Authorization header is malformed", status_code=401) from None
        return response

    def userinfo(self) -> Response:
        scheme, _, token = flask.request.headers.get("Authorization", "").partition(" ")
        claims = self._tokens.userinfo_claims(token) if scheme.lower() == "bearer" else None
        user = find_user(claims["sub"].removeprefix("auth0|")) if claims else None
        if claims is None or user is None:
            response = flask.jsonify({"error": "invalid_token", "error_description": "Needs a token for this endpoint"})
            response.status_code = 401
            response.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
            return response
        return flask.jsonify(user.claims(claims["scope"]))

    def jwks(self) -> Response:
        return _public(self._keys.jwks())

    def configuration(self) -> Response:
        """OpenID Connect Discovery 1.0."""
        url = self._settings.public_url
        return _public(
            {
                "issuer": self._settings.issuer,
                "authorization_endpoint": f"{url}/authorize",
                "token_endpoint": f"{url}/oauth/token",
                "userinfo_endpoint": f"{url}/userinfo",
                "jwks_uri": f"{url}/.well-known/jwks.json",
                "scopes_supported": OPENID_SCOPES,
                "response_types_supported": list(RESPONSE_MODES),
                "response_modes_supported": RESPONSE_MODES["code"],
                "grant_types_supported": ["authorization_code", "implicit", "password", "client_credentials"],
                "code_challenge_methods_supported": ["S256"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": [ALGORITHM],
                "token_endpoint_auth_methods_supported": ["none", "client_secret_basic", "client_secret_post"],
            }
        )

    def rotate_key(self) -> Response:
        """For tests: creates a new signing key. Refuses other machines, and scripts in a browser."""
        if "Origin" in flask.request.headers or not ipaddress.ip_address(flask.request.remote_addr or "").is_loopback:
            raise OAuth2Error("Only programs on this machine rotate keys", error="access_denied", status_code=403)
        return flask.jsonify({"kid": self._keys.rotate()})

    def healthz(self) -> Response:
        return flask.jsonify({"status": "ok"})


def _body() -> "MultiDict[str, str]":
    """The parameters of a form or JSON body. RFC 6749 forbids repeated parameters; the query is ignored."""
    request = flask.request
    if not request.is_json:
        if any(len(values) > 1 for _, values in request.form.lists()):
            raise InvalidRequestError("The body contains a parameter more than once")
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
