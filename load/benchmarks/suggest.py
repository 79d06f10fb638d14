"""Compares what the strategies of POST /suggest cost for a user with 200 marks over three types.

    ./scripts/local.sh --data /tmp/seen --detach
    python -m load.benchmarks.suggest /tmp/seen

The suite gets the generated items of load.benchmarks.http and a model of 21,000 of them, of which 20,000 have 100
neighbours. Some items are neighbours of many: 200 marks have 8,000 different neighbours, three times as many as with
people's marks. Use a suite that serves no other purpose. Requests are sent one after the other, the strategies in turn.
Needs the extra `benchmarks`.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from statistics import median

import httpx
import numpy as np
import psutil

from load import results
from load.benchmarks.http.requests import TYPES, Json, in_parallel, sign_in
from load.benchmarks.http.targets import Target, load_items, suite_target
from scripts.local.suite import DATASETS
from seen.v1.types_pb2 import ItemType
from services.spark_connector.training import model_store
from services.taste import model_file
from services.taste.arrays import Rows
from services.taste.model import Model
from services.taste.training_files import TrainingItem

STRATEGIES = ("categories", "taste")
AMOUNTS = (5, 10)
MARKS = 200
MODEL_ITEMS_PER_TYPE, WITH_NEIGHBOURS, NEIGHBOURS = 7_000, 20_000, 100
PAGE_SIZE = 100
WAIT_S = 30  # for the library to use the model
TIMEOUT_S = 30
SUMMED = ("library", "account", "datasets")
COLUMNS = ("amount", "strategy", "suggestions", *SUMMED, "together", "gateway", "MongoDB")
HEADING = f"{MARKS} marks over three types, a model with {WITH_NEIGHBOURS:,} items that have neighbours"


@dataclass(frozen=True)
class Measurement:
    """`processor_ms` per request, by group of processes."""

    suggestions: int
    processor_ms: Mapping[str, float]

    @property
    def together_ms(self) -> float:
        return sum(self.processor_ms[group] for group in SUMMED)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suite", type=Path, metavar="DIR", help="folder of a suite that scripts/local.sh runs")
    parser.add_argument("--rounds", type=int, default=5, help="(default %(default)s)")
    parser.add_argument("--requests", type=int, default=100, help="of each strategy and round (default %(default)s)")
    parser.add_argument("--record", action="store_true", help="put the table into load/RESULTS.md")
    options = parser.parse_args()
    target = suite_target("suite", options.suite)
    groups = processes(target)
    load_items(target)
    token = sign_in(target.suite.auth0_url, users=1)[0]
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=target.url, headers=headers, timeout=TIMEOUT_S) as client:
        items = {name: list_items(client, name) for name in TYPES}
        mark(client, items)
        install_model(client, target, chain.from_iterable(items.values()))
        measurements: dict[tuple[int, str], list[Measurement]] = {}
        for number in range(options.rounds):
            for amount in AMOUNTS:
                for strategy in STRATEGIES:
                    measurement = measure(client, groups, {"strategy": strategy, "amount": amount}, options.requests)
                    measurements.setdefault((amount, strategy), []).append(measurement)
                    text = f"round {number + 1}: {strategy}, amount {amount}: {measurement.together_ms:.1f} ms"
                    print(text, file=sys.stderr)
        client.delete("/user").raise_for_status()
    conditions = f"{results.machine()}, {options.rounds} rounds of {options.requests} requests"
    text = (
        f"{datetime.now(UTC):%Y-%m-%d}, {conditions}.\n\n{table(measurements)}\n\n"
        "Processor time in milliseconds per request, median of the rounds."
    )
    print(text)
    if options.record:
        results.put(results.RESULTS, "load.benchmarks.suggest", HEADING, text)


def list_items(client: httpx.Client, type_name: str) -> list[Json]:
    def page(number: int) -> list[Json]:
        answer = client.get(f"/lib/{number}", params={"type": type_name, "size": PAGE_SIZE})
        return list(answer.raise_for_status().json()["items"])

    return list(chain.from_iterable(in_parallel(page, range(1, MODEL_ITEMS_PER_TYPE // PAGE_SIZE + 1))))


def mark(client: httpx.Client, items: Mapping[str, Sequence[Json]]) -> None:
    """Marks half of the items as seen, the others as seen and liked."""
    client.delete("/user")  # an earlier run may have left it
    for number in range(MARKS):
        item = items[TYPES[number % len(TYPES)]][number]
        for kind in ("seen", "like")[: 1 + number % 2]:
            client.put(f"/item/{item['type']}/{item['id']}/{kind}").raise_for_status()


def install_model(client: httpx.Client, target: Target, items: Iterable[Json]) -> None:
    """Puts a model where the Spark connector keeps its own, and waits until the library uses it."""
    listed = [
        TrainingItem(
            ItemType.Value(item["type"]),
            item["id"],
            item["category"],
            item["themes"],
            item.get("rating"),
            item.get("votes"),
        )
        for item in items
    ]
    model_file.save(build_model(listed), target.suite.folder / "answers" / model_store.MODEL)
    path = f"/item/{ItemType.Name(listed[0].type)}/{listed[0].id}/similar"
    until = time.monotonic() + WAIT_S
    while not client.get(path).raise_for_status().json()["items"]:
        if time.monotonic() > until:
            sys.exit("the library does not use the model")
        time.sleep(1)


def build_model(items: Sequence[TrainingItem]) -> Model:
    """The first WITH_NEIGHBOURS items have random neighbours, mostly popular items."""
    random = np.random.default_rng(1)
    order = random.permutation(len(items))
    popularity = 1 / (order + 100)
    popularity /= popularity.sum()
    rows = [
        random.choice(len(items), NEIGHBOURS, replace=False, p=popularity).tolist() if number < WITH_NEIGHBOURS else []
        for number in range(len(items))
    ]
    weights = [weight for row in rows if row for weight in np.sort(random.exponential(0.02, NEIGHBOURS))[::-1]]
    return Model.build(
        items,
        {},
        version=f"benchmark-{time.time()}",
        trained_at=time.time(),
        marks=2_000_000,
        people=10_000,
        people_by_type={ItemType.Value(name): 10_000 for name in TYPES},
        likes=random.integers(0, 2_000, len(items)).astype(np.int32),
        neighbours=Rows.of(rows),
        weights=np.array(weights, np.float32),
    )


def processes(target: Target) -> dict[str, list[psutil.Process]]:
    """By group: the datasets, the MongoDB servers, and each other service."""
    groups: dict[str, list[psutil.Process]] = {}
    for name, pid in target.pids.items():
        group = "datasets" if name in {dataset.name for dataset in DATASETS} else name.partition("-")[0]
        groups.setdefault(group, []).append(psutil.Process(pid))
    if missing := set(SUMMED) - groups.keys():
        sys.exit(f"the suite has no process of its own for {', '.join(sorted(missing))}: start it without --compact")
    return groups


def measure(
    client: httpx.Client, groups: Mapping[str, Sequence[psutil.Process]], body: Json, requests: int
) -> Measurement:
    def processor_s() -> dict[str, float]:
        return {name: sum(sum(process.cpu_times()[:2]) for process in group) for name, group in groups.items()}

    content = json.dumps(body)
    headers = {"Content-Type": "application/json"}
    before, suggestions = processor_s(), 0
    for _ in range(requests):
        answer = client.post("/suggest", content=content, headers=headers).raise_for_status().json()
        suggestions = len(answer["suggestions"])
    after = processor_s()
    return Measurement(suggestions, {name: (after[name] - before[name]) * 1000 / requests for name in groups})


def table(measurements: Mapping[tuple[int, str], Sequence[Measurement]]) -> str:
    rows = []
    for (amount, strategy), rounds in measurements.items():
        names = rounds[0].processor_ms
        ms = {name: f"{median(measurement.processor_ms[name] for measurement in rounds):.1f}" for name in names}
        together = median(measurement.together_ms for measurement in rounds)
        cells = [str(amount), f"`{strategy}`", str(rounds[0].suggestions), *(ms[name] for name in SUMMED)]
        rows.append([*cells, f"**{together:.1f}**", ms["gateway"], ms["mongod"]])
    return results.table("l" * len(COLUMNS), COLUMNS, rows)


if __name__ == "__main__":
    main()
