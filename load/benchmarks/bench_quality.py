"""How good suggestions are, measured on people's ratings; docs/QUALITY.md describes the protocol and has the results.

`python -m load.benchmarks.bench_quality --catalog anime=AnimeList.csv --ratings anime=anime_ratings.csv` evaluates the
code that serves and trains (services/taste, services/library/suggestions), and two published methods beside it. Give a
dataset whose catalog has several files several times; `--write` puts tables and plots into docs. Ratings files have the
columns person, source_id, rating (0 to 10). Needs the extra `benchmarks`.

With `--suite DIR` and one dataset, nothing but one comparison is made: new people with 10 marks get suggestions from
that running suite of scripts/local.sh, over HTTP, and from the same code offline. The suite gets the catalog, the
ratings of the other four fifths of the people, and a model trained from them; use one that serves no other purpose.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from load import results
from load.benchmarks import quality_data, quality_http, quality_methods, quality_metrics, quality_report
from load.benchmarks.quality_data import Data, Person, Split
from load.benchmarks.quality_methods import Method, Ref
from load.benchmarks.quality_report import NEW_MARKS, Measured
from scripts.local.state import SuiteError
from services.taste.measure import ndcg
from services.taste.model import Model

ROOT = Path(__file__).resolve().parents[2]
QUALITY = ROOT / "docs" / "QUALITY.md"
PICTURES = ROOT / "docs" / "pictures"


@dataclass
class Bench:
    data: Data
    seed: int
    draws: int
    yardsticks: bool
    measured: Measured = field(default_factory=Measured)
    started: float = field(default_factory=time.monotonic)

    def run(self) -> Measured:
        self._known()
        self._new()
        return self.measured

    def say(self, text: str) -> None:
        print(f"{time.monotonic() - self.started:6.0f} s  {text}", file=sys.stderr, flush=True)

    def _known(self) -> None:
        """People of whom 80 % is known."""
        splits, training = quality_data.split_known(self.data, self.seed)
        self.say(f"80 % known: training on {len(training):,} people")
        model = quality_methods.train(self.data, training)
        labels = {(item.type, item.id): frozenset(item.category) for item in self.data.items}
        shares = shares_of_people(self.data, training)
        for name, method in self._methods(model, training):
            for kind in self.data.names:
                of_type = [split for split in splits if split.person.type == kind]
                if of_type:
                    lists, others = (list(method(of_type, seed)) for seed in (self.seed, self.seed + 1))
                    found = quality_metrics.figures(of_type, lists, others, labels, shares)
                    self.measured.known[kind, name] = found
                    self.say(f"80 % known: {self.data.names[kind]}, {name}: {found.ndcg:.3f}")

    def _methods(self, model: Model, training: Sequence[Person]) -> Sequence[tuple[str, Method]]:
        methods = [
            ("random", quality_methods.at_random(self.data)),
            ("votes", quality_methods.most_voted(self.data)),
            ("most liked", quality_methods.most_liked(self.data, training)),
            ("default rule", quality_methods.default_rule(self.data)),
            ("taste without neighbours", quality_methods.taste(quality_methods.without_neighbours(model))),
            ("taste", quality_methods.taste(model)),
            ("taste with a seed", quality_methods.taste(model, noise=True)),
        ]
        if self.yardsticks:
            self.say("80 % known: item-kNN and EASE")
            methods += [("item-kNN", quality_methods.item_knn(training)), ("EASE", quality_methods.ease(training))]
        return methods

    def _new(self) -> None:
        """People that the model was not trained on, by the number of marks they have given."""
        gains: dict[tuple[int, str, int], list[tuple[str, float]]] = {}
        untrained = quality_methods.untrained(self.data)
        for fold, (new, training) in enumerate(quality_data.folds(self.data, self.seed)):
            self.say(f"new people, fold {fold + 1} of {quality_data.FOLDS}: training on {len(training):,} people")
            model = quality_methods.train(self.data, training)
            methods = {
                "random": quality_methods.at_random(self.data),
                "votes": quality_methods.most_voted(self.data),
                "most liked": quality_methods.most_liked(self.data, training),
                "default rule": quality_methods.default_rule(self.data),
                "taste without neighbours": quality_methods.taste(quality_methods.without_neighbours(model)),
                "taste": quality_methods.taste(model),
                "taste, no community": quality_methods.taste(untrained),
            }
            for known in NEW_MARKS:
                for draw in range(self.draws):
                    splits = quality_data.split_new(new, known, self.seed + draw)
                    for name, method in methods.items():
                        for split, best in zip(splits, method(splits, self.seed + draw), strict=True):
                            gains.setdefault((split.person.type, name, known), []).append(gain(split, best))
        for key, of_people in gains.items():
            names, values = zip(*of_people, strict=True)
            self.measured.new[key] = quality_metrics.mean_of_draws(names, values)


def gain(split: Split, best: Sequence[Ref]) -> tuple[str, float]:
    return split.person.name, ndcg([ref in split.relevant for ref in best], len(split.relevant))


def shares_of_people(data: Data, people: Sequence[Person]) -> dict[Ref, float]:
    """The share of a type's people who have marked an item, as if there were one more of each."""
    marked = Counter(mark.ref for person in people for mark in person.marks)
    count = Counter(person.type for person in people)
    return {(item.type, item.id): (marked[item.type, item.id] + 1) / (count[item.type] + 1) for item in data.items}


