"""Successful responses."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

JSON = "application/json"

# Caches must revalidate each time: a deleted item disappears at once, an unchanged one costs no bytes.
REVALIDATE = "public, no-cache"
NO_STORE = "no-store"


def revalidate_if_complete(missing: Sequence[str]) -> str:
    """Cache-Control of an answer without the items of `missing` datasets: it must not outlive their failure."""
    return NO_STORE if missing else REVALIDATE


class Json(Response):
    """JSON that caches do not store."""

    def __init__(self, content: Any, status_code: int = 200, headers: Mapping[str, str] | None = None) -> None:
        headers = {"Cache-Control": NO_STORE, **(headers or {})}
        super().__init__(orjson.dumps(content), status_code, headers, JSON)


class NoContent(Response):
    def __init__(self) -> None:
        super().__init__(status_code=204)


class Tagged(Response):
    """A response with an ETag; 304 if the client has the same content."""

    def __init__(
        self, content: bytes, cache_control: str, headers: Mapping[str, str] | None = None, media_type: str = JSON
    ) -> None:
        super().__init__(content, headers={"Cache-Control": cache_control, **(headers or {})}, media_type=media_type)
        self._etag = f'"{hashlib.blake2b(self.body, digest_size=8).hexdigest()}"'
        self.headers["ETag"] = self._etag

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the response without changing it: it may be in the cache, and be sent many times."""
        for message in self.messages(scope):
            await send(message)

    def messages(self, scope: Scope) -> tuple[Message, Message]:
        """The two ASGI messages of the response: 304 if the request's If-None-Match has the ETag, else 200."""
        if any(name == b"if-none-match" and self._matches(value) for name, value in scope["headers"]):
            headers = [header for header in self.raw_headers if header[0] not in (b"content-length", b"content-type")]
            status, body = 304, b""
        else:
            headers, status, body = self.raw_headers, self.status_code, bytes(self.body)
        start = {"type": "http.response.start", "status": status, "headers": headers}
        return start, {"type": "http.response.body", "body": body}

    def _matches(self, if_none_match: bytes) -> bool:
        # Weak comparison: RFC 9110, section 13.1.2.
        tags = {tag.strip().removeprefix("W/") for tag in if_none_match.decode("latin-1").split(",")}
        return bool(tags & {self._etag, "*"})


class TaggedJson(Tagged):
    def __init__(self, content: Any, cache_control: str = REVALIDATE, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(orjson.dumps(content), cache_control, headers)
