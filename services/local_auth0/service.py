"""Builds the stand-in's HTTP server, and runs it as a process."""

import ipaddress
import logging
import secrets
import signal
import socket
import sys
from typing import Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from services.common import logs
from services.local_auth0.app import create_app
from services.local_auth0.keys import Keys
from services.local_auth0.settings import LocalAuth0Settings
from services.local_auth0.state import State, StateError

log = logging.getLogger(__name__)


class ListenError(Exception):
    """The address cannot be used; the message names the setting to change."""


def run(settings: LocalAuth0Settings) -> None:
    """Serves until SIGTERM or SIGINT. If it cannot start, prints one line on standard error and exits with 2."""
    logs.set_up("local_auth0", settings.log_level)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)  # both raise KeyboardInterrupt
    try:
        server = build(settings)
        log.info("listening", extra={"port": settings.port, "issuer": settings.issuer})
        server.serve_forever(poll_interval=0.1)  # does not wait for requests in flight: they take milliseconds
    except (ListenError, StateError) as reason:
        print(f"local_auth0: {reason}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        pass  # a signal during start-up; serve_forever handles later ones
    log.info("stopped")


def build(settings: LocalAuth0Settings) -> BaseWSGIServer:
    """A listening server; `serve_forever` starts answering. Raises ListenError or StateError."""
    # The port comes first: a second process on the same port must not change the state of the first one.
    with listen(settings.host, settings.port, settings.allow_nonloopback) as listener:
        state = State(settings.state_dir)
        keys = Keys(state, settings.token_lifetime_s)
        session_secret = state.read_or_create("session-secret", secrets.token_hex)
        machine_secret = state.read_or_create("machine-client-secret", secrets.token_urlsafe)
        app = create_app(settings, keys, session_secret, machine_secret)
        # The server duplicates the file descriptor.
        return make_server(
            settings.host, settings.port, app, threaded=True, request_handler=_Handler, fd=listener.fileno()
        )


def listen(host: str, port: int, allow_nonloopback: bool) -> socket.socket:
    """A listening socket. Raises ListenError if the port is taken, or if other machines could connect."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (OSError, UnicodeError):
        raise ListenError(f"SEEN_HOST: {host!r} is not an address of this machine") from None
    if not allow_nonloopback and not ipaddress.ip_address(address[0]).is_loopback:
        raise ListenError(
            f"SEEN_HOST: {host!r} is not a loopback address, and local_auth0 lets anybody sign in as any user; "
            "use 127.0.0.1, or set SEEN_ALLOW_NONLOOPBACK=true to accept that"
        )
    try:
        return socket.create_server((str(address[0]), port), family=family, backlog=128)
    except OSError as error:
        raise ListenError(f"cannot listen on {host} port {port} (SEEN_HOST, SEEN_PORT): {error.strerror}") from None


class _Handler(WSGIRequestHandler):
    timeout = 30  # seconds until an idle connection is closed

    def log(self, type: str, message: str, *args: Any) -> None:
        """Logs nothing: request lines hold codes and states. app.py logs each request without its query."""
