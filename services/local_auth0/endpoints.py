"""The endpoints for programs: /oauth/token, discovery, the published keys, and key rotation for tests."""

import ipaddress
from typing import Any

import flask
from authlib.oauth2.rfc6749.errors import InvalidRequestError, OAuth2Error
from werkzeug.wrappers import Response

from services.local_auth0.keys import Keys
from services.local_auth0.provider import Provider
from services.local_auth0.settings import LocalAuth0Settings

KEYS_MAX_AGE_S = 15  # as Auth0; short, so that clients notice a rotation


class Endpoints:
    def __init__(self, settings: LocalAuth0Settings, provider: Provider, keys: Keys) -> None:
        self._settings = settings
        self._provider = provider
        self._keys = keys

    def register(self, app: flask.Flask) -> None:
        app.add_url_rule("/oauth/token", view_func=self.token, methods=["POST"])
        app.add_url_rule("/.well-known/jwks.json", view_func=self.jwks)
        app.add_url_rule("/.well-known/openid-configuration", view_func=self.configuration)
        app.add_url_rule("/test/rotate-key", view_func=self.rotate_key, methods=["POST"])
        app.add_url_rule("/healthz", view_func=self.healthz)

    def token(self) -> Response:
        if "grant_type" not in flask.request.form:  # authlib also takes parameters from the query
            raise InvalidRequestError("The body must be a form with a grant_type")
        response: Response = self._provider.create_token_response()
        return response

    def jwks(self) -> Response:
        return _public(self._keys.jwks())

    def configuration(self) -> Response:
        """Authorization server metadata (RFC 8414), at the address of OpenID Connect Discovery."""
        url = self._settings.public_url
        return _public(
            {
                "issuer": self._settings.issuer,
                "authorization_endpoint": f"{url}/authorize",
                "token_endpoint": f"{url}/oauth/token",
                "jwks_uri": f"{url}/.well-known/jwks.json",
                "response_types_supported": ["code", "token"],
                "grant_types_supported": ["authorization_code", "implicit", "password", "client_credentials"],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": ["none", "client_secret_post"],
            }
        )

    def rotate_key(self) -> Response:
        """For tests: creates a new signing key. Refuses other machines, and scripts in a browser."""
        if "Origin" in flask.request.headers or not ipaddress.ip_address(flask.request.remote_addr or "").is_loopback:
            raise OAuth2Error("Only programs on this machine rotate keys", error="access_denied", status_code=403)
        return flask.jsonify({"kid": self._keys.rotate()})

    def healthz(self) -> Response:
        return flask.jsonify({"status": "ok"})


def _public(content: dict[str, Any]) -> Response:
    response = flask.jsonify(content)
    response.headers["Cache-Control"] = f"public, max-age={KEYS_MAX_AGE_S}"
    return response
