"""A server in front of the gateway that answers with the right status and the wrong content."""

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

GUESTS_PAGE = "size=20"


@contextlib.contextmanager
def gateway(honest: str) -> Iterator[str]:
    """Its address, until the block ends."""
    with httpx.Client(base_url=honest, timeout=30) as client:

        class Handler(_Handler):
            truth = client
            pages_shown = 0

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    truth: httpx.Client
    pages_shown: int

    def do_GET(self) -> None:
        answer = self._ask()
        body, location = answer.content, answer.headers.get("location")
        if location:
            location = location.replace("localhost", "elsewhere.example")
        elif answer.status_code == 200:
            body = json.dumps(self._altered(answer.json())).encode()
        self._answer(answer.status_code, body, location)

    def do_POST(self) -> None:
        answer = self._ask()
        said = answer.json()
        if self.path == "/suggest":
            said["suggestions"] = said["suggestions"][:1] * 2
        self._answer(answer.status_code, json.dumps(said).encode())

    def do_PUT(self) -> None:
        self._answer(204)  # and keeps nothing

    def do_DELETE(self) -> None:
        self._answer(self._ask().status_code)

    def _altered(self, said: Any) -> Any:
        if self.path.startswith("/lib/") and GUESTS_PAGE in self.path:
            type(self).pages_shown += 1
            if self.pages_shown > 1:  # the first is right, so that there is something to choose from
                said["items"].pop()
        elif self.path.startswith("/item/"):
            said["name"] += "!"
        elif self.path.startswith("/user/search/"):
            said["usernames"].append("somebody else")
        return said

    def _ask(self) -> httpx.Response:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        passed = ("authorization", "accept", "content-type")
        headers = {name: value for name, value in self.headers.items() if name.lower() in passed}
        return self.truth.request(self.command, self.path, content=body, headers=headers)

    def _answer(self, status: int, body: bytes = b"", location: str | None = None) -> None:
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        if status != 204:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status != 204:
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""
