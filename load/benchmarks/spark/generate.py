"""Writes IMDb's five files at any size. The content is invented; its distributions resemble IMDb's.

A million titles take 20 seconds; 9 million have 90 million principals and take 5.2 GiB. A few people appear in
thousands of titles (Zipf-like), episodes share the regular cast of their series, and some titles contain quotes. The
parameters are guesses, not fitted to IMDb. The same number of titles always gives the same files.
"""

import contextlib
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spark_jobs.imdb_files import COLUMNS

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

TITLE_TYPES = {
    "movie": 0.075,
    "short": 0.10,
    "tvEpisode": 0.60,
    "tvSeries": 0.03,
    "tvMovie": 0.015,
    "video": 0.03,
    "tvSpecial": 0.15,
}
CATEGORIES = ("actor", "actress", "self", "writer", "producer", "composer", "director")
WITH_CHARACTER = 3  # the first three of them have a role
DIRECTOR = CATEGORIES.index("director")
SEED = 1
MIN_CAST, MAX_CAST = 2, 22  # people in a title
CHUNK = 500_000  # titles drawn at a time, which bounds the memory
NULL = "\\N"


class Zipf:
    """Draws ranks 0 … count-1 with weight (rank + offset) ** -exponent."""

    def __init__(self, count: int, offset: float, exponent: float) -> None:
        self._cumulative = np.cumsum((np.arange(count) + offset) ** -exponent)

    def draw(self, rng: np.random.Generator, amount: int) -> Ints:
        ranks: Ints = np.searchsorted(self._cumulative, rng.random(amount) * self._cumulative[-1]).astype(np.int64)
        return ranks


