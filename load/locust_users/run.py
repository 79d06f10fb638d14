"""One load test: starts a suite, runs Locust against it while sampling the machine, and writes the report.

scripts/load_test.sh calls it.
"""

import argparse
import contextlib
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from load import results
from load.locust_users import locust_csv, plots, report, resources
from load.locust_users.report import Run
from load.locust_users.resources import CacheCounts, Sampler
from scripts.local import ports, state
from scripts.local.suite import AUDIENCE, DEFAULT_FOLDER, ROOT, Suite

# Users arrive evenly, over at least this time and at most at this rate: signing in also costs the suite time.
MIN_ARRIVAL_S = 10
MAX_ARRIVALS_PER_S = 20
STOP_S = 10  # for requests in flight at the end
SLACK_S = 120  # for starting, and for deleting each user's account
WRONG_ANSWERS, CANNOT_RUN, INTERRUPTED = 1, 2, 130
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class CannotRun(Exception):
    """The load test cannot run; the message tells the user why."""


def main() -> int:
    arguments = _parser().parse_args()
    out = arguments.out.resolve() if arguments.out else DEFAULT_FOLDER / "load" / f"{arguments.users}-users"
    for number in STOP_SIGNALS:
        signal.signal(number, signal.default_int_handler)  # all of them raise KeyboardInterrupt
    try:
        if out.exists() and not (out / report.RUN).exists() and (not out.is_dir() or any(out.iterdir())):
            raise CannotRun(f"{out} contains other files: give a new folder")
        with contextlib.ExitStack() as stack:
            folder = (
                arguments.suite.resolve()
                if arguments.suite
                else stack.enter_context(_temporary_suite(arguments.compact))
            )
            exit_code = _run(folder, arguments.users, arguments.seconds, out)
        report.write(out)
    except CannotRun as reason:
        _say(f"load_test.sh: {reason}")
        return CANNOT_RUN
    except KeyboardInterrupt:
        _say("interrupted; everything that was started has been stopped")
        return INTERRUPTED
    _say("")
    print((out / report.TABLE).read_text())
    print(f"with plots: {out / report.PAGE}")
    if exit_code and not locust_csv.failures(out):
        _say(f"some answers were wrong while the users arrived; see {out / 'locust.log'}")
    if arguments.record:
        _record(out, Run.load(out))
    return exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/load_test.sh",
        description="Runs simulated users against a suite on this machine and writes a table, plots and an HTML page. "
        f"The users arrive first, about {MAX_ARRIVALS_PER_S} a second, in no more than SECONDS; then they are measured "
        "for SECONDS. Exits with 1 if an answer was wrong.",
    )
    parser.add_argument("users", metavar="USERS", type=_integer(1, 10_000))
    parser.add_argument("seconds", metavar="SECONDS", type=_integer(1, 3_600))
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder for the results (default: .local/load/USERS-users)"
    )
    parser.add_argument(
        "--suite",
        type=Path,
        metavar="DIR",
        help="use the suite that scripts/local.sh runs with its data in DIR (.local by default); without this option, "
        "a suite with the sample library is started on free ports and removed at the end",
    )
    parser.add_argument("--compact", action="store_true", help="start that suite with its services in one process")
    parser.add_argument("--record", action="store_true", help="also put the table and plots into load/RESULTS.md")
    return parser


def _integer(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"must be {least} to {most}, not {text!r}")
        return int(text)

    return parse


@contextlib.contextmanager
def _temporary_suite(compact: bool) -> Iterator[Path]:
    """Starts a suite with the sample library; yields its folder; stops and removes the suite."""
    offset = ports.free_offset(range(1_000, 10_000, 1_000))
    if offset is None:
        raise CannotRun("no free ports for another suite; use a running one with --suite")
    with tempfile.TemporaryDirectory(prefix="seen-load-") as name:
        local = [str(ROOT / "scripts" / "local.sh"), "--data", name]
        _say("starting a suite with the sample library")
        try:
            mode = ["--compact"] if compact else []
            if _run_quietly(*local, "--port-offset", str(offset), "--detach", *mode):
                raise CannotRun("the suite did not start")
            yield Path(name)
        finally:
            with _signals_ignored():
                _say("stopping the suite")
                _run_quietly(*local, "--stop")


def _run_quietly(*command: str) -> int:
    """Runs a command with its standard output discarded. Returns the exit code."""
    return subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode  # noqa: S603


