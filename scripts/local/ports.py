"""Finds a port that something else holds before the process that needs it stumbles over it."""

import contextlib
import errno
import socket
from collections.abc import Iterable

import psutil

from scripts.local.suite import HOST, Process


def busy(processes: Iterable[Process]) -> list[str]:
    """One line for each port that is taken: which, who needs it, and who holds it where the system tells."""
    return [
        f"port {port}, which {process.name} needs, is taken{_by(port)}"
        for process in processes
        for port in process.ports
        if not _free(port)
    ]


def _free(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that are closing do not matter
        try:
            listener.bind((HOST, port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return True


def _by(port: int) -> str:
    # Without root, other people's processes stay unnamed.
    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            _, bound = connection.laddr or ("", 0)
            if connection.status == psutil.CONN_LISTEN and bound == port and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return ""
