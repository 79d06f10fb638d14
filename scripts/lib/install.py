"""Brings .venv and ./seen up to date with pyproject.toml, requirements.lock and protos/: install.py EXTRA.

It uses only the standard library, because it runs before anything is installed.
"""

import contextlib
import fcntl
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements.lock"
BUILD_PROTOS = ROOT / "scripts" / "build_protos.sh"
# A stamp contains the text from which something was made. If the text has changed since, it is made again.
PROTOS_STAMP = ROOT / "seen" / ".stamp"


def main(extra: str) -> None:
    if extra == "install":  # scripts/lock.sh needs uv alone
        with one_at_a_time():
            make_venv()
            install_uv()
    elif not (is_installed(extra) and protos_are_built()):
        with one_at_a_time():
            if not is_installed(extra):
                install(extra)
            if not protos_are_built():
                run(BUILD_PROTOS, SEEN_PYTHON=str(PYTHON))
                PROTOS_STAMP.write_text(source_of_protos())


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Only one script installs at a time; others wait."""
    cache = ROOT / ".cache"
    cache.mkdir(exist_ok=True)
    with (cache / "install.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another script that is installing")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def is_installed(extra: str) -> bool:
    return works(PYTHON) and is_stamped(stamp_of(extra), source_of_packages())


def install(extra: str) -> None:
    say(f"installing extra '{extra}' into .venv (a minute or two the first time)")
    make_venv()
    uv = install_uv()
    run(
        *(uv, "pip", "install", "--quiet", "--python", PYTHON, "--require-hashes"),
        *("--requirements", "pyproject.toml", "--extra", extra, "--constraints", LOCK),
        **pip_index(),
    )
    # Otherwise each of the dozen processes of a suite would compile the packages at its first start. Files for other
    # versions of Python cannot be compiled: the exit code is ignored.
    packages = VENV.glob("lib/python*/site-packages")
    subprocess.run([PYTHON, "-m", "compileall", "-qq", "-j", "0", *packages], stdout=subprocess.DEVNULL, check=False)
    stamp_of(extra).write_text(source_of_packages())


def make_venv() -> None:
    if not works(PYTHON):
        run(sys.executable, "-m", "venv", "--clear", VENV)
    elif not works(PYTHON, "-m", "pip"):
        run(PYTHON, "-m", "ensurepip", "--upgrade")  # after an interrupted run, or if the venv was made without pip


def install_uv() -> Path:
    """uv checks the hashes of all other packages; pip checks uv's own."""
    entry = re.search(r"^uv==.*\n(?: .*\n)*", LOCK.read_text(), re.MULTILINE)
    if entry is None:
        fail("requirements.lock has no uv: restore the file from git")
    uv, stamp = VENV / "bin" / "uv", VENV / "seen-uv.stamp"
    if not (works(uv) and is_stamped(stamp, entry[0])):
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write(entry[0])
            file.flush()
            run(PYTHON, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--requirement", file.name)
        stamp.write_text(entry[0])
    return uv


def pip_index() -> dict[str, str]:
    """Gives uv the package index that pip is configured to use."""
    if {"UV_DEFAULT_INDEX", "UV_INDEX_URL"} & os.environ.keys():
        return {}
    pip_config = (PYTHON, "-m", "pip", "config", "list")
    config = subprocess.run(pip_config, capture_output=True, text=True, check=False).stdout
    indexes = dict(re.findall(r"^(global|install|:env:)\.index-url='(.*)'$", config, re.MULTILINE))
    # In pip's order: the environment overrides the files.
    for scope in (":env:", "install", "global"):
        if scope in indexes:
            return {"UV_DEFAULT_INDEX": indexes[scope]}
    return {}


def protos_are_built() -> bool:
    return is_stamped(PROTOS_STAMP, source_of_protos())


def source_of_protos() -> str:
    # The lock has the version of the generator.
    return "".join(path.read_text() for path in (*sorted((ROOT / "protos").rglob("*.proto")), BUILD_PROTOS, LOCK))


def source_of_packages() -> str:
    return (ROOT / "pyproject.toml").read_text() + LOCK.read_text()


def stamp_of(extra: str) -> Path:
    return VENV / f"seen-{extra}.stamp"


def works(*program: str | Path) -> bool:
    try:
        return subprocess.run([*program, "--version"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def is_stamped(stamp: Path, source: str) -> bool:
    return stamp.is_file() and stamp.read_text() == source


def run(*command: str | Path, **environment: str) -> None:
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        fail(f"{done.stdout.strip()}\nthis failed: {' '.join(map(str, command))}")


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def fail(message: str) -> NoReturn:
    say(message)
    sys.exit(1)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except KeyboardInterrupt:
        fail("interrupted while installing; the next run continues")