@contextlib.contextmanager
def _signals_ignored() -> Iterator[None]:
    """Lets the clean-up finish even if Ctrl-C is pressed again."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run(folder: Path, users: int, seconds: int, out: Path) -> int:
    """Runs Locust against the suite of the folder. Returns 0 if all answers were right."""
    running = state.running(folder)
    if running is None:
        raise CannotRun(f"no suite is running with its data in {folder}")
    suite = Suite(folder, running.offset)
    arrival_s = min(seconds, max(MIN_ARRIVAL_S, users // MAX_ARRIVALS_PER_S))
    _remove_old_results(out)
    machine = f"{results.machine()}; Python {sys.version.split()[0]}, Locust {version('locust')}"
    is_compact = "compact" in running.processes
    run = Run(users, seconds, arrival_s, datetime.now(UTC).date().isoformat(), machine, is_compact)
    run.save(out)
    cached = CacheCounts.read(suite.metrics_url)
    with (out / "locust.log").open("w") as log:
        locust = subprocess.Popen(  # noqa: S603
            _locust_command(suite.gateway_url, users, arrival_s, seconds, out),
            cwd=ROOT,
            env=os.environ | {"SEEN_AUTH0_URL": suite.auth0_url, "SEEN_AUTH0_AUDIENCE": AUDIENCE},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C reaches this process alone, which then stops Locust
        )
    try:
        _watch(locust, {name: process.pid for name, process in running.processes.items()}, arrival_s + seconds, out)
    finally:
        with _signals_ignored():
            _stop(locust)
    if locust.returncode == 0 and not any(endpoint.requests for endpoint in locust_csv.endpoints(out)):
        raise CannotRun(f"no request was sent; see {out / 'locust.log'}")
    if locust.returncode > WRONG_ANSWERS:
        raise CannotRun(f"Locust ended with exit code {locust.returncode}; see {out / 'locust.log'}")
    replace(run, hit_rate=CacheCounts.read(suite.metrics_url).since(cached).hit_rate).save(out)
    return WRONG_ANSWERS if locust.returncode else 0


def _remove_old_results(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        for file in (*out.glob("*.csv"), *out.glob("*.png"), out / report.TABLE, out / report.PAGE):
            file.unlink(missing_ok=True)
    except OSError as error:
        raise CannotRun(f"cannot write to {out}: {error.strerror}") from None


def _locust_command(host: str, users: int, arrival_s: int, seconds: int, out: Path) -> list[str]:
    locustfile = Path(__file__).with_name("locustfile.py")
    return [
        *(sys.executable, "-m", "locust", "--locustfile", str(locustfile), "--headless"),
        *("--host", host, "--users", str(users), "--spawn-rate", str(users / arrival_s)),
        *("--run-time", f"{arrival_s + seconds}s", "--reset-stats", "--stop-timeout", str(STOP_S)),
        *("--csv", str(out / locust_csv.PREFIX), "--csv-full-history", "--only-summary"),
    ]


def _watch(locust: "subprocess.Popen[bytes]", pids: dict[str, int], expected_s: int, out: Path) -> None:
    """Samples the machine and shows the progress once a second until Locust has ended."""
    sampler, samples = Sampler({"Locust": [locust.pid]} | resources.by_service(pids, "MongoDB (4 servers)")), []
    started = time.monotonic()
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            locust.wait(1)
            break
        samples += sampler.sample()
        elapsed = time.monotonic() - started
        if elapsed > expected_s + STOP_S + SLACK_S:
            raise CannotRun(f"Locust did not end; see {out / 'locust.log'}")
        _show_progress(f"{elapsed:.0f} of {expected_s} s", out)
    resources.write(out / report.RESOURCES, samples)


def _show_progress(elapsed: str, out: Path) -> None:
    if sys.stderr.isatty() and (rows := locust_csv.seconds(out)):
        now, failed = rows[-1], sum(row.failures_per_second for row in rows)
        p95 = "" if math.isnan(now.p95) else f", p95 {now.p95:.0f} ms"
        text = f"{elapsed}: {now.users} users, {now.per_second:.0f} requests/s{p95}, {failed:.0f} failures"
        print(f"\r{text:<79}", end="", file=sys.stderr, flush=True)


def _stop(locust: "subprocess.Popen[bytes]") -> None:
    if locust.poll() is None:
        locust.terminate()
        try:
            locust.wait(2 * STOP_S)
        except subprocess.TimeoutExpired:
            locust.kill()
            locust.wait()


def _record(out: Path, run: Run) -> None:
    prefix = f"{run.users}-users-{'compact-' if run.compact else ''}"
    pictures = {f"{prefix}{name}": out / name for name in plots.NAMES if (out / name).exists()}
    results.put(results.RESULTS, "scripts/load_test.sh", run.title, (out / report.TABLE).read_text(), pictures)
    _say(f"recorded in {results.RESULTS}")


def _say(text: str) -> None:
    print(text, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
