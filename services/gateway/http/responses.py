"""Successful responses."""

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

# Caches must revalidate each time: a deleted item disappears at once, an unchanged one costs no bytes.
REVALIDATE = "public, no-cache"
NO_STORE = "no-store"


def encode(content: Any) -> bytes:
    """As JSON; bytes are encoded already."""
    return content if isinstance(content, bytes) else orjson.dumps(content)


class Json(Response):
    """JSON; bytes are encoded already."""

    media_type = "application/json"

    def __init__(self, content: Any, status_code: int = 200, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(content, status_code, {"Cache-Control": NO_STORE, **(headers or {})})

    def render(self, content: Any) -> bytes:
        return encode(content)


class NoContent(Response):
    def __init__(self) -> None:
        super().__init__(status_code=204)


class Tagged(Response):
    """A response with an ETag; 304 if the client has the same content."""

    def __init__(
        self, content: Any, cache_control: str, headers: Mapping[str, str] | None = None, media_type: str | None = None
    ) -> None:
        super().__init__(content, headers={"Cache-Control": cache_control, **(headers or {})}, media_type=media_type)
        self._etag = f'"{hashlib.blake2b(self.body, digest_size=8).hexdigest()}"'
        self.headers["ETag"] = self._etag

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Changes nothing in the response, which may be in the cache and be sent many times."""
        for message in self.messages(scope):
            await send(message)

    def messages(self, scope: Scope) -> tuple[Message, Message]:
        """The response in two ASGI messages: 200, or 304 if the client has the same content."""
        if any(name == b"if-none-match" and self._is_in(value) for name, value in scope["headers"]):
            headers = [header for header in self.raw_headers if header[0] not in (b"content-length", b"content-type")]
            status, body = 304, b""
        else:
            headers, status, body = self.raw_headers, self.status_code, bytes(self.body)
        start = {"type": "http.response.start", "status": status, "headers": headers}
        return start, {"type": "http.response.body", "body": body}

    def _is_in(self, tags: bytes) -> bool:
        # Weak comparison: RFC 9110, section 13.1.2.
        sent = {tag.strip().removeprefix("W/") for tag in tags.decode("latin-1").split(",")}
        return bool(sent & {self._etag, "*"})


class Cacheable(Tagged):
    """JSON with an ETag."""

    media_type = Json.media_type

    def __init__(self, content: Any, cache_control: str = REVALIDATE, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(content, cache_control, headers)

    def render(self, content: Any) -> bytes:
        return encode(content)
