"""An HTTP server on a thread, for the people on this machine only."""

import ipaddress
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server


class CannotStart(Exception):
    """Why, in one line for whoever started the program."""


def listen(host: str, port: int, allow_nonloopback: bool) -> socket.socket:
    """A listening socket. Raises CannotStart if the port is taken, or if other machines could reach it."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (OSError, UnicodeError):
        raise CannotStart(f"SEEN_HOST: {host!r} is no address of this machine") from None
    if not allow_nonloopback and not ipaddress.ip_address(address[0]).is_loopback:
        raise CannotStart(
            f"SEEN_HOST: {host!r} is not a loopback address, and local_auth0 lets anybody in as anyone; "
            "use 127.0.0.1, or set SEEN_ALLOW_NONLOOPBACK=true if that is what you want"
        )
    try:
        return socket.create_server((str(address[0]), port), family=family, backlog=128)
    except OSError as error:
        raise CannotStart(f"cannot listen on {host} port {port} (SEEN_HOST, SEEN_PORT): {error.strerror}") from None


class _Handler(WSGIRequestHandler):
    timeout = 30  # seconds that a silent connection may hold a thread

    def log(self, type: str, message: str, *args: Any) -> None:
        """Nothing: request lines hold codes and states. app.py logs each request without its query."""


@contextmanager
def serving(app: Flask, listener: socket.socket) -> Iterator[None]:
    """Answers on the socket until the block ends; requests take milliseconds, so none is waited for."""
    host, port = listener.getsockname()[:2]
    server = make_server(host, port, app, threaded=True, request_handler=_Handler, fd=listener.fileno())
    listener.close()  # the server has its own copy
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
