"""An HTTP proxy for the gateway. Its answers have the right status and wrong content."""

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

GUESTS_PAGE = "size=20"


@contextlib.contextmanager
def running(gateway_url: str) -> Iterator[str]:
    """Yields the proxy's URL."""
    with httpx.Client(base_url=gateway_url, timeout=30) as client:

        class Handler(_Handler):
            gateway = client
            pages_served = 0

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    gateway: httpx.Client
    pages_served: int

    def do_GET(self) -> None:
        answer = self._forward()
        body, location = answer.content, answer.headers.get("location")
        if location:
            location = location.replace("localhost", "elsewhere.example")
        elif answer.status_code == 200:
            body = json.dumps(self._falsified(answer.json())).encode()
        self._answer(answer.status_code, body, location)

    def do_POST(self) -> None:
        answer = self._forward()
        content = answer.json()
        if self.path == "/suggest":
            content["suggestions"] = content["suggestions"][:1] * 2
        self._answer(answer.status_code, json.dumps(content).encode())

    def do_PUT(self) -> None:
        self._answer(204)  # without forwarding the mark

    def do_DELETE(self) -> None:
        self._answer(self._forward().status_code)

    def _falsified(self, content: Any) -> Any:
        if self.path.startswith("/lib/") and GUESTS_PAGE in self.path:
            type(self).pages_served += 1
            if self.pages_served > 1:  # users choose their items from the first page
                content["items"].pop()
        elif self.path.startswith("/item/"):
            content["name"] += "!"
        elif self.path.startswith("/user/search/"):
            content["usernames"].append("somebody else")
        return content

    def _forward(self) -> httpx.Response:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        forwarded = ("authorization", "accept", "content-type")
        headers = {name: value for name, value in self.headers.items() if name.lower() in forwarded}
        return self.gateway.request(self.command, self.path, content=body, headers=headers)

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
        """Logs nothing."""