class Generator:
    """Holds what titles share: people, directors, series and their regular casts. Title ids are sorted."""

    def __init__(self, rng: np.random.Generator, titles: int) -> None:
        self._rng = rng
        people = max(titles * 3 // 2, 50)
        # Shuffled, with gaps: an id does not reveal how famous the person is.
        self._people: Ints = rng.permutation(people * 11 // 10)[:people] + 1
        self._title_ids: Ints = np.sort(rng.choice(titles * 6 // 5, titles, replace=False)) + 1
        self._fame = Zipf(people, 200, 0.85)
        self._directors = Zipf(max(titles // 3, 5), 100, 0.75)
        self._skill = rng.normal(0, 0.5, max(titles // 3, 5))
        self._studio_directors = Zipf(max(titles // 10_000, 3), 20, 0.6)
        series = max(int(titles * TITLE_TYPES["tvEpisode"]) // 40, 1)
        self._series = Zipf(series, 50, 0.8)
        famous, unknown = self._famous(4 * series), self._anyone(4 * series)
        self._regulars = np.hstack([famous.reshape(-1, 4), unknown.reshape(-1, 4)])
        self._loyalty = rng.uniform(0.3, 0.95, series)  # share of an episode's cast that are regulars

    def _famous(self, amount: int) -> Ints:
        return self._people[self._fame.draw(self._rng, amount)]

    def _anyone(self, amount: int) -> Ints:
        return self._people[self._rng.integers(0, len(self._people), amount)]

    def titles(self, first: int, count: int) -> dict[str, Iterator[str]]:
        """The lines of `count` titles, from title number `first`, in each of the four title files."""
        rng = self._rng
        ids = self._title_ids[first : first + count]
        types = rng.choice(list(TITLE_TYPES), count, p=list(TITLE_TYPES.values()))
        episode, movie = types == "tvEpisode", types == "movie"
        studio = movie & (rng.random(count) < 0.06)
        directors = self._directors.draw(rng, count)
        directors[studio] = self._studio_directors.draw(rng, int(studio.sum()))
        co_directors = self._people[self._directors.draw(rng, count)]
        directed_by = rng.choice([0, 1, 2], count, p=[0.02, 0.92, 0.06])  # number of directors
        years = rng.integers(1895, 2027, count)
        ratings = self._ratings(ids, movie, studio, directors)
        credited = np.column_stack([self._people[directors], co_directors])
        return {
            "title.basics": (basics_line(number, *row) for number, row in enumerate(rows(ids, types, years), first)),
            "title.ratings": ratings,
            "title.crew": (crew_line(*row) for row in rows(ids, directed_by, credited)),
            "title.principals": self._principals(ids, episode, directed_by, credited),
        }

    def _ratings(self, ids: Ints, movie: Bools, studio: Bools, directors: Ints) -> Iterator[str]:
        rng = self._rng
        votes = 5 + 5 * rng.pareto(0.65, len(ids))
        votes[movie] *= 4
        votes[studio] = rng.lognormal(np.log(30_000), 1.2, int(studio.sum()))
        rated = studio | (rng.random(len(ids)) < np.where(movie, 0.45, 0.16))
        rating = np.clip(rng.normal(6.9, 1.3, len(ids)) + self._skill[directors], 1, 10)
        columns = (ids[rated], np.round(rating[rated], 1), np.clip(votes[rated], 5, 3e6).astype(np.int64))
        return (f"tt{title:07d}\t{average}\t{number}\n" for title, average, number in rows(*columns))

    def _principals(self, ids: Ints, episode: Bools, directed_by: Ints, credited: Ints) -> Iterator[str]:
        rng, count = self._rng, len(ids)
        sizes = np.clip(rng.poisson(8, count) + 2, MIN_CAST, MAX_CAST)
        title = np.repeat(np.arange(count), sizes)
        ordering = np.arange(len(title)) - (np.cumsum(sizes) - sizes)[title]  # from 0 within each title
        person = self._famous(len(title))
        self._cast_episodes(person, title, episode)
        directs = ordering < directed_by[title]  # directors come first
        person[directs] = credited[title[directs], ordering[directs]]
        category = rng.integers(0, DIRECTOR, len(title))
        category[directs] = DIRECTOR
        return (principals_line(*row) for row in rows(ids[title], ordering, person, category))

    def _cast_episodes(self, person: Ints, title: Ints, episode: Bools) -> None:
        """Replaces the people of episodes by their series' regulars and by guests, half of whom are unknown people."""
        rng = self._rng
        series = self._series.draw(rng, len(episode))
        cast = np.flatnonzero(episode[title])  # rows of people in episodes
        shows = series[title[cast]]
        regular = rng.random(len(cast)) < self._loyalty[shows]
        person[cast[regular]] = self._regulars[shows[regular], rng.integers(0, 8, int(regular.sum()))]
        guests = cast[~regular & (rng.random(len(cast)) < 0.5)]
        person[guests] = self._anyone(len(guests))

    def names(self) -> Iterator[str]:
        return (
            f"nm{person:07d}\tPerson {person}\t{1850 + person % 150}\t{NULL}\tactor,producer\ttt0000001,tt0000002\n"
            for (person,) in rows(np.sort(self._people))
        )


def rows(*columns: NDArray[Any]) -> Iterator[tuple[Any, ...]]:
    """The rows as Python values, converted in slices because the values take far more memory than the arrays."""
    for first in range(0, len(columns[0]), 50_000):
        yield from zip(*(column[first : first + 50_000].tolist() for column in columns), strict=True)


def basics_line(number: int, title: int, title_type: str, year: int) -> str:
    name = f"Title {number} of the World"
    if number % 37 == 0:
        name = f'"Quoted" Title {number}'
    elif number % 41 == 0:
        name = f'"Unbalanced Title {number}'
    start_year = NULL if number % 50 == 0 else year
    minutes = NULL if number % 3 == 0 else number % 180 + 1
    return f"tt{title:07d}\t{title_type}\t{name}\t{name}\t0\t{start_year}\t{NULL}\t{minutes}\tDrama,Comedy\n"


def crew_line(title: int, directed_by: int, credited: list[int]) -> str:
    directors = ",".join(f"nm{person:07d}" for person in credited[:directed_by]) or NULL
    return f"tt{title:07d}\t{directors}\t{NULL}\n"


def principals_line(title: int, ordering: int, person: int, category: int) -> str:
    characters = f'["Role {ordering}"]' if category < WITH_CHARACTER else NULL
    return f"tt{title:07d}\t{ordering + 1}\tnm{person:07d}\t{CATEGORIES[category]}\t{NULL}\t{characters}\n"


def write_files(folder: Path, titles: int) -> None:
    """Writes the five files; the folder appears once all of them are complete."""
    generator = Generator(np.random.default_rng(SEED), titles)
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    started = time.monotonic()
    with contextlib.ExitStack() as stack:
        files = {name: stack.enter_context((part / f"{name}.tsv").open("w")) for name in COLUMNS}
        for name, columns in COLUMNS.items():
            files[name].write("\t".join(columns) + "\n")
        for first in range(0, titles, CHUNK):
            done = min(first + CHUNK, titles)
            for name, lines in generator.titles(first, done - first).items():
                files[name].writelines(lines)
            print(f"\r{done:,} of {titles:,} titles, {time.monotonic() - started:.0f} s", end="", file=sys.stderr)
        files["name.basics"].writelines(generator.names())
    print(file=sys.stderr)
    part.rename(folder)
