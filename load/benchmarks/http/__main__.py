"""Compares what one request costs: processor time by process, throughput, latency and memory.

    ./scripts/local.sh --data /tmp/seen --detach
    python -m load.benchmarks.http seen=/tmp/seen

A target NAME=DIR is a running suite of scripts/local.sh. The peer (load/peer, on the first suite's databases) is
started and measured too. Each suite gets the generated items if it does not have them: use suites that serve no other
purpose.

All targets are measured in turn for each kind of request, in several rounds. Their databases count, the client (wrk)
does not. All measurements are kept in .cache/http. Needs the extra `benchmarks`, and wrk (Debian and Ubuntu:
apt-get install wrk).
"""

import argparse
import json
import platform
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from load import results
from load.benchmarks.http import targets
from load.benchmarks.http.measure import CONNECTIONS, Measurement, measure, prepare, require_wrk
from load.benchmarks.http.report import Results
from load.benchmarks.http.requests import CACHEABLE, KINDS, MIX, Traffic
from load.benchmarks.http.targets import PEER, Target
from load.locust_users.checks import WrongAnswer
from scripts.local.suite import ROOT

OUT = ROOT / ".cache" / "http"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suites", nargs="+", metavar="NAME=DIR", type=suite)
    parser.add_argument("--rounds", type=int, default=3, help="(default %(default)s)")
    parser.add_argument("--seconds", type=int, default=4, help="of each measurement (default %(default)s)")
    parser.add_argument("--hot", action="store_true", help="only requests that a cache can answer, for few items")
    parser.add_argument("--record", metavar="HEADING", help="put the table and the plot into load/RESULTS.md")
    options = parser.parse_args()
    require_wrk()
    suites = [targets.suite_target(name, folder) for name, folder in options.suites]
    for target in suites:
        targets.load_items(target)
    try:
        with targets.peer(suites[0]) as peer:
            traffic = {target.name: prepare(target, options.hot) for target in (*suites, peer)}
            kinds = CACHEABLE if options.hot else (*KINDS, MIX)
            measurements = list(measure_all([*suites, peer], traffic, kinds, options.rounds, options.seconds))
    except WrongAnswer as error:
        sys.exit(str(error))
    report(measurements, options)


def suite(argument: str) -> tuple[str, Path]:
    name, separator, folder = argument.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"must be NAME=DIR, not {argument!r}")
    return name, Path(folder)


def measure_all(
    all_targets: Sequence[Target], traffic: Mapping[str, Traffic], kinds: Sequence[str], rounds: int, seconds: int
) -> Iterator[Measurement]:
    """Each round begins with a different target."""
    for number in range(rounds):
        first = number % len(all_targets)
        for kind in kinds:
            for target in (*all_targets[first:], *all_targets[:first]):
                measurement = measure(target, traffic[target.name], kind, seconds, number)
                say(f"round {number + 1}: {kind}, {target.name}: {measurement.total_ms:.2f} ms of processor")
                yield measurement


def report(measurements: Sequence[Measurement], options: argparse.Namespace) -> None:
    others = median(measurement.others for measurement in measurements)
    conditions = (
        f"{datetime.now(UTC):%Y-%m-%d}, {options.rounds} rounds of {options.seconds} s for each kind of request and "
        f"target, {CONNECTIONS} connections. {results.machine()}, Python {platform.python_version()}. "
        f"Other programs kept {others:.1f} processors busy meanwhile."
    )
    figures = Results(measurements, base=PEER)
    text = f"{conditions}\n\n{figures.table()}\n\n{figures.memory_table()}"
    plot = OUT / "processor time per request.png"
    OUT.mkdir(parents=True, exist_ok=True)
    figures.plot(plot)
    (OUT / "measurements.json").write_text(json.dumps([asdict(measurement) for measurement in measurements], indent=1))
    print(text)
    say(f"with a plot and all measurements: {OUT}")
    if options.record:
        name = f"http-{re.sub(r'[^a-z0-9]+', '-', options.record.lower())}.png"
        results.put(results.RESULTS, "load.benchmarks.http", options.record, text, {name: plot})


def say(text: str) -> None:
    print(text, file=sys.stderr)


if __name__ == "__main__":
    main()
