"""Free ports for the servers that tests start. Another process may take one before it is used."""

import contextlib
import socket


def free_ports(number: int) -> list[int]:
    """Different ports of the loopback address."""
    with contextlib.ExitStack() as listeners:
        opened = [listeners.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        return [int(listener.getsockname()[1]) for listener in opened]


def free_port() -> int:
    return free_ports(1)[0]
