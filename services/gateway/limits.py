"""How much a request may send."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.problems import FieldError, Problem

# Digits of a Content-Length that is worth reading.
LONGEST_NUMBER = 19


class BodyLimit:
    """Refuses a body by its Content-Length, or by what arrives where that says nothing or too little."""

    def __init__(self, app: ASGIApp, *, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
            if len(declared) > LONGEST_NUMBER or not declared.isdigit() or int(declared) > self._max_bytes:
                raise self._too_large()
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_bytes:
                raise self._too_large()
            return message

        await self._app(scope, counted, send)

    def _too_large(self) -> Problem:
        # The connection stays open: closing it on a client that is still sending would lose the answer.
        message = f"must be at most {self._max_bytes} bytes long"
        return Problem(413, f"body: {message}", errors=[FieldError("body", message)])
