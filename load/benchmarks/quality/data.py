"""Catalogs and ratings, and how the marks are split into known and hidden marks."""

import csv
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from services.catalog import datasets
from services.catalog.loader.reader import Reader, identify
from services.catalog.loader.report import Report
from services.common.themes import themes
from services.taste import ratings
from services.taste.domain import ItemRef, Mark
from services.taste.training_files import TrainingItem
from spark_jobs.views import MARKS_COLUMNS

SEED = 1  # determines what is hidden
# Only people with at least this many marks are evaluated. All marks of the others are training data.
MIN_MARKS = 10
MIN_MARKS_NEW = 30
HIDDEN_SHARE = 0.2
FOLDS = 5


@dataclass(frozen=True)
class Person:
    """`marks` are of one type, in the order of the file."""

    name: str
    type: int
    marks: Sequence[Mark]


@dataclass(frozen=True)
class Split:
    """A person whose marks are partly hidden. `relevant`: the hidden likes, at least one."""

    person: Person
    known: Sequence[Mark]
    relevant: frozenset[ItemRef]


@dataclass(frozen=True)
class Data:
    """`names`: the datasets' names by type. `items`: without adult items. `skipped`: ratings lines, by reason."""

    names: Mapping[int, str]
    items: Sequence[TrainingItem]
    people: Sequence[Person]
    skipped: Counter[str]


def read(catalogs: Sequence[tuple[str, Path]], ratings_files: Sequence[tuple[str, Path]]) -> Data:
    """Both are pairs of a dataset's name and a file; a catalog may consist of several files."""
    items: list[TrainingItem] = []
    people: list[Person] = []
    skipped: Counter[str] = Counter()
    names = {}
    for name in dict.fromkeys(name for name, _ in catalogs):
        adapter = datasets.get_adapter(name)
        names[int(adapter.type)] = name
        inputs = identify(adapter, [path for dataset, path in catalogs if dataset == name])
        reader = Reader(adapter, inputs, False, Report(), lambda done, rows: None)
        of_type = {}
        for batch in reader.batches(5000):
            for item in batch:
                assert item.source_id
                of_type[item.source_id] = TrainingItem(
                    int(adapter.type),
                    item.source_id,
                    item.category,
                    themes(adapter.type, item.category),
                    item.rating,
                    item.votes,
                )
        items += of_type.values()
        for dataset, path in ratings_files:
            if dataset == name:
                people += _read_people(name, path, of_type, skipped)
    return Data(names, items, people, skipped)


def _read_people(name: str, path: Path, items: Mapping[str, TrainingItem], skipped: Counter[str]) -> list[Person]:
    rated: dict[str, dict[str, float]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            try:
                rating = float(row["rating"])
            except ValueError:
                rating = math.nan
            if math.isnan(rating):
                skipped["no rating"] += 1
            else:
                rated.setdefault(row["person"], {})[row["source_id"]] = rating
    people = []
    for person, of_person in rated.items():
        liked = ratings.likes(list(of_person.values()))
        marks = [
            Mark(ItemRef(items[id].type, id), True, like, items[id].category, items[id].themes)
            for id, like in zip(of_person, liked, strict=True)
            if id in items
        ]
        skipped["unknown item"] += len(of_person) - len(marks)
        if marks:
            people.append(Person(f"{name}:{person}", marks[0].ref[0], marks))
    return people


def split_known(data: Data) -> tuple[list[Split], list[Person]]:
    """Hides a fifth of the marks of everyone with at least MIN_MARKS. Also returns everyone with their known marks."""
    random = np.random.default_rng(SEED)
    splits, training = [], []
    for person in data.people:
        if len(person.marks) < MIN_MARKS:
            training.append(person)
            continue
        order = random.permutation(len(person.marks))
        count = round(len(order) * (1 - HIDDEN_SHARE))
        known = [person.marks[position] for position in order[:count]]
        training.append(Person(person.name, person.type, known))
        splits += _split(person, known, [person.marks[position] for position in order[count:]])
    return splits, training


def folds(data: Data) -> list[tuple[list[Person], list[Person]]]:
    """For each fold, its people with at least MIN_MARKS_NEW, and the people of the other folds to train on."""
    fold_of = np.random.default_rng(SEED).integers(FOLDS, size=len(data.people))
    people = list(zip(data.people, fold_of, strict=True))
    return [
        (
            [person for person, its_fold in people if its_fold == fold and len(person.marks) >= MIN_MARKS_NEW],
            [person for person, its_fold in people if its_fold != fold],
        )
        for fold in range(FOLDS)
    ]


def split_new(people: Sequence[Person], known: int, seed: int) -> list[Split]:
    """Hides all marks of each person but `known` random ones. With the same seed, more marks include the fewer."""
    splits = []
    for person in people:
        random = np.random.default_rng([seed, *person.name.encode()])
        order = random.permutation(len(person.marks))
        marks = [person.marks[position] for position in order]
        splits += _split(person, marks[:known], marks[known:])
    return splits


def _split(person: Person, known: Sequence[Mark], hidden: Sequence[Mark]) -> list[Split]:
    relevant = frozenset(mark.ref for mark in hidden if mark.liked)
    return [Split(person, known, relevant)] if relevant else []


def write_inputs(folder: Path, people: Sequence[Person]) -> None:
    """The files that services.taste.train reads."""
    with (folder / "marks.tsv").open("w", encoding="utf-8") as file:
        file.write("\t".join(MARKS_COLUMNS) + "\n")
        for person in people:
            for mark in person.marks:
                kind = "like" if mark.liked else "seen"
                file.write(f"{person.name}\t{mark.ref[0]}\t{mark.ref[1]}\t{kind}\t\\N\n")
