"""Answers the two questions over IMDb in plain Python that shares no code with the jobs. Tests compare both answers."""

import gzip
from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path


@dataclass
class File:
    """The rows of a file, as lists of cells, and the number of lines that were unreadable."""

    rows: list[list[str]]
    unreadable: int

    @classmethod
    def read(cls, path: Path, last: int, columns: int) -> "File":
        """Reads the lines that are complete up to the column with index `last`, out of `columns`."""
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        lines = [line.rstrip("\r") for line in content.decode(errors="replace").split("\n")]
        cells = [line.split("\t") for line in lines if line and line.split("\t")[0] not in ("tconst", "nconst")]
        # If there is a cell after the last needed one, that one is not cut off.
        needed = min(last + 2, columns)
        rows = [row for row in cells if len(row) >= needed]
        return cls(rows, len(cells) - len(rows))

    def with_ids(self, *prefixes: tuple[int, str]) -> "File":
        """Drops and counts the rows in which one of these columns has no id with the given prefix."""
        rows = [
            row
            for row in self.rows
            if all(row[column].startswith(prefix) and row[column][2:].isdecimal() for column, prefix in prefixes)
        ]
        return File(rows, self.unreadable + len(self.rows) - len(rows))


def find(folder: Path, name: str) -> Path:
    (path,) = [*folder.glob(f"{name}.tsv"), *folder.glob(f"{name}.tsv.gz")]
    return path


def principals(folder: Path) -> File:
    return File.read(find(folder, "title.principals"), last=2, columns=6).with_ids((0, "tt"), (2, "nm"))


def names(folder: Path) -> dict[str, str]:
    """Names by id. If a person has several names, the alphabetically last one."""
    rows = File.read(find(folder, "name.basics"), last=1, columns=6).rows
    return {row[0]: row[1] for row in sorted(rows) if row[1] != r"\N"}


def most_connected(folder: Path) -> list[tuple[str, int]]:
    """Everyone with coworkers and their number; most coworkers first, then the lower id."""
    teams = defaultdict(set)
    for title, _, person, *_ in principals(folder).rows:
        teams[title].add(person)
    coworkers: defaultdict[str, set[str]] = defaultdict(set)
    for team in teams.values():
        for person in team:
            coworkers[person] |= team - {person}
    counts = [(person, len(others)) for person, others in coworkers.items() if others]
    return sorted(counts, key=lambda count: (-count[1], int(count[0][2:])))


@dataclass(frozen=True)
class Director:
    id: str
    average: Fraction
    votes: int
    films: tuple[str, ...]
    """Best first; then most votes, then the lower id."""


def best_director(folder: Path, min_films: int, min_votes: int) -> list[Director]:
    """Every director with at least `min_films` films of at least `min_votes` votes, the best first."""
    ratings: dict[str, tuple[Fraction, int]] = {}
    for title, rating, votes in File.read(find(folder, "title.ratings"), last=2, columns=3).with_ids((0, "tt")).rows:
        if votes.isdecimal() and int(votes) >= min_votes:
            best = ratings.get(title, (Fraction(0), 0))
            ratings[title] = max(best[0], Fraction(rating)), max(best[1], int(votes))
    basics = File.read(find(folder, "title.basics"), last=5, columns=9)
    movies = {row[0] for row in basics.rows if row[1] == "movie" and row[0] in ratings}
    directed = defaultdict(set)
    for title, directors, *_ in File.read(find(folder, "title.crew"), last=1, columns=3).rows:
        if title in movies:
            for person in directors.split(","):
                directed[person].add(title)
    directed.pop(r"\N", None)
    ranking = [
        Director(
            person,
            sum((ratings[film][0] for film in films), Fraction(0)) / len(films),
            sum(ratings[film][1] for film in films),
            tuple(sorted(films, key=lambda film: (-ratings[film][0], -ratings[film][1], int(film[2:])))),
        )
        for person, films in directed.items()
        if len(films) >= min_films
    ]
    return sorted(
        ranking, key=lambda director: (-director.average, -len(director.films), -director.votes, int(director.id[2:]))
    )
