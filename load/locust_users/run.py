"""One load test: a suite, Locust against it, what that took, and a report. scripts/load_test.sh calls it."""

import argparse
import contextlib
import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from load import results
from load.locust_users import locust_csv, report, resources
from load.locust_users.report import Run
from load.locust_users.resources import Watch
from scripts.local import ports, state
from scripts.local.children import StartFailed
from scripts.local.suite import AUDIENCE, DEFAULT_FOLDER, ROOT, Suite

# The users come evenly, in no less time than this and not more of them a second: signing in is work for the suite too.
ARRIVAL_S = 10
ARRIVALS_PER_S = 20
STOP_S = 10  # that requests in flight get at the end
# Beyond all that: starting, and each user's good-bye.
PATIENCE_S = 120
FAILED, CANNOT, INTERRUPTED = 1, 2, 130
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Cannot(Exception):
    """Why there can be no load test, for the person who wants it."""


def main() -> int:
    arguments = _parser().parse_args()
    out = _place(arguments.out) if arguments.out else DEFAULT_FOLDER / "load" / f"{arguments.users}-users"
    for number in STOPPING:
        signal.signal(number, signal.default_int_handler)  # KeyboardInterrupt, whichever it is
    try:
        _check(out)
        with contextlib.ExitStack() as stack:
            folder = _place(arguments.suite) if arguments.suite else stack.enter_context(_own_suite())
            code = _run(folder, arguments.users, arguments.seconds, out)
        report.write(out)
    except Cannot as reason:
        print(f"load_test.sh: {reason}", file=sys.stderr)
        return CANNOT
    except KeyboardInterrupt:
        _say("interrupted; everything that was started has been stopped")
        return INTERRUPTED
    _say("")
    print((out / report.TABLE).read_text())
    print(f"with plots: {out / report.PAGE}")
    if code and not locust_csv.failures(out):
        _say(f"answers were wrong while the users arrived; {out / 'locust.log'} says which")
    if arguments.record:
        _record(out, arguments.users, results.RESULTS)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/load_test.sh",
        description="Runs Locust's users against a suite on this machine, and leaves a table, plots and an HTML page. "
        f"First the users arrive, about {ARRIVALS_PER_S} a second, in no more than SECONDS; then they are measured "
        "for SECONDS. Fails if any answer was wrong.",
    )
    parser.add_argument("users", metavar="USERS", type=_number(1, 10_000))
    parser.add_argument("seconds", metavar="SECONDS", type=_number(1, 3_600))
    parser.add_argument("--out", metavar="DIR", help="where the results go (.local/load/USERS-users)")
    parser.add_argument(
        "--suite",
        metavar="DIR",
        help="the suite that scripts/local.sh runs with its data in DIR (its default: .local); without it, "
        "one is started with the sample library on ports of its own, and removed in the end",
    )
    parser.add_argument("--record", action="store_true", help="also put table and plots into load/RESULTS.md")
    return parser


class _number:
    def __init__(self, least: int, most: int) -> None:
        self._least, self._most = least, most

    def __call__(self, text: str) -> int:
        if not text.isdecimal() or not self._least <= int(text) <= self._most:
            raise argparse.ArgumentTypeError(f"must be {self._least} to {self._most}, not {text!r}")
        return int(text)


def _place(given: str) -> Path:
    # The shell script has changed the folder; what the caller typed is meant from where they stand.
    return Path(os.environ.get("SEEN_CALLED_FROM", "."), given).resolve()


def _check(out: Path) -> None:
    """That what is written there hides nothing: the folder is new, empty, or an earlier run's."""
    if out.exists() and not (out / report.RUN).exists() and (not out.is_dir() or any(out.iterdir())):
        raise Cannot(f"{out} holds other things: name a new folder")


