"""Requests of --restart to the supervisor, through a Unix socket in the suite's folder.

The request is a line with a JSON list of process names. The reply is a JSON list of error messages, sent when the
processes are healthy again or have failed.
"""

import asyncio
import contextlib
import json
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

from scripts.local.state import SOCKET, SuiteError

MAX_REQUEST_BYTES = 4096
REQUEST_TIMEOUT_S = 5


async def answer_requests(folder: Path, restart: Callable[[list[str]], Awaitable[list[str]]]) -> None:
    """Answers requests, one after the other, until it is cancelled."""
    loop = asyncio.get_running_loop()
    with _listen(folder) as listener:
        while True:
            connection, _ = await loop.sock_accept(listener)
            # The client may end before it gets its reply, or send an invalid request.
            with connection, contextlib.suppress(OSError, TimeoutError, ValueError):
                connection.setblocking(False)
                async with asyncio.timeout(REQUEST_TIMEOUT_S):
                    names = json.loads(await loop.sock_recv(connection, MAX_REQUEST_BYTES))
                await loop.sock_sendall(connection, json.dumps(await restart(names)).encode())


def request_restart(folder: Path, names: list[str]) -> None:
    """Raises SuiteError if a process is unknown or cannot start again, or if the supervisor does not answer."""
    text = ""
    with contextlib.suppress(OSError), _socket() as connection:
        with contextlib.chdir(folder):
            connection.connect(SOCKET)
        connection.sendall(json.dumps(names).encode())
        with connection.makefile() as reply:
            text = reply.read()
    if not text:
        raise SuiteError("the suite is starting or stopping: try again when --status shows every process as healthy")
    if errors := json.loads(text):
        raise SuiteError("\n".join(errors))


def _listen(folder: Path) -> socket.socket:
    listener = _socket()
    listener.setblocking(False)
    with contextlib.chdir(folder):
        Path(SOCKET).unlink(missing_ok=True)  # of a supervisor that was killed
        listener.bind(SOCKET)
        Path(SOCKET).chmod(0o600)
    listener.listen()
    return listener


def _socket() -> socket.socket:
    """Bound and connected by a path relative to the folder, because a socket's path has at most 107 bytes."""
    return socket.socket(socket.AF_UNIX)
