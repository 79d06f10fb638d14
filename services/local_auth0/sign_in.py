"""The endpoints for browsers: /authorize with its sign-in page, and /v2/logout."""

import secrets
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import flask
from authlib.oauth2.rfc6749.errors import InvalidClientError, InvalidRequestError, OAuth2Error
from authlib.oidc.core.errors import LoginRequiredError
from werkzeug.wrappers import Response

from services.local_auth0.provider import Provider, Request, printable
from services.local_auth0.settings import LocalAuth0Settings
from services.local_auth0.tenant import DEMO_USERS, Client, User

# By response type; the first is the default. A token in a query would end up in logs and histories.
# web_message posts the answer to the page that opened /authorize in a frame: silent authentication.
RESPONSE_MODES: dict[str, tuple[str, ...]] = {"code": ("query", "fragment", "web_message")}
RESPONSE_MODES |= dict.fromkeys(("token", "id_token", "id_token token"), ("fragment", "web_message"))


class SignIn:
    def __init__(self, settings: LocalAuth0Settings, provider: Provider, clients: Mapping[str, Client]) -> None:
        self._settings = settings
        self._provider = provider
        self._clients = clients

    def register(self, app: flask.Flask) -> None:
        app.add_url_rule("/authorize", view_func=self.authorize, methods=["GET", "POST"])
        app.add_url_rule("/v2/logout", view_func=self.logout)

    def authorize(self) -> Response:
        """GET shows the sign-in page unless the session has a user; POST is the form of that page."""
        chosen = self._choose_user() if flask.request.method == "POST" else None
        user = chosen or DEMO_USERS.get(flask.session.get("username", ""))
        request = Request(flask.request.args, flask.session.get("at"))
        redirect_uri = self._registered_redirect_uri(request)
        mode = RESPONSE_MODES.get(request.payload.response_type or "", ("query",))[0]  # for errors of the next line
        try:
            mode = _response_mode(request)
            self._provider.check_audience(request)
            grant = self._provider.get_consent_grant(request, end_user=user)
        except OAuth2Error as error:
            error.redirect_uri, error.state = redirect_uri, request.payload.state
            if isinstance(error, LoginRequiredError):
                error.description = "Login required"  # as Auth0
            status, body, headers = error()
            return _answer(Response(body, status, headers), redirect_uri, mode)
        must_choose = grant.prompt in ("login", "select_account") and not chosen
        if user is None or must_choose:
            return page("sign_in.html", client=self._clients[request.payload.client_id], users=DEMO_USERS.values())
        return _answer(self._provider.create_authorization_response(request, user, grant), redirect_uri, mode)

    def logout(self) -> Response:
        """Ends the session, then redirects to `returnTo`, which must be one of the client's callbacks."""
        client_id = flask.request.args.get("client_id")
        if client_id is not None and client_id not in self._clients:
            raise InvalidClientError(f"Unknown client: {printable(client_id)}")
        clients = [client for client in self._clients.values() if client_id in (None, client.client_id)]
        allowed = [callback for client in clients for callback in client.callbacks]
        return_to = flask.request.args.get("returnTo")
        if return_to is not None and return_to not in allowed:
            raise InvalidRequestError(
                f"The returnTo parameter {printable(return_to)} is not in the list of allowed logout URLs"
            )
        flask.session.clear()
        address = return_to or next(iter(allowed), None)
        if address:
            return flask.redirect(address)
        return page("message.html", title="Signed out", message="You are signed out of the local stand-in for Auth0.")

    def _choose_user(self) -> User:
        """Stores the user chosen in the form in the session. Refuses a form that another site has sent."""
        origin = flask.request.headers.get("Origin")
        if origin not in (None, self._settings.public_url, flask.request.host_url.rstrip("/")):
            raise InvalidRequestError("The sign-in form was sent from another site", status_code=403)
        user = DEMO_USERS.get(flask.request.form.get("username", ""))
        if user is None:
            raise InvalidRequestError("There is no such demo user")
        flask.session.clear()
        flask.session["username"] = user.username
        flask.session["at"] = int(time.time())
        return user

    def _registered_redirect_uri(self, request: Request) -> str:
        """Raises an error, shown as a page, if the address is not registered: it must not get a redirect."""
        client_id = request.payload.client_id or ""
        client = self._clients.get(client_id)
        if client is None:
            raise InvalidClientError(f"Unknown client: {printable(client_id)}")
        redirect_uri = request.payload.redirect_uri or client.get_default_redirect_uri() or ""
        if not client.check_redirect_uri(redirect_uri):
            raise InvalidRequestError(
                f"Callback URL mismatch. {printable(redirect_uri)!r} is not in the list of allowed callback URLs"
            )
        return redirect_uri


def _response_mode(request: Request) -> str:
    response_type = request.payload.response_type
    if response_type not in RESPONSE_MODES:
        # authlib would quote the value in its message, and fail on characters that are not allowed there.
        raise OAuth2Error(
            f"response_type={printable(response_type or 'None')} is not supported", error="unsupported_response_type"
        )
    allowed = RESPONSE_MODES[response_type]
    mode: str = request.payload.data.get("response_mode") or allowed[0]
    if mode not in allowed:
        raise InvalidRequestError(f"With this 'response_type', 'response_mode' must be one of: {', '.join(allowed)}")
    return mode


def _answer(response: Response, redirect_uri: str, mode: str) -> Response:
    """authlib's redirect in the response mode of the request. Callbacks have neither query nor fragment."""
    location = urlsplit(response.headers["Location"])
    parameters = parse_qsl(location.query or location.fragment, keep_blank_values=True)
    if mode == "web_message":
        callback = urlsplit(redirect_uri)
        origin = f"{callback.scheme}://{callback.netloc}"
        return page("web_message.html", frame_ancestors=origin, origin=origin, parameters=dict(parameters))
    separator = "#" if mode == "fragment" else "?"
    # With 303 the browser does not repeat the form's POST at the callback.
    return flask.redirect(redirect_uri + separator + urlencode(parameters), 303 if flask.request.form else 302)


def page(template: str, status_code: int = 200, frame_ancestors: str = "'none'", **values: Any) -> Response:
    """An HTML page whose policy allows its own style and script only."""
    nonce = secrets.token_urlsafe(16)
    response = flask.make_response(flask.render_template(template, nonce=nonce, **values), status_code)
    # No form-action: browsers also apply it to the redirect that follows the form.
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; img-src data:; "
        f"base-uri 'none'; frame-ancestors {frame_ancestors}"
    )
    return response
