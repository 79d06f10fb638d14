"""How good suggestions are, measured on people's ratings; docs/QUALITY.md describes the protocol and has the results.

`python -m load.benchmarks.quality --catalog anime=AnimeList.csv --ratings anime=anime_ratings.csv` evaluates the code
that serves and trains (services/taste, services/library/suggestions), and two published methods beside it. If a
dataset's catalog has several files, give --catalog for each; `--record` puts tables and plots into docs. Ratings files
have the columns person, source_id, rating (0 to 10). Needs the extra `benchmarks`.
"""

import argparse
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from load import results
from load.benchmarks.quality import data, methods, metrics, report
from load.benchmarks.quality.data import Data, Person, Split
from load.benchmarks.quality.methods import Method
from load.benchmarks.quality.metrics import Figures
from load.benchmarks.quality.report import NEW_MARKS, NewPeople
from services.taste.domain import ItemRef
from services.taste.measure import ndcg
from services.taste.model import Model

STARTED = time.monotonic()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m load.benchmarks.quality",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--catalog", type=dataset_file, action="append", required=True, help="DATASET=FILE, as published"
    )
    parser.add_argument("--ratings", type=dataset_file, action="append", required=True, help="DATASET=FILE")
    parser.add_argument("--draws", type=int, default=2, help="of each new person's marks (default %(default)s)")
    parser.add_argument("--no-baselines", action="store_true", help="leave out item-kNN and EASE, the slowest")
    parser.add_argument("--record", action="store_true", help="put the tables and plots into docs/QUALITY.md")
    options = parser.parse_args(arguments)
    for name, _ in options.ratings:
        if name not in dict(options.catalog):
            parser.error(f"--ratings {name}=… needs --catalog {name}=…")
    everything = data.read(options.catalog, options.ratings)
    items, people = everything.items, everything.people
    say(f"{len(items):,} items, {len(people):,} people; skipped lines: {dict(everything.skipped)}")
    known = evaluate_known(everything, baselines=not options.no_baselines)
    new = evaluate_new(everything, options.draws)
    counts = ", ".join(
        f"{name}: {sum(person.type == item_type for person in people):,} people, "
        f"{sum(len(person.marks) for person in people if person.type == item_type):,} marks, "
        f"{sum(item.type == item_type for item in items):,} items"
        for item_type, name in everything.names.items()
    )
    text = (
        f"{datetime.now(UTC):%Y-%m-%d}. {counts}. Seed {data.SEED}, {options.draws} draws of each new person's marks. "
        f"{everything.skipped.total():,} lines of the ratings were skipped.\n\n"
        f"{report.tables(everything.names, known, new)}"
    )
    print(text)
    if options.record:
        pictures = results.QUALITY.parent / "pictures"
        report.plot_known(everything.names, known, pictures / "quality-known.png")
        report.plot_new(everything.names, new, pictures / "quality-new.png")
        results.put(results.QUALITY, "load.benchmarks.quality", "Measurements", text)


def dataset_file(text: str) -> tuple[str, Path]:
    name, separator, path = text.partition("=")
    if not separator or not Path(path).is_file():
        raise argparse.ArgumentTypeError(f"must be DATASET=FILE with a file that exists, not {text!r}")
    return name, Path(path)


def evaluate_known(everything: Data, *, baselines: bool) -> dict[tuple[int, str], Figures]:
    """People of whose marks 80 % are known, by type and method."""
    splits, training = data.split_known(everything)
    say(f"80 % known: training on {len(training):,} people")
    model = methods.train(everything, training)
    compared = common_methods(everything, training, model)
    compared["taste with a seed"] = methods.taste(model, noise=True)
    if baselines:
        say("80 % known: item-kNN and EASE")
        compared |= {"item-kNN": methods.item_knn(training), "EASE": methods.ease(training)}
    labels = {ItemRef(item.type, item.id): frozenset(item.category) for item in everything.items}
    shares = shares_of_people(everything, training)
    figures = {}
    for name, method in compared.items():
        for item_type in everything.names:
            if of_type := [split for split in splits if split.person.type == item_type]:
                lists, reseeded = (list(method(of_type, seed)) for seed in (data.SEED, data.SEED + 1))
                figures[item_type, name] = metrics.figures(of_type, lists, reseeded, labels, shares)
                say(f"80 % known: {everything.names[item_type]}, {name}: {figures[item_type, name].ndcg:.3f}")
    return figures


def evaluate_new(everything: Data, draws: int) -> NewPeople:
    """People that the model was not trained on, by the number of their marks."""
    gains: defaultdict[tuple[int, str, int], list[tuple[str, float]]] = defaultdict(list)
    untrained = methods.untrained(everything)
    for fold, (new, training) in enumerate(data.folds(everything)):
        say(f"new people, fold {fold + 1} of {data.FOLDS}: training on {len(training):,} people")
        compared = common_methods(everything, training, methods.train(everything, training))
        compared["taste, no community"] = methods.taste(untrained)
        for marks in NEW_MARKS:
            for seed in range(data.SEED, data.SEED + draws):
                splits = data.split_new(new, marks, seed)
                for name, method in compared.items():
                    for split, best in zip(splits, method(splits, seed), strict=True):
                        gains[split.person.type, name, marks].append((split.person.name, gain(split, best)))
    return {key: metrics.mean_of_draws(*zip(*of_people, strict=True)) for key, of_people in gains.items()}


def common_methods(everything: Data, training: Sequence[Person], model: Model) -> dict[str, Method]:
    """The methods of both protocols. `model` was trained on the people `training`."""
    return {
        "random": methods.at_random(everything),
        "votes": methods.most_voted(everything),
        "most liked": methods.most_liked(everything, training),
        "default rule": methods.default_rule(everything),
        "taste without neighbours": methods.taste(methods.without_neighbours(model)),
        "taste": methods.taste(model),
    }


def gain(split: Split, best: Sequence[ItemRef]) -> float:
    return ndcg([ref in split.relevant for ref in best], len(split.relevant))


def shares_of_people(everything: Data, people: Sequence[Person]) -> dict[ItemRef, float]:
    """The share of a type's people who have marked an item; one is added to both counts, so that no share is 0."""
    marked = Counter(mark.ref for person in people for mark in person.marks)
    count = Counter(person.type for person in people)
    refs = (ItemRef(item.type, item.id) for item in everything.items)
    return {ref: (marked[ref] + 1) / (count[ref.type] + 1) for ref in refs}


def say(text: str) -> None:
    print(f"{time.monotonic() - STARTED:6.0f} s  {text}", file=sys.stderr)


if __name__ == "__main__":
    main()
