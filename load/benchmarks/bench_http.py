"""Compares what one request costs: processor time by process, throughput, latency and memory.

    ./scripts/local.sh --data /tmp/seen --detach
    python -m load.benchmarks.bench_http seen=/tmp/seen

A target NAME=DIR is a running suite of scripts/local.sh; NAME=URL,PID,… is any other process that answers with the
items of the first suite, and uses its databases. The peer (load/peer, on the first suite's databases) and a bare
uvicorn answer are started and measured too. Each suite gets the generated items if it does not have them: use suites
that serve no other purpose.

All targets are measured in turn for each kind of request, in several rounds. Their databases count, the client (wrk)
does not. Needs the extra `benchmarks`, and wrk (Debian and Ubuntu: apt-get install wrk).
"""

import argparse
import contextlib
import json
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import httpx

from load import results
from load.benchmarks import http_requests, http_targets
from load.benchmarks.http_measure import CONNECTIONS, TIMEOUT_S, Measurement, measure
from load.benchmarks.http_report import Results
from load.benchmarks.http_requests import CACHEABLE, KINDS, MIX, NEW_MARKS, Traffic
from load.benchmarks.http_targets import Target
from load.locust_users.checks import WrongAnswer
from scripts.local.state import SuiteError
from scripts.local.suite import ROOT

TRIED_OUT = 20  # requests of each kind whose content is checked before the measurement
DIFFERENT = 5_000  # requests of one kind that are sent in turn, if they may repeat
NEW_MARKS_PER_SECOND = 4_000  # more than any target answers


def main() -> None:
    options = parser().parse_args()
    if not shutil.which("wrk"):
        sys.exit("no wrk: install it (Debian and Ubuntu: apt-get install wrk), then run this again")
    try:
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="seen-bench-")))
            targets = start_targets(options.targets, folder, stack)
            traffic = prepare(targets, hot=options.hot)
            kinds = CACHEABLE if options.hot else (*KINDS, MIX)
            measurements = list(measure_all(targets, traffic, kinds, options, folder))
    except (SuiteError, WrongAnswer) as error:
        sys.exit(str(error))
    report(Results(measurements, http_targets.PEER), measurements, options)


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="+", metavar="NAME=DIR")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4, help="of each measurement (default %(default)s)")
    parser.add_argument("--hot", action="store_true", help="only requests that a cache can answer, for few items")
    parser.add_argument(
        "--out", type=Path, default=ROOT / ".cache" / "bench_http", help="folder for table, plot and all measurements"
    )
    parser.add_argument("--record", metavar="HEADING", help="put the table and the plot into load/RESULTS.md")
    parser.add_argument("--note", default="", help="a sentence about the conditions, for the report")
    return parser


def start_targets(arguments: Sequence[str], folder: Path, stack: contextlib.ExitStack) -> list[Target]:
    """The targets of the command line, the peer and the bare answer. The suites get their items."""
    targets: list[Target] = []
    for argument in arguments:
        name, _, place = argument.partition("=")
        if place.startswith("http"):
            url, *pids = place.split(",")
            processes = {f"{name} {pid}": int(pid) for pid in pids}
            targets.append(http_targets.other_target(name, url, processes, targets[0]))
        else:
            targets.append(http_targets.suite_target(name, Path(place).resolve()))
            http_targets.load_items(targets[-1], folder)
    peer = stack.enter_context(http_targets.peer(folder, targets[0]))
    return [*targets, peer, stack.enter_context(http_targets.bare(targets[0]))]


def prepare(targets: Sequence[Target], *, hot: bool) -> dict[str, Traffic]:
    """Creates the users of each target and checks the content of some answers."""
    tokens: dict[str, list[str]] = {}  # by suite
    traffic: dict[str, Traffic] = {}
    for target in targets:
        auth0_url = target.suite.auth0_url
        if auth0_url not in tokens:
            say(f"signing in {http_requests.USERS} users")
            tokens[auth0_url] = http_requests.sign_in(auth0_url)
        if target.name == http_targets.BARE:
            traffic[target.name] = traffic[http_targets.PEER]  # any request will do
            continue
        say(f"{target.name}: creating the users, trying out every kind of request")
        client = httpx.Client(base_url=target.url, timeout=TIMEOUT_S)
        traffic[target.name] = Traffic(client, auth0_url, tokens[auth0_url], hot=hot)
        for kind in KINDS:
            for request in traffic[target.name].make(kind, TRIED_OUT):
                traffic[target.name].send(request)
    return traffic


def measure_all(
    targets: Sequence[Target],
    traffic: Mapping[str, Traffic],
    kinds: Sequence[str],
    options: argparse.Namespace,
    folder: Path,
) -> Iterator[Measurement]:
    for number in range(options.rounds):
        for kind in kinds:
            for target in rotated(targets, number):
                if target.name == http_targets.BARE and kind != KINDS[0]:
                    continue
                is_new_mark = kind in NEW_MARKS or kind == MIX
                amount = NEW_MARKS_PER_SECOND * options.seconds if is_new_mark else DIFFERENT
                requests = traffic[target.name].make(kind, amount)
                measurement = measure(target, kind, number, requests, options.seconds, folder / "requests")
                if is_new_mark and measurement.requests > amount:
                    raise WrongAnswer(f"{target.name} got a mark twice: raise NEW_MARKS_PER_SECOND")
                say(f"round {number + 1}: {kind}, {target.name}: {measurement.total_ms:.2f} ms of processor")
                yield measurement


def rotated(targets: Sequence[Target], number: int) -> list[Target]:
    """Another target is the first in each round."""
    return [*targets[number % len(targets) :], *targets[: number % len(targets)]]


def report(figures: Results, measurements: Sequence[Measurement], options: argparse.Namespace) -> None:
    options.out.mkdir(parents=True, exist_ok=True)
    others = median(one.others for one in measurements)
    conditions = (
        f"{datetime.now(UTC):%Y-%m-%d}, {options.rounds} rounds of {options.seconds} s for each kind of request and "
        f"target, {CONNECTIONS} connections. {results.machine()}, Python {platform.python_version()}. "
        f"Other programs kept {others:.1f} processors busy meanwhile. {options.note}"
    )
    text = f"{conditions.strip()}\n\n{figures.table()}\n\n{figures.memory_table()}\n"
    (options.out / "table.md").write_text(text)
    (options.out / "measurements.json").write_text(json.dumps([asdict(one) for one in measurements], indent=1))
    figures.plot(options.out / "processor.png")
    print(text)
    say(f"with a plot and all measurements: {options.out}")
    if options.record:
        picture = f"bench_http-{re.sub(r'[^a-z0-9]+', '-', options.record.lower())}.png"
        shutil.copyfile(options.out / "processor.png", results.RESULTS.parent / "pictures" / picture)
        link = f"![processor time per request](pictures/{picture})"
        results.put(results.RESULTS, "bench_http", options.record, f"{text}\n{link}")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
