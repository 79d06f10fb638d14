"""The Flask app, with what all requests share: request ids, logs, errors, headers and CORS."""

import json
import logging
import os
import time
from collections.abc import Sequence
from http import HTTPStatus

import flask
from authlib.oauth2.rfc6749.errors import OAuth2Error
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from services.common import tracing
from services.local_auth0 import tenant
from services.local_auth0.endpoints import Endpoints
from services.local_auth0.keys import Keys
from services.local_auth0.provider import Provider
from services.local_auth0.settings import LocalAuth0Settings
from services.local_auth0.sign_in import SignIn, page
from services.local_auth0.tokens import Tokens

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 64 * 1024
# Swagger UI and the website, which are pages of the API's origin, call it.
CORS_PATH = "/oauth/token"
BROWSER_PATHS = ("/authorize", "/v2/logout")


def create_app(settings: LocalAuth0Settings, keys: Keys, session_secret: str, machine_secret: str) -> flask.Flask:
    # authlib requires HTTPS unless the host is localhost, which it is not in Docker. service.listen limits access.
    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
    app = flask.Flask("services.local_auth0", static_folder=None)
    app.config.update(
        SECRET_KEY=session_secret,
        SESSION_COOKIE_NAME="local_auth0",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES,
    )
    clients = tenant.applications(settings.api_origins, machine_secret)
    tokens = Tokens(keys, settings.issuer, settings.auth0_audience, settings.token_lifetime_s)
    provider = Provider(clients, tokens, settings.auth0_audience)
    SignIn(settings, provider, clients).register(app)
    Endpoints(settings, provider, keys).register(app)
    _answer_errors(app)
    _add_headers(app, settings.api_origins)
    _log_requests(app)
    return app


def _answer_errors(app: flask.Flask) -> None:
    """Redirects to the client where OAuth asks for it; otherwise OAuth's JSON for programs, and a page for browsers."""

    def answer(status: int, code: str | None, description: str) -> Response:
        if flask.request.path in BROWSER_PATHS:
            return page("message.html", status, title="Sign-in error", message=description, code=code)
        content = {"error": code, "error_description": description}
        return Response(json.dumps(content), status, mimetype="application/json")

    @app.errorhandler(OAuth2Error)
    def oauth_error(error: OAuth2Error) -> Response:
        status, body, headers = error()
        if error.redirect_uri:
            return Response(body, status, headers)
        return answer(status, error.error, error.get_error_description())

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        status = HTTPStatus(error.code or 500)
        response = answer(status, "server_error" if status >= 500 else "invalid_request", status.phrase)
        response.headers.extend((name, value) for name, value in error.get_headers() if name == "Allow")
        return response


def _add_headers(app: flask.Flask, origins: Sequence[str]) -> None:
    """CORS, and the headers of every response."""

    @app.after_request
    def headers(response: Response) -> Response:
        request = flask.request
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers["X-Content-Type-Options"] = "nosniff"
        # URLs here contain states, codes and tokens. "no-referrer" would remove the Origin of the sign-in form.
        response.headers["Referrer-Policy"] = "same-origin"
        if request.path == CORS_PATH:
            response.vary.add("Origin")
            if request.origin in origins:
                response.headers["Access-Control-Allow-Origin"] = request.origin
                if request.method == "OPTIONS":
                    response.headers["Access-Control-Allow-Methods"] = "POST"
                    requested = request.headers.get("Access-Control-Request-Headers", "")
                    response.headers["Access-Control-Allow-Headers"] = requested
                    response.headers["Access-Control-Max-Age"] = "600"
        return response


def _log_requests(app: flask.Flask) -> None:
    @app.before_request
    def begin() -> None:
        flask.g.started = time.perf_counter()
        tracing.accept((name.lower(), value) for name, value in flask.request.headers)

    @app.after_request
    def end(response: Response) -> Response:
        response.headers["X-Request-Id"] = tracing.request_id() or ""
        log.log(
            logging.DEBUG if flask.request.path == "/healthz" else logging.INFO,
            "request",
            extra={
                "method": flask.request.method,
                "path": flask.request.path,  # without the query, which contains codes and states
                "status": response.status_code,
                "ms": round((time.perf_counter() - flask.g.started) * 1000, 2),
            },
        )
        return response
