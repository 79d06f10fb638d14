"""Holds the suite's ports from before the first process starts, so that nothing else is given one of them meanwhile.

Most of them lie where the system also takes the ports of outgoing connections from. Those that the services make to one
another while they start are hundreds, and one that got a port on which a service wants to listen would keep it.
"""

import contextlib
import errno
import socket
import sys
from collections.abc import Iterable, Iterator

import psutil

from scripts.local.children import StartFailed
from scripts.local.suite import HOST, Process


@contextlib.contextmanager
def held(processes: Iterable[Process]) -> Iterator[None]:
    """Raises StartFailed with a line for each port that is taken: which, who needs it, and who has it if that is known.

    On Linux a port that is bound but not listened on is nobody's outgoing port, and our processes can still listen on
    it, as all of them say SO_REUSEADDR. Other systems would not let them: there it is a look beforehand only.
    """
    with contextlib.ExitStack() as stack:
        taken = []
        for process in processes:
            for port in process.ports:
                holder = socket.socket()
                stack.enter_context(holder)
                if not _bind(holder, port):
                    taken.append(f"port {port}, which {process.name} needs, is taken{_by(port)}")
        if taken:
            raise StartFailed("\n".join([*taken, "stop what has it, or move this suite with --port-offset 1000"]))
        if sys.platform != "linux":
            stack.close()
        yield


def _bind(holder: socket.socket, port: int) -> bool:
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        holder.bind((HOST, port))
    except OSError as error:
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            return False
        raise
    return True


def _by(port: int) -> str:
    # Without root, other people's processes stay unnamed.
    with contextlib.suppress(psutil.Error):
        connections = psutil.net_connections("tcp")
        for connection in sorted(connections, key=lambda one: one.status != psutil.CONN_LISTEN):
            _, local_port = connection.laddr or ("", 0)
            if local_port == port and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
    return ""
