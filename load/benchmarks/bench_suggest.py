"""Compares what the strategies of POST /suggest cost for somebody with 200 marks over three types.

    ./scripts/local.sh --data /tmp/seen --detach
    python -m load.benchmarks.bench_suggest /tmp/seen

The suite gets the generated items of bench_http and a model of 21,000 of them, of which 20,000 have 100 neighbours.
Some items are neighbours of many: 200 marks have 8,000 different ones, three times as many as with people's marks. Use
a suite that serves no other purpose. Requests are sent one after the other, the strategies in turn. Needs the extra
`benchmarks`.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil

from load import results
from load.benchmarks import http_targets
from load.benchmarks.http_requests import in_parallel, sign_in
from load.benchmarks.http_targets import Target
from scripts.local.state import SuiteError
from scripts.local.suite import DATASETS
from seen.v1.types_pb2 import ItemType
from services.taste.model import Model, Rows

Json = dict[str, Any]
STRATEGIES = ("categories", "taste")
AMOUNTS = (5, 10)
MARKS = 200
MODEL_ITEMS_PER_TYPE, WITH_NEIGHBOURS, NEIGHBOURS = 7_000, 20_000, 100
PAGE = 100
WAIT_S = 30  # for the library to use the model
TIMEOUT_S = 30
TYPES = [dataset.type for dataset in DATASETS]
COUNTED = ("library", "account", "datasets")


@dataclass(frozen=True)
class Item:
    """As much of an item as the model needs."""

    type: int
    id: str
    category: Sequence[str]
    themes: Sequence[str]
    rating: float | None
    votes: int | None


@dataclass(frozen=True)
class Measurement:
    """`processor_ms` per request, by group of processes."""

    suggestions: int
    processor_ms: Mapping[str, float]

    @property
    def counted_ms(self) -> float:
        return sum(self.processor_ms[group] for group in COUNTED)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suite", type=Path, metavar="DIR", help="folder of a suite that scripts/local.sh runs")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=100, help="of each strategy and round (default %(default)s)")
    parser.add_argument("--record", metavar="HEADING", help="put the table into load/RESULTS.md")
    options = parser.parse_args()
    try:
        target = http_targets.suite_target("suite", options.suite.resolve())
    except SuiteError as error:
        sys.exit(str(error))
    with tempfile.TemporaryDirectory(prefix="seen-bench-") as folder:
        http_targets.load_items(target, Path(folder))
    token = sign_in(target.suite.auth0_url, users=1)[0]
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=target.url, headers=headers, timeout=TIMEOUT_S) as client:
        items = {name: list_items(client, name) for name in TYPES}
        mark(client, items)
        install_model(client, target, items)
        groups = processes(target)
        measured: dict[tuple[int, str], list[Measurement]] = {}
        for number in range(options.rounds):
            for amount in AMOUNTS:
                for strategy in STRATEGIES:
                    one = measure(client, groups, {"strategy": strategy, "amount": amount}, options.requests)
                    measured.setdefault((amount, strategy), []).append(one)
                    say(f"round {number + 1}: {strategy}, amount {amount}: {one.counted_ms:.1f} ms")
        client.delete("/user").raise_for_status()
    conditions = f"{results.machine()}, {options.rounds} rounds of {options.requests} requests"
    text = f"{datetime.now(UTC):%Y-%m-%d}, {conditions}.\n\n{table(measured)}"
    print(text)
    if options.record:
        results.put(results.RESULTS, "bench_suggest", options.record, text)


def list_items(client: httpx.Client, type_name: str) -> list[Json]:
    def page(number: int) -> list[Json]:
        answer = client.get(f"/lib/{number}", params={"type": type_name, "size": PAGE})
        return list(answer.raise_for_status().json()["items"])

    pages = in_parallel(page, range(1, MODEL_ITEMS_PER_TYPE // PAGE + 1))
    return [item for page in pages for item in page]


def mark(client: httpx.Client, items: Mapping[str, Sequence[Json]]) -> None:
    """Half of the items are seen, the others seen and liked."""
    client.delete("/user")  # of an earlier run
    for number in range(MARKS):
        item = items[TYPES[number % len(TYPES)]][number]
        for kind in ("seen", "like")[: 1 + number % 2]:
            client.put(f"/item/{item['type']}/{item['id']}/{kind}").raise_for_status()


def install_model(client: httpx.Client, target: Target, items: Mapping[str, Sequence[Json]]) -> None:
    """Puts the model where the Spark connector keeps its own, and waits until the library uses it."""
    listed = [
        Item(
            ItemType.Value(item["type"]),
            item["id"],
            item["category"],
            item["themes"],
            item.get("rating"),
            item.get("votes"),
        )
        for of_type in items.values()
        for item in of_type
    ]
    random = np.random.default_rng(1)
    order = random.permutation(len(listed))
    popularity = 1 / (order + 100)
    popularity /= popularity.sum()
    rows = [
        random.choice(len(listed), NEIGHBOURS, replace=False, p=popularity).tolist() if number < WITH_NEIGHBOURS else []
        for number in range(len(listed))
    ]
    weights = [weight for row in rows if row for weight in np.sort(random.exponential(0.02, NEIGHBOURS))[::-1]]
    model = Model.build(
        listed,
        {},
        version=f"bench-{time.time()}",
        trained_at=time.time(),
        marks=2_000_000,
        people=10_000,
        people_by_type={ItemType.Value(name): 10_000 for name in TYPES},
        likes=random.integers(0, 2_000, len(listed)).astype(np.int32),
        neighbours=Rows.of(rows),
        weights=np.array(weights, np.float32),
    )
    model.save(target.suite.folder / "answers" / "suggestions.model")
    item = next(item for item, row in zip(listed, rows, strict=True) if row)
    path = f"/item/{ItemType.Name(item.type)}/{item.id}/similar"
    until = time.monotonic() + WAIT_S
    while not client.get(path).raise_for_status().json()["items"]:
        if time.monotonic() > until:
            sys.exit("the library does not use the model")
        time.sleep(1)


def processes(target: Target) -> dict[str, list[psutil.Process]]:
    groups: dict[str, list[psutil.Process]] = {}
    for name, pid in target.pids.items():
        group = "datasets" if name in {dataset.name for dataset in DATASETS} else name.partition("-")[0]
        groups.setdefault(group, []).append(psutil.Process(pid))
    if missing := set(COUNTED) - groups.keys():
        sys.exit(f"the suite has no process of its own for {', '.join(sorted(missing))}: start it without --compact")
    return groups


def measure(
    client: httpx.Client, groups: Mapping[str, Sequence[psutil.Process]], body: Json, amount: int
) -> Measurement:
    def seconds() -> dict[str, float]:
        return {name: sum(sum(each.cpu_times()[:2]) for each in group) for name, group in groups.items()}

    content = json.dumps(body)
    headers = {"Content-Type": "application/json"}
    before, suggestions = seconds(), 0
    for _ in range(amount):
        answer = client.post("/suggest", content=content, headers=headers).raise_for_status().json()
        suggestions = len(answer["suggestions"])
    after = seconds()
    return Measurement(suggestions, {name: (after[name] - before[name]) * 1000 / amount for name in groups})


def table(measured: Mapping[tuple[int, str], Sequence[Measurement]]) -> str:
    lines = [
        "| amount | strategy | suggestions | library | account | datasets | together | gateway | MongoDB |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for (amount, strategy), some in measured.items():

        def median(group: str, some: Sequence[Measurement] = some) -> str:
            return f"{statistics.median(one.processor_ms[group] for one in some):.1f}"

        together = statistics.median(one.counted_ms for one in some)
        cells = [str(amount), f"`{strategy}`", str(some[0].suggestions), *map(median, COUNTED), f"**{together:.1f}**"]
        lines.append(f"| {' | '.join([*cells, median('gateway'), median('mongod')])} |")
    return "\n".join(lines) + "\n\nProcessor time in milliseconds per request, median of the rounds."


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
