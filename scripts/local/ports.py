"""Reserves the ports of a suite before its first process starts, so that no other program takes one meanwhile.

Most of the ports are in the range from which the system also takes the local ports of outgoing connections. The
services open hundreds of connections while they start, and one could take the port of a service that starts later.
"""

import contextlib
import errno
import socket
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil

from scripts.local.state import SuiteError
from scripts.local.suite import HOST, Process, Suite


@contextlib.contextmanager
def reserve(processes: Iterable[Process]) -> Iterator[None]:
    """Raises SuiteError with a line per taken port: which process needs it, and which program has it if that is known.

    On Linux a port that is bound without listening is never used for an outgoing connection, and our processes can
    still listen on it because all of them set SO_REUSEADDR. Other systems forbid that: there, ports are only checked.
    """
    with contextlib.ExitStack() as stack:
        taken = []
        for process in processes:
            for port in process.ports:
                reservation = socket.socket()
                stack.enter_context(reservation)
                if not _bind(reservation, port):
                    taken.append(f"port {port}, which {process.name} needs, is taken{_holder(port)}")
        if taken:
            raise SuiteError("\n".join([*taken, "stop what uses it, or move this suite with --port-offset 1000"]))
        if sys.platform != "linux":
            stack.close()
        yield


def free_offset(candidates: Iterable[int]) -> int | None:
    """The first of these offsets with which no port of a suite is taken."""
    for offset in candidates:
        with contextlib.suppress(SuiteError), reserve(Suite(Path(), offset).processes()):
            return offset
    return None


def _bind(reservation: socket.socket, port: int) -> bool:
    reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        reservation.bind((HOST, port))
    except OSError as error:
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            return False
        raise
    return True


def _holder(port: int) -> str:
    """Of processes of other users only root gets the name."""
    with contextlib.suppress(psutil.Error):
        connections = psutil.net_connections("tcp")
        for connection in sorted(connections, key=lambda connection: connection.status != psutil.CONN_LISTEN):
            _, local_port = connection.laddr or ("", 0)
            if local_port == port and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return ""
