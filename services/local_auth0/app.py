"""Joins the parts into one Flask app, with what is the same for every request: ids, logs, errors, headers, CORS."""

import json
import logging
import os
import time
from collections.abc import Sequence

import flask
from authlib.oauth2.rfc6749.errors import OAuth2Error
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from services.common import tracing
from services.local_auth0 import clients, pages
from services.local_auth0.endpoints import Endpoints
from services.local_auth0.keys import Keys
from services.local_auth0.provider import Provider
from services.local_auth0.settings import LocalAuth0Settings
from services.local_auth0.sign_in import SignIn
from services.local_auth0.tokens import Tokens

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 64 * 1024
# Pages of the API's origin call these by script, Swagger UI among them.
SHARED_PATHS = ("/oauth/token", "/userinfo")
PAGES = ("/authorize", "/v2/logout")
WELL_KNOWN = "/.well-known/"


def create_app(settings: LocalAuth0Settings, keys: Keys, session_secret: str, machine_secret: str) -> flask.Flask:
    # authlib wants HTTPS of every host but localhost. Who may reach us is decided where we listen.
    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
    app = flask.Flask("services.local_auth0", static_folder=None)
    app.config.update(
        SECRET_KEY=session_secret,
        SESSION_COOKIE_NAME="local_auth0",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES,
    )
    known = clients.registered(settings.api_origins, machine_secret)
    tokens = Tokens(keys, settings.issuer, settings.auth0_audience, settings.token_lifetime_s)
    provider = Provider(known, tokens, settings.auth0_audience)
    SignIn(settings, provider, known).add_to(app)
    Endpoints(settings, provider, tokens, keys).add_to(app)
    _answer_errors(app)
    _share_with(app, settings.api_origins)
    _log_requests(app)
    return app


def _answer_errors(app: flask.Flask) -> None:
    """OAuth's JSON for programs, a page for people."""

    @app.errorhandler(OAuth2Error)
    def refused(error: OAuth2Error) -> Response:
        if _for_a_person():
            return pages.refusal(error)
        status, body, headers = error()
        return Response(json.dumps(body), status, headers)

    @app.errorhandler(HTTPException)
    def failed(error: HTTPException) -> Response:
        code = error.code or 500
        if _for_a_person():
            response = pages.status(code)
        else:
            name = "server_error" if code >= 500 else "invalid_request"
            response = flask.jsonify({"error": name, "error_description": error.name})
            response.status_code = code
        response.headers.extend((name, value) for name, value in error.get_headers() if name.lower() == "allow")
        return response


def _for_a_person() -> bool:
    # Programs that take anything (*/*) get JSON.
    return flask.request.path in PAGES or "text/html" in flask.request.accept_mimetypes.values()


def _share_with(app: flask.Flask, origins: Sequence[str]) -> None:
    """CORS, and the headers that every answer has."""

    @app.after_request
    def headers(response: Response) -> Response:
        request = flask.request
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers["X-Content-Type-Options"] = "nosniff"
        # Addresses here hold states, codes and tokens. Not "no-referrer": it would hide the sign-in form's origin.
        response.headers["Referrer-Policy"] = "same-origin"
        if request.path.startswith(WELL_KNOWN):
            response.headers["Access-Control-Allow-Origin"] = "*"
        elif request.path in SHARED_PATHS:
            response.vary.add("Origin")
            if request.origin in origins:
                response.headers["Access-Control-Allow-Origin"] = request.origin
                if request.method == "OPTIONS":
                    response.headers["Access-Control-Allow-Methods"] = "GET, POST"
                    wanted = request.headers.get("Access-Control-Request-Headers", "")
                    response.headers["Access-Control-Allow-Headers"] = wanted
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
        # The path without its query, which holds codes and states.
        log.log(
            logging.DEBUG if flask.request.path == "/healthz" else logging.INFO,
            "request",
            extra={
                "method": flask.request.method,
                "path": flask.request.path,
                "status": response.status_code,
                "ms": round((time.perf_counter() - flask.g.started) * 1000, 2),
            },
        )
        return response
