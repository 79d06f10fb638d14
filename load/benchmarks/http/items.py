"""Generates 60,000 items in the form of the published files, and loads them into a suite with its loader.

The content is invented. Categories are skewed as in the sources: half of the items have the most frequent one.
"""

import csv
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from scripts.local.suite import DATABASE, DATASETS, ROOT, Suite
from services.catalog import datasets
from services.catalog.adapter import Format, SourceFile

SEED = 1
ITEMS_PER_TYPE = 20_000
FIRST_ID = 50_000_000  # the sample library has lower ids
# By dataset: the separator of categories in a cell, the largest number per item, and all, most frequent first.
CATEGORIES = {
    "book": (
        "|",
        8,
        "Fiction,Fantasy,Young Adult,Romance,Classics,Historical,Mystery,Paranormal,Contemporary,Drama,"
        "Literature,Nonfiction,Adventure,Horror,Thriller,Humor,Comedy,Crime,War,Music,Travel,Poetry,Biography",
    ),
    "imdb": (
        ",",
        3,
        "Drama,Comedy,Short,Romance,Action,Crime,Documentary,Adventure,Animation,Family,Mystery,Thriller,"
        "Fantasy,Horror,Music,Western,War,History,Sci-Fi,Biography,Sport,News,Musical,Film-Noir",
    ),
    "anime": (
        ", ",
        5,
        "Comedy,Action,Fantasy,Adventure,Drama,Sci-Fi,Kids,Slice of Life,Shounen,Romance,School,Music,"
        "Supernatural,Historical,Mecha,Magic,Mystery,Sports,Parody,Horror,Thriller,Game,Space,Family",
    ),
}
WORDS = """
lamp river winter city atlas garden letter mirror silver harbour night stone forest glass island thunder clock shadow
orchard violin signal desert paper crown tide ember bridge raven meadow compass
"""
Row = dict[str, Any]


def load(suite: Suite) -> None:
    for dataset in DATASETS:
        adapter, rows = datasets.get_adapter(dataset.name), generate(dataset.name)
        with tempfile.TemporaryDirectory(prefix="seen-items-") as folder:
            files = [write(Path(folder), adapter.source, rows)]
            # Half of the shows are rated.
            files += [write(Path(folder), joined.file, rows[::2]) for joined in adapter.joined]
            uris = {"SEEN_MONGO_URIS": suite.mongo_uris(dataset), "SEEN_MONGO_DATABASE": DATABASE}
            command = [sys.executable, "-m", "services.catalog.loader", dataset.name, *map(str, files)]
            subprocess.run(command, cwd=ROOT, env=os.environ | uris, check=True)  # noqa: S603


def write(folder: Path, source: SourceFile, rows: Iterable[Row]) -> Path:
    with (folder / source.name).open("w", newline="") as file:
        separator = "\t" if source.format is Format.TSV else ","
        table = csv.DictWriter(file, source.columns, "", "ignore", delimiter=separator, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    return folder / source.name


def generate(dataset: str, amount: int = ITEMS_PER_TYPE) -> list[Row]:
    """One row per item, with the columns of all datasets' files."""
    rng = random.Random(SEED)
    separator, most, names = CATEGORIES[dataset]
    categories, words = names.split(","), WORDS.split()
    weights = [1 / rank for rank in range(1, len(categories) + 1)]
    rows = []
    for number in range(FIRST_ID, FIRST_ID + amount):
        name = " ".join(rng.choices(words, k=rng.randint(1, 5))).capitalize()
        rating, year = round(rng.uniform(1, 5), 2), rng.randint(1900, 2026)
        genres = separator.join(dict.fromkeys(rng.choices(categories, weights, k=rng.randint(1, most))))
        description = " ".join(rng.choices(words, k=rng.randint(40, 240)))  # 800 characters on average
        votes = 1_000_000 // (number - FIRST_ID + 1)
        book = {"book_title": name, "book_desc": description, "book_rating": rating, "book_rating_count": votes}
        show = {"tconst": f"tt{number}", "titleType": "movie", "primaryTitle": name, "isAdult": 0, "startYear": year}
        anime = {"anime_id": number, "title": name, "type": "TV", "score": rating, "aired": f"{{'from': '{year}-04-01'"}
        image = {"image_url": f"https://images.example/{dataset}/{number}.jpg"}
        counts = {"numVotes": votes, "members": votes}
        rows.append(book | show | anime | image | counts | {"averageRating": rating, "genres": genres, "genre": genres})
    return rows