def _clear(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        for left in (*out.glob("*.csv"), *out.glob("*.png"), out / report.TABLE, out / report.PAGE):
            left.unlink(missing_ok=True)
    except OSError as error:
        raise Cannot(f"cannot write to {out}: {error.strerror}") from None


@contextlib.contextmanager
def _own_suite() -> Iterator[Path]:
    """A suite that is there for this run only, with the sample library; its folder."""
    with tempfile.TemporaryDirectory(prefix="seen-load-") as name:
        folder = Path(name)
        local: list[str | Path] = [ROOT / "scripts" / "local.sh", "--data", folder]
        _say("starting a suite with the sample library")
        try:
            offset = ["--port-offset", str(_free_offset(folder))]
            if _quietly(*local, *offset, "--detach"):
                raise Cannot("the suite did not start")
            yield folder
        finally:
            with _undisturbed():
                _say("stopping the suite")
                _quietly(*local, "--stop")


def _quietly(*command: str | Path) -> int:
    """Runs it without what it tells people; errors are shown. Returns its exit code."""
    return subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode  # noqa: S603


def _free_offset(folder: Path) -> int:
    for offset in range(1_000, 10_000, 1_000):
        with contextlib.suppress(StartFailed), ports.held(Suite(folder, offset).processes()):
            return offset
    raise Cannot("no free ports for a suite beside those that run; --suite takes one that does")


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """A second Ctrl-C must not leave behind what the first one was to stop."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run(folder: Path, users: int, seconds: int, out: Path) -> int:
    """The exit code: 0 only where no answer was wrong."""
    found = state.read(folder)
    if found is None or state.supervisor(folder) != found.pid:
        raise Cannot(f"nothing runs with data in {folder}")
    suite = Suite(folder, found.offset)
    arrival_s = min(seconds, max(ARRIVAL_S, users // ARRIVALS_PER_S))
    _clear(out)
    machine = f"{results.machine()}; Python {sys.version.split()[0]}, Locust {version('locust')}"
    Run(users, seconds, arrival_s, datetime.now(UTC).date().isoformat(), machine).save(out)
    with (out / "locust.log").open("w") as log:
        locust = subprocess.Popen(  # noqa: S603
            _command(suite.gateway_url, users, arrival_s, seconds, out),
            cwd=ROOT,
            env=os.environ | {"SEEN_AUTH0_URL": suite.auth0_url, "SEEN_AUTH0_AUDIENCE": AUDIENCE},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for us, who then stop it
        )
    try:
        services = {name: process.pid for name, process in found.processes.items()}
        _follow(locust, services, arrival_s + seconds, out)
    finally:
        with _undisturbed():
            _end(locust)
    if locust.returncode == 0 and not any(one.requests for one in locust_csv.endpoints(out)):
        raise Cannot(f"nobody asked anything; {out / 'locust.log'} says why")
    if locust.returncode > FAILED:
        raise Cannot(f"Locust ended with exit code {locust.returncode}; {out / 'locust.log'} says why")
    return FAILED if locust.returncode else 0


def _command(host: str, users: int, arrival_s: int, seconds: int, out: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "locust", "--locustfile", str(ROOT / "load" / "locust_users" / "locustfile.py"), "--headless"),
        *("--host", host, "--users", str(users), "--spawn-rate", str(users / arrival_s)),
        *("--run-time", f"{arrival_s + seconds}s", "--reset-stats", "--stop-timeout", str(STOP_S)),
        *("--csv", str(out / locust_csv.PREFIX), "--csv-full-history", "--only-summary"),
    ]


def _follow(locust: "subprocess.Popen[bytes]", pids: dict[str, int], length_s: int, out: Path) -> None:
    """Samples and shows how it goes, until Locust has ended."""
    services: dict[str, list[int]] = {"Locust": [locust.pid]}
    for name, pid in pids.items():
        services.setdefault("MongoDB (4 servers)" if name.startswith("mongod") else name, []).append(pid)
    watch, samples = Watch(services), []
    began = time.monotonic()
    while not _ends_within(1, locust):
        samples += watch.sample()
        elapsed = time.monotonic() - began
        if elapsed > length_s + STOP_S + PATIENCE_S:
            raise Cannot(f"Locust did not end; {out / 'locust.log'} may say why")
        _show(f"{elapsed:.0f} of {length_s} s", out)
    resources.write(out / "resources.csv", samples)


def _ends_within(seconds: float, process: "subprocess.Popen[bytes]") -> bool:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    return process.returncode is not None


def _show(when: str, out: Path) -> None:
    if sys.stderr.isatty() and (rows := locust_csv.seconds(out)):
        now, failed = rows[-1], sum(row.failures_per_second for row in rows)
        p95 = "" if math.isnan(now.p95) else f", p95 {now.p95:.0f} ms"
        text = f"{when}: {now.users} users, {now.per_second:.0f} requests/s{p95}, {failed:.0f} failures"
        print(f"\r{text:<79}", end="", file=sys.stderr, flush=True)


def _end(locust: "subprocess.Popen[bytes]") -> None:
    if locust.poll() is None:
        locust.terminate()
        try:
            locust.wait(2 * STOP_S)
        except subprocess.TimeoutExpired:
            locust.kill()
            locust.wait()


def _record(out: Path, users: int, file: Path) -> None:
    kept = file.parent / "pictures"
    kept.mkdir(exist_ok=True)
    shown = []
    for picture in (out / f"{name}.png" for name in ("requests", "latency", "resources")):
        if picture.exists():
            name = f"{users}-users-{picture.name}"
            shutil.copyfile(picture, kept / name)
            shown.append(f"![{picture.stem}]({kept.name}/{name})")
    results.put(file, "load_test", f"{users} users", (out / report.TABLE).read_text() + "\n" + "\n".join(shown))
    _say(f"recorded in {file}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
