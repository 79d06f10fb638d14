"""What a browser sees: /authorize with its sign-in page, and /v2/logout."""

import time
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit

import flask
from authlib.oauth2.rfc6749.errors import (
    InvalidClientError,
    InvalidRequestError,
    OAuth2Error,
)
from werkzeug.wrappers import Response

from services.local_auth0 import pages
from services.local_auth0.clients import Client
from services.local_auth0.people import PEOPLE, Person
from services.local_auth0.provider import Provider, Request, speakable
from services.local_auth0.settings import LocalAuth0Settings

# The first is the default. A token in a query would end up in logs and histories.
RESPONSE_MODES: dict[str, tuple[str, ...]] = {"code": ("query", "fragment", "form_post")}
RESPONSE_MODES |= dict.fromkeys(("token", "id_token", "id_token token"), ("fragment", "form_post"))


class SignIn:
    def __init__(self, settings: LocalAuth0Settings, provider: Provider, clients: Mapping[str, Client]) -> None:
        self._settings = settings
        self._provider = provider
        self._clients = clients

    def add_to(self, app: flask.Flask) -> None:
        app.add_url_rule("/authorize", view_func=self.authorize, methods=["GET", "POST"])
        app.add_url_rule("/v2/logout", view_func=self.logout)

    def authorize(self) -> Response:
        """GET asks who is there unless a session says it; POST is the sign-in page's answer."""
        chosen = self._chosen() if flask.request.method == "POST" else None
        person = chosen or _of_session()
        request = Request(flask.request.args, flask.session.get("at"))
        redirect_uri = self._known_address(request)
        try:
            mode = _response_mode(request)
            self._provider.check_audience(request)
            grant = self._provider.get_consent_grant(request, end_user=person)
        except OAuth2Error as error:
            return _sent_back(_redirecting(error, redirect_uri, request), redirect_uri, _default_mode(request))
        asks_again = grant.prompt in ("login", "select_account") and not chosen
        if person is None or asks_again:
            return pages.sign_in(self._clients[request.payload.client_id])
        return _sent_back(self._provider.create_authorization_response(request, person, grant), redirect_uri, mode)

    def logout(self) -> Response:
        """Forgets who is signed in, then goes on to `returnTo`, which must be one of the client's addresses."""
        client_id = flask.request.args.get("client_id")
        if client_id is not None and client_id not in self._clients:
            raise InvalidClientError(f"Unknown client: {speakable(client_id)}")
        allowed = [
            address
            for client in self._clients.values()
            if client_id in (None, client.client_id)
            for address in client.callbacks
        ]
        return_to = flask.request.args.get("returnTo")
        if return_to is not None and return_to not in allowed:
            raise InvalidRequestError(
                f"The returnTo parameter {speakable(return_to)} is not in the list of allowed logout URLs"
            )
        flask.session.clear()
        address = return_to or (allowed[0] if allowed else None)
        return flask.redirect(address) if address else pages.signed_out()

    def _chosen(self) -> Person:
        """Whom the visitor picked; remembered in the session. Another site's form cannot pick for them."""
        origin = flask.request.headers.get("Origin")
        if origin not in (None, self._settings.public_url, flask.request.host_url.rstrip("/")):
            raise InvalidRequestError("The sign-in form was sent from another site", status_code=403)
        person = PEOPLE.get(flask.request.form.get("person", ""))
        if person is None:
            raise InvalidRequestError("There is no such demo person")
        flask.session.clear()
        flask.session["person"] = person.username
        flask.session["at"] = int(time.time())
        return person

    def _known_address(self, request: Request) -> str:
        """Where the answer goes. What is not registered is told so on a page, never redirected to."""
        client_id = request.payload.client_id or ""
        client = self._clients.get(client_id)
        if client is None:
            raise InvalidClientError(f"Unknown client: {speakable(client_id)}")
        redirect_uri = request.payload.redirect_uri or client.get_default_redirect_uri() or ""
        if not client.check_redirect_uri(redirect_uri):
            raise InvalidRequestError(
                f"Callback URL mismatch. {speakable(redirect_uri)!r} is not in the list of allowed callback URLs"
            )
        return redirect_uri


def _of_session() -> Person | None:
    return PEOPLE.get(flask.session.get("person", ""))


def _default_mode(request: Request) -> str:
    return RESPONSE_MODES.get(request.payload.response_type or "", ("query",))[0]


def _response_mode(request: Request) -> str:
    response_type = request.payload.response_type
    if response_type not in RESPONSE_MODES:
        # authlib repeats a stranger's text in its own message, and stumbles over what may not stand there.
        raise OAuth2Error(
            f"response_type={speakable(response_type or 'None')} is not supported", error="unsupported_response_type"
        )
    mode: str = request.payload.data.get("response_mode") or _default_mode(request)
    if mode not in RESPONSE_MODES[response_type]:
        raise InvalidRequestError("This 'response_mode' does not go with this 'response_type'")
    return mode


def _redirecting(error: OAuth2Error, redirect_uri: str, request: Request) -> Response:
    error.redirect_uri = redirect_uri
    error.state = request.payload.state
    status, body, headers = error()
    return Response(body, status, headers)


def _sent_back(response: Response, redirect_uri: str, mode: str) -> Response:
    """authlib's redirect, in the mode that was asked for. The callback itself has neither query nor fragment."""
    location = urlsplit(response.headers["Location"])
    parameters = parse_qsl(location.query or location.fragment, keep_blank_values=True)
    if mode == "form_post":
        return pages.form_post(redirect_uri, parameters)
    separator = "#" if mode == "fragment" else "?"
    # 303, so that the browser never repeats the sign-in form's POST at the callback.
    return flask.redirect(redirect_uri + separator + urlencode(parameters), 303 if flask.request.form else 302)