def pair(text: str) -> tuple[str, Path]:
    name, separator, path = text.partition("=")
    if not separator or not Path(path).is_file():
        raise argparse.ArgumentTypeError(f"must be DATASET=FILE with a file that exists, not {text!r}")
    return name, Path(path)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m load.benchmarks.bench_quality",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--catalog", type=pair, action="append", required=True, help="DATASET=FILE, as published")
    parser.add_argument("--ratings", type=pair, action="append", required=True, help="DATASET=FILE")
    parser.add_argument("--seed", type=int, default=1, help="of what is hidden; default 1")
    parser.add_argument("--draws", type=int, default=2, help="of each new person's marks; default 2")
    parser.add_argument("--no-yardsticks", action="store_true", help="leave out item-kNN and EASE, the slowest")
    parser.add_argument("--write", action="store_true", help="put the tables and plots into docs/QUALITY.md")
    parser.add_argument("--suite", type=Path, metavar="DIR", help="folder of a suite to compare with; see above")
    parser.add_argument("--people", type=int, default=100, metavar="N", help="with --suite: new people; default 100")
    options = parser.parse_args(arguments)
    for name, _ in options.ratings:
        if name not in dict(options.catalog):
            parser.error(f"--ratings {name}=… needs --catalog {name}=…")

    if options.suite and (len(dict(options.catalog)) > 1 or len(options.ratings) > 1):
        parser.error("--suite compares one dataset, with one file of ratings")

    data = quality_data.read(options.catalog, options.ratings)
    if options.suite:
        catalog = [path.resolve() for _, path in options.catalog]
        ratings = options.ratings[0][1]
        try:
            print(quality_http.compare(options.suite.resolve(), data, catalog, ratings, options.people, options.seed))
        except SuiteError as error:
            sys.exit(str(error))
        return
    bench = Bench(data, options.seed, options.draws, not options.no_yardsticks)
    bench.say(f"{len(data.items):,} items, {len(data.people):,} people; skipped lines: {dict(data.skipped)}")
    measured = bench.run()
    text = quality_report.tables(data.names, measured)
    counts = ", ".join(
        f"{name}: {sum(one.type == kind for one in data.people):,} people, "
        f"{sum(len(one.marks) for one in data.people if one.type == kind):,} marks, "
        f"{sum(item.type == kind for item in data.items):,} items"
        for kind, name in data.names.items()
    )
    conditions = (
        f"{datetime.now(UTC):%Y-%m-%d}. {counts}. Seed {options.seed}, {options.draws} draws of each new person's "
        f"marks. {bench.data.skipped.total():,} lines of the ratings were skipped."
    )
    print(f"{conditions}\n\n{text}")
    if options.write:
        PICTURES.mkdir(exist_ok=True)
        quality_report.plot_known(data.names, measured, PICTURES / "quality-known.png")
        quality_report.plot_new(data.names, measured, PICTURES / "quality-new.png")
        results.put(QUALITY, "bench_quality", "Measurements", f"{conditions}\n\n{text}")


if __name__ == "__main__":
    main()
