"""Brings .venv and ./seen up to date with pyproject.toml, requirements.lock and protos/; does nothing where they are.

Called by seen_venv with the name of an extra. It runs before anything is installed: the standard library is all it has.
"""

import contextlib
import fcntl
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements.lock"
PROTOS = ROOT / "protos"
BUILD_PROTOS = ROOT / "scripts" / "build_protos.sh"


def main(extra: str) -> None:
    with one_at_a_time():
        if extra == "install":  # the extra that holds uv alone, for who makes the lock
            make_venv()
            install_uv()
        else:
            install(extra)
            build_protos()


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Two scripts that start together wait for one another here."""
    cache = ROOT / ".cache"
    cache.mkdir(exist_ok=True)
    with (cache / "install.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another script that is installing")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def install(extra: str) -> None:
    wanted = (ROOT / "pyproject.toml").read_text() + LOCK.read_text()
    stamp = VENV / f"seen-{extra}.stamp"
    if runs(PYTHON) and reads(stamp) == wanted:
        return
    say(f"installing what '{extra}' needs into .venv (a minute or two the first time)")
    make_venv()
    uv = install_uv()
    environment = os.environ | index_of_pip()
    run(
        [
            *(uv, "pip", "install", "--quiet", "--python", PYTHON, "--require-hashes"),
            *("--requirements", "pyproject.toml", "--extra", extra, "--constraints", LOCK),
        ],
        environment,
    )
    compile_all()
    stamp.write_text(wanted)


def make_venv() -> None:
    if not runs(PYTHON):
        run([sys.executable, "-m", "venv", "--clear", VENV])
    elif subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True, check=False).returncode:
        run([PYTHON, "-m", "ensurepip", "--upgrade"])  # a venv that was interrupted half-way, or made without pip


def install_uv() -> Path:
    """uv checks the hashes of everything else, so its own are checked by pip."""
    entry = re.search(r"^uv==.*\n(?: .*\n)*", LOCK.read_text(), re.MULTILINE)
    if entry is None:
        fail("requirements.lock has no uv: scripts/lock.sh makes it anew")
    uv = VENV / "bin" / "uv"
    stamp = VENV / "seen-uv.stamp"
    if not (runs(uv) and reads(stamp) == entry[0]):
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write(entry[0])
            file.flush()
            run(
                [PYTHON, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--requirement", file.name]
            )
        stamp.write_text(entry[0])
    return uv


def compile_all() -> None:
    """Ahead of time: else a dozen processes that start at once would each do it, some of them each time anew."""
    packages = VENV.glob("lib/python*/site-packages")
    # Some packages carry files for other versions of Python: what cannot be compiled is nothing to fail for.
    subprocess.run([PYTHON, "-m", "compileall", "-qq", "-j", "0", *packages], stdout=subprocess.DEVNULL, check=False)


def index_of_pip() -> dict[str, str]:
    """Who has told pip of a mirror need not tell uv as well."""
    if {"UV_DEFAULT_INDEX", "UV_INDEX_URL"} & os.environ.keys():
        return {}
    answer = subprocess.run([PYTHON, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False).stdout
    indexes = dict(re.findall(r"^(global|install|:env:)\.index-url='(.*)'$", answer, re.MULTILINE))
    # In pip's own order: what is given in the environment counts most.
    for scope in (":env:", "install", "global"):
        if scope in indexes:
            return {"UV_DEFAULT_INDEX": indexes[scope]}
    return {}


def build_protos() -> None:
    # A new lock may hold a new generator.
    wanted = "".join(path.read_text() for path in (*sorted(PROTOS.rglob("*.proto")), BUILD_PROTOS, LOCK))
    stamp = ROOT / "seen" / ".stamp"
    if reads(stamp) == wanted:
        return
    run([BUILD_PROTOS], os.environ | {"SEEN_PYTHON": str(PYTHON)})
    stamp.write_text(wanted)


def runs(program: Path) -> bool:
    try:
        return subprocess.run([program, "--version"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def reads(path: Path) -> str | None:
    return path.read_text() if path.is_file() else None


def run(command: Sequence[str | Path], environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
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
        fail("stopped while installing; the next run goes on with it")
