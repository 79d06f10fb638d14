"""The few HTML pages, each with a policy that lets in nothing but its own style and script."""

import secrets
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import flask
from authlib.oauth2.rfc6749.errors import OAuth2Error
from werkzeug.wrappers import Response

from services.local_auth0.clients import Client
from services.local_auth0.people import PEOPLE


def sign_in(client: Client) -> Response:
    return _page("sign_in.html", client=client, people=PEOPLE.values())


def signed_out() -> Response:
    return _page("message.html", title="Signed out", message="You are signed out of the local stand-in for Auth0.")


def refusal(error: OAuth2Error) -> Response:
    """For a request that names no address to send the error to, or none that may be trusted."""
    return _page(
        "message.html", error.status_code, title="That did not work", message=error.description, code=error.error
    )


def status(code: int) -> Response:
    return _page("message.html", code, title=HTTPStatus(code).phrase, message=HTTPStatus(code).description)


def form_post(address: str, parameters: Sequence[tuple[str, str]]) -> Response:
    """Sends the answer on as a form, by script or by hand: response_mode=form_post."""
    return _page("form_post.html", address=address, parameters=parameters)


def _page(template: str, status_code: int = 200, /, **values: Any) -> Response:
    nonce = secrets.token_urlsafe(16)
    response = flask.make_response(flask.render_template(template, nonce=nonce, **values), status_code)
    # No form-action: browsers apply it to the redirect that follows the form too.
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; img-src data:; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    return response
