"""Becomes the command that it is given, and ends with the process that started it: launcher.py PARENT COMMAND…

The kernel is asked for that by the process itself, so a program has to come first. Asking between fork and exec would
run Python in a copy of a process that has threads, and gRPC's do not survive that.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h

if __name__ == "__main__":
    parent, *command = sys.argv[1:]
    if sys.platform == "linux":  # elsewhere nothing does it, and the next start ends what was left
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent):  # it was gone before it was asked for
        sys.exit(1)
    os.execvp(command[0], command)
