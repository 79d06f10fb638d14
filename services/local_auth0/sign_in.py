"""The endpoints for browsers: /authorize with its sign-in page, and /v2/logout."""

import secrets
from collections.abc import Mapping
from typing import Any

import flask
from authlib.oauth2.rfc6749.errors import InvalidClientError, InvalidRequestError
from werkzeug.wrappers import Response

from services.local_auth0.provider import Provider
from services.local_auth0.settings import LocalAuth0Settings
from services.local_auth0.tenant import DEMO_USERS, Client, User


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
        try:
            grant = self._provider.get_consent_grant(end_user=user)
        except ValueError as error:  # authlib would quote a parameter in its error description
            raise InvalidRequestError("A parameter is invalid and contains characters that are not allowed") from error
        must_choose = grant.prompt in ("login", "select_account") and not chosen
        if user is None or must_choose:
            return page("sign_in.html", client=grant.client, users=DEMO_USERS.values())
        response: Response = self._provider.create_authorization_response(grant_user=user, grant=grant)
        return response

    def logout(self) -> Response:
        """Ends the session, then redirects to `returnTo`, which must be one of the client's callbacks."""
        client = self._clients.get(flask.request.args.get("client_id", ""))
        if client is None:
            raise InvalidClientError("The client does not exist on this server.")
        return_to = flask.request.args.get("returnTo", "")
        if not client.check_redirect_uri(return_to):
            raise InvalidRequestError("The returnTo parameter is not in the list of allowed logout URLs")
        flask.session.clear()
        return flask.redirect(return_to)

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
        return user


def page(template: str, status_code: int = 200, **values: Any) -> Response:
    """An HTML page whose policy allows its own style only, and no frame."""
    nonce = secrets.token_urlsafe(16)
    response = flask.make_response(flask.render_template(template, nonce=nonce, **values), status_code)
    # No form-action: browsers also apply it to the redirect that follows the form.
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; img-src data:; base-uri 'none'; frame-ancestors 'none'"
    )
    return response
