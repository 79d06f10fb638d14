"""How long a suggestion model takes to train, and how much memory, on generated marks.

`python -m load.benchmarks.training --items 10000 --marks 2000000` generates the input files, trains as the connector
does, and prints a table; `--record` puts it into docs/QUALITY.md. Needs the extra `benchmarks`.
"""

import argparse
import json
import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from load import results
from load.benchmarks import child_process
from services.taste import model_file
from spark_jobs.views import MARKS_COLUMNS

MARKS_PER_PERSON = 100  # on average
PROCESSES = 2
SAMPLE_S = 0.5  # between two samples of the memory; reading shared pages takes time itself
GROUPS = 50  # of items that the same people like
COLUMNS = ("items", "people", "marks", "wall s", "processor s", "peak MiB", "model MiB", "items with neighbours")


def generate(folder: Path, items: int, marks: int) -> int:
    """Writes the items and marks of people who mark popular items, and mostly those of two groups.

    Returns the number of people.
    """
    random = np.random.default_rng(1)
    group = random.integers(GROUPS, size=items)
    popularity = 1 / (np.arange(items) + 20.0)
    with (folder / "items.jsonl").open("w") as file:
        for number in range(items):
            labels = [f"group {group[number]}"]
            line = {"type": 1 + number % 3, "id": f"{number:08}", "category": labels, "themes": labels}
            file.write(json.dumps(line | {"rating": 5 + number % 5, "votes": int(1e6 * popularity[number])}) + "\n")
    people = marks // MARKS_PER_PERSON
    with (folder / "marks.tsv").open("w") as file:
        file.write("\t".join(MARKS_COLUMNS) + "\n")
        for person in range(people):
            own = random.integers(GROUPS, size=2)
            weights = popularity * np.where(np.isin(group, own), 20.0, 1.0)
            count = min(max(1, int(random.exponential(MARKS_PER_PERSON))), items // 2)
            # The smallest exponentials divided by their weights: a weighted draw without replacement.
            chosen = np.argpartition(random.exponential(size=items) / weights, count)[:count]
            liked = random.random(count) < 0.5
            file.writelines(
                f"p{person}\t{1 + item % 3}\t{item:08}\t{'like' if like else 'seen'}\t{person}\n"
                for item, like in zip(chosen.tolist(), liked, strict=True)
            )
    return people


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=10_000, help="(default %(default)s)")
    parser.add_argument("--marks", type=int, default=2_000_000, help="(default %(default)s)")
    parser.add_argument("--record", action="store_true", help="put the table into docs/QUALITY.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        people = generate(folder, options.items, options.marks)
        command = [sys.executable, "-m", "services.taste.train", "--inputs", name, "--output", f"{name}/model"]
        busy = os.getloadavg()[0]
        with (folder / "log").open("w") as log:
            # Proportional set size: pages that processes share count once.
            usage = child_process.run(
                [*command, f"--processes={PROCESSES}"], log, lambda process: process.memory_full_info().pss, SAMPLE_S
            )
        if usage.exit_code:
            sys.exit(f"the training failed: {(folder / 'log').read_text()}")
        model, size = model_file.load(folder / "model"), (folder / "model").stat().st_size
    cells = [
        *(f"{count:,}" for count in (options.items, people, model.marks)),
        f"{usage.wall_s:.0f}",
        f"{usage.cpu_s:.0f}",
        f"{usage.peak >> 20:,}",
        f"{size / 2**20:.1f}",
        f"{model.items_with_neighbours:,}",
    ]
    text = (
        f"{datetime.now(UTC):%Y-%m-%d}, {PROCESSES} processes, load average before {busy:.1f}. {results.machine()}.\n\n"
        + results.table("r" * len(COLUMNS), COLUMNS, [cells])
    )
    print(text)
    if options.record:
        results.put(results.QUALITY, "load.benchmarks.training", "Training", text)


if __name__ == "__main__":
    main()
