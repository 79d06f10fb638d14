"""Replaces itself by a command that is killed together with its parent: launcher.py PARENT_PID COMMAND…

Only a process itself can ask the kernel for that, so this program runs first. Asking between fork and exec would run
Python in the fork of a process with threads, which gRPC's threads do not survive.
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
