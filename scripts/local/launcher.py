"""Replaces itself by a command that is killed together with its parent: launcher.py PARENT_PID COMMAND…

The kernel accepts this request only from the process itself, hence this program. Making the request between fork and
exec instead would run Python code in the fork of a process with threads, which is unsafe with gRPC's threads.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h

if __name__ == "__main__":
    parent, *command = sys.argv[1:]
    if sys.platform == "linux":  # elsewhere the next start of the suite stops orphans
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent):  # the parent ended before the call
        sys.exit(1)
    os.execvp(command[0], command)
