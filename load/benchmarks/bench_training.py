"""How long a suggestion model takes to train, and how much memory, on generated marks.

`python -m load.benchmarks.bench_training --items 10000 --marks 2000000` generates the input files, trains as the
connector does, and prints a Markdown table; `--write` puts it into docs/QUALITY.md. Needs the extra `benchmarks`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import psutil

from load import results
from services.taste.model import Model

ROOT = Path(__file__).resolve().parents[2]
QUALITY = ROOT / "docs" / "QUALITY.md"
SAMPLE_S = 0.5  # reading shared pages takes time itself
GROUPS = 50  # of items that the same people like


def generate(folder: Path, items: int, marks: int, per_person: int, seed: int = 1) -> int:
    """People mark popular items, and mostly those of two groups. Returns the number of people."""
    random = np.random.default_rng(seed)
    group = random.integers(GROUPS, size=items)
    popularity = 1 / (np.arange(items) + 20.0)
    with (folder / "items.jsonl").open("w") as file:
        for number in range(items):
            labels = [f"group {group[number]}"]
            line = {"type": 1 + number % 3, "id": f"{number:08}", "category": labels, "themes": labels}
            file.write(json.dumps(line | {"rating": 5 + number % 5, "votes": int(1e6 * popularity[number])}) + "\n")
    people = marks // per_person
    with (folder / "marks.tsv").open("w") as file:
        file.write("person\ttype\tid\tkind\tmarked_at\n")
        for person in range(people):
            own = random.integers(GROUPS, size=2)
            weights = popularity * np.where(np.isin(group, own), 20.0, 1.0)
            count = min(max(1, int(random.exponential(per_person))), items // 2)
            # The largest of weighted exponentials: a draw without replacement.
            chosen = np.argpartition(random.exponential(size=items) / weights, count)[:count]
            liked = random.random(count) < 0.5
            file.writelines(
                f"p{person}\t{1 + item % 3}\t{item:08}\t{'like' if like else 'seen'}\t{person}\n"
                for item, like in zip(chosen.tolist(), liked, strict=True)
            )
    return people


def memory(process: psutil.Process) -> int:
    """Bytes of the process tree; pages that processes share count once."""
    total = 0
    with suppress(psutil.NoSuchProcess):
        for member in (process, *process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                total += member.memory_full_info().pss
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--marks", type=int, default=2_000_000)
    parser.add_argument("--per-person", type=int, default=100, help="mean number of marks; default 100")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="put the table into docs/QUALITY.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        people = generate(folder, options.items, options.marks, options.per_person)
        command = [sys.executable, "-m", "services.taste.train", "--inputs", name, "--output", f"{name}/model"]
        busy = os.getloadavg()[0]
        started = time.monotonic()
        with (folder / "log").open("w") as log:
            process = subprocess.Popen([*command, f"--processes={options.processes}"], cwd=ROOT, stdout=log)  # noqa: S603
            tree, peak = psutil.Process(process.pid), 0
            while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
                peak = max(peak, memory(tree))
                time.sleep(SAMPLE_S)
        wall_s = time.monotonic() - started
        _, status, usage = ended
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"the training failed: {(folder / 'log').read_text()}")
        model, size = Model.load(folder / "model"), (folder / "model").stat().st_size
    text = (
        f"{datetime.now(UTC):%Y-%m-%d}, {options.processes} processes, load average before {busy:.1f}. "
        f"{results.machine()}.\n\n"
        "| items | people | marks | wall s | processor s | peak MiB | model MiB | items with neighbours |\n"
        "|--:|--:|--:|--:|--:|--:|--:|--:|\n"
        f"| {options.items:,} | {people:,} | {model.marks:,} | {wall_s:.0f} | {usage.ru_utime + usage.ru_stime:.0f} "
        f"| {peak >> 20:,} | {size / 2**20:.1f} | {model.items_with_neighbours:,} |"
    )
    print(text)
    if options.write:
        results.put(QUALITY, "bench_training", "Training", text)


if __name__ == "__main__":
    main()
