"""Accounts, their marks, and sign-in at the identity provider."""

import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response

from seen.v1 import account_pb2, library_pb2
from seen.v1.account_pb2 import LIKE, NOT_INTERESTED, SEEN, MarkKind
from services.gateway.backends import Backends
from services.gateway.convert import ref_from_path, to_json
from services.gateway.http.responses import NO_STORE, Json, NoContent
from services.gateway.settings import GatewaySettings

STATE_COOKIE = "seen_sign_in"  # the website compares it with the state that the identity provider returns
STATE_LIFETIME_S = 600


class Users:
    def __init__(self, backends: Backends, settings: GatewaySettings, permissions: list[str]) -> None:
        self._account = backends.account
        self._library = backends.library
        sign_in = {
            "response_type": "token",
            "client_id": settings.auth0_client_id,
            "audience": settings.auth0_audience,
            "redirect_uri": f"{settings.public_url}/",
            "scope": " ".join(permissions),
        }
        sign_out = {"client_id": settings.auth0_client_id, "returnTo": f"{settings.public_url}/"}
        self._authorize_url = f"{settings.auth0_url}/authorize?{urlencode(sign_in)}"
        self._log_out_url = f"{settings.auth0_url}/v2/logout?{urlencode(sign_out)}"
        self._secure = settings.public_url.startswith("https://")

    async def create_user(self, body: Mapping[str, str], user: str) -> Response:
        request = account_pb2.CreateUserRequest(subject=user, username=body["username"])
        return Json(_user(await self._account.CreateUser(request)), 201, {"Location": "/user"})

    async def rename_user(self, body: Mapping[str, str], user: str) -> Response:
        request = account_pb2.RenameUserRequest(subject=user, username=body["username"])
        return Json(_user(await self._account.RenameUser(request)))

    async def get_user(self, user: str) -> Response:
        return Json(_user(await self._account.GetUser(account_pb2.GetUserRequest(subject=user))))

    async def delete_user(self, user: str) -> Response:
        await self._account.DeleteUser(account_pb2.DeleteUserRequest(subject=user))
        return NoContent()

    async def search_users(self, username: str) -> Response:
        return Json(to_json(await self._account.SearchUsers(account_pb2.SearchUsersRequest(prefix=username))))

    async def list_seen(self, user: str, size: int, cursor: str = "") -> Response:
        return await self._marked_items(user, SEEN, size, cursor)

    async def list_liked(self, user: str, size: int, cursor: str = "") -> Response:
        return await self._marked_items(user, LIKE, size, cursor)

    async def list_not_interested(self, user: str, size: int, cursor: str = "") -> Response:
        return await self._marked_items(user, NOT_INTERESTED, size, cursor)

    async def list_marks(self, user: str, items: list[str]) -> Response:
        request = account_pb2.GetMarksRequest(subject=user, items=[ref_from_path(path) for path in items])
        return Json(to_json(await self._account.GetMarks(request)))

    async def _marked_items(self, user: str, kind: MarkKind, size: int, cursor: str) -> Response:
        request = library_pb2.ListMarkedItemsRequest(subject=user, kind=kind, size=size, cursor=cursor)
        reply = to_json(await self._library.ListMarkedItems(request))
        next_cursor = reply.pop("nextCursor")
        return Json(reply | ({"nextCursor": next_cursor} if next_cursor else {}))

    async def log_in(self, headers: Mapping[str, str]) -> Response:
        """Implicit flow: the token comes back in the fragment of the website's URL, which browsers do not send."""
        state = secrets.token_urlsafe(16)
        response = _to_provider(headers, f"{self._authorize_url}&state={state}")
        response.set_cookie(STATE_COOKIE, state, STATE_LIFETIME_S, samesite="lax", secure=self._secure)
        return response

    async def log_out(self, headers: Mapping[str, str]) -> Response:
        return _to_provider(headers, self._log_out_url)


def _to_provider(headers: Mapping[str, str], url: str) -> Response:
    """Redirects browsers; clients that accept only JSON get the URL."""
    accepted = headers.get("accept", "")
    if "application/json" in accepted and "text/html" not in accepted:
        return Json({"url": url}, headers={"Vary": "Accept"})
    return RedirectResponse(url, 302, {"Vary": "Accept", "Cache-Control": NO_STORE})


def _user(user: account_pb2.User) -> dict[str, Any]:
    """The profile, with the optional username after the required fields."""
    content = to_json(user)
    return {**{name: content[name] for name in ("createdAt", "seen", "liked")}, **content}
