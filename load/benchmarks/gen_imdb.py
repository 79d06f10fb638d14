"""Writes the five IMDb files at any size, for benchmarks: invented, but skewed as people's careers are.

`python -m load.gen_imdb OUT --titles 1000000` takes half a minute; 9 million titles make 90 million principals, 3.5 GB.
A few people are in thousands of titles (Zipf-like), episodes share their series' regulars, some titles quote.
The numbers behind the shapes are a guess at IMDb's, not fitted to it. The same seed writes the same files.
"""

import argparse
import contextlib
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import polars as pl
from numpy.typing import NDArray

Ints = NDArray[np.int64]

COLUMNS = {
    "title.basics.tsv": "tconst titleType primaryTitle originalTitle isAdult startYear endYear runtimeMinutes genres",
    "title.ratings.tsv": "tconst averageRating numVotes",
    "title.crew.tsv": "tconst directors writers",
    "title.principals.tsv": "tconst ordering nconst category job characters",
    "name.basics.tsv": "nconst primaryName birthYear deathYear primaryProfession knownForTitles",
}
TYPES = {
    "movie": 0.075,
    "short": 0.10,
    "tvEpisode": 0.60,
    "tvSeries": 0.03,
    "tvMovie": 0.015,
    "video": 0.03,
    "tvSpecial": 0.15,
}
CHUNK = 500_000  # titles made at a time, which bounds the memory
NULL = pl.lit("\\N")


class Zipf:
    """Draws ranks 0 … count-1 with weight (rank + offset) ** -exponent."""

    def __init__(self, count: int, offset: float, exponent: float) -> None:
        self._cumulative = np.cumsum((np.arange(count) + offset) ** -exponent)

    def draw(self, rng: np.random.Generator, amount: int) -> Ints:
        ranks: Ints = np.searchsorted(self._cumulative, rng.random(amount) * self._cumulative[-1]).astype(np.int64)
        return ranks


class World:
    """Everything the files tell of, but for the titles themselves: people, directors, series and their regulars."""

    def __init__(self, rng: np.random.Generator, titles: int, soaps: int, widest: int) -> None:
        self.rng, self.titles, self.widest = rng, titles, widest
        people = max(titles * 3 // 2, 50)
        # Shuffled, with gaps: the order of ids says nothing of fame.
        self.people: Ints = rng.permutation(people * 11 // 10)[:people] + 1
        self.title_ids: Ints = np.sort(rng.choice(titles * 6 // 5, titles, replace=False)) + 1
        self.fame = Zipf(people, 200, 0.85)
        self.directors = Zipf(max(titles // 3, 5), 100, 0.75)
        self.skill = rng.normal(0, 0.5, max(titles // 3, 5))
        self.studios = Zipf(max(titles // 10_000, 3), 20, 0.6)
        series = max(int(titles * TYPES["tvEpisode"]) // 40, 1)
        self.series = Zipf(series, 50, 0.8)
        self.regulars = np.hstack([self._famous(4 * series).reshape(-1, 4), self._anyone(4 * series).reshape(-1, 4)])
        self.loyalty = rng.uniform(0.3, 0.95, series)  # share of an episode's places that go to regulars
        self.soaps = soaps

    def _famous(self, amount: int) -> Ints:
        return self.people[self.fame.draw(self.rng, amount)]

    def _anyone(self, amount: int) -> Ints:
        return self.people[self.rng.integers(0, len(self.people), amount)]

    def chunk(self, first: int, count: int) -> dict[str, pl.DataFrame]:
        """The rows of titles `first` … in each of the four title files."""
        rng = self.rng
        ids = self.title_ids[first : first + count]
        kinds = rng.choice(list(TYPES), count, p=list(TYPES.values()))
        episode, movie = kinds == "tvEpisode", kinds == "movie"
        studio = movie & (rng.random(count) < 0.06)
        directors = self.directors.draw(rng, count)
        directors[studio] = self.studios.draw(rng, int(studio.sum()))
        seconds = self.directors.draw(rng, count)
        directed = rng.choice([0, 1, 2], count, p=[0.02, 0.92, 0.06])
        return {
            "title.basics.tsv": self._basics(first, ids, kinds),
            "title.ratings.tsv": self._ratings(ids, movie, studio, directors),
            "title.crew.tsv": self._crew(ids, directed, directors, seconds),
            "title.principals.tsv": self._principals(ids, episode, directed, directors, seconds),
        }

    def _basics(self, first: int, ids: Ints, kinds: NDArray[np.str_]) -> pl.DataFrame:
        number = pl.int_range(first, first + len(ids), eager=True)
        name = (
            pl.when(number % 37 == 0)
            .then(pl.format('"Quoted" Title {}', number))
            .when(number % 41 == 0)
            .then(pl.format('"Unbalanced Title {}', number))
            .otherwise(pl.format("Title {} of the World", number))
        )
        years = pl.Series(self.rng.integers(1895, 2027, len(ids)))
        minutes = pl.when(number % 3 == 0).then(NULL).otherwise((number % 180 + 1).cast(pl.String))
        return pl.select(
            identifier("tt", ids),
            pl.Series(kinds),
            name.alias("name"),
            name.alias("original"),
            pl.lit("0").alias("adult"),
            pl.when(number % 50 == 0).then(NULL).otherwise(years.cast(pl.String)).alias("year"),
            NULL.alias("end"),
            minutes.alias("minutes"),
            pl.lit("Drama,Comedy").alias("genres"),
        )

    def _ratings(self, ids: Ints, movie: Any, studio: Any, directors: Ints) -> pl.DataFrame:
        rng = self.rng
        votes = 5 + 5 * rng.pareto(0.65, len(ids))
        votes[movie] *= 4
        votes[studio] = rng.lognormal(np.log(30_000), 1.2, int(studio.sum()))
        rated = studio | (rng.random(len(ids)) < np.where(movie, 0.45, 0.16))
        rating = np.clip(rng.normal(6.9, 1.3, len(ids)) + self.skill[directors], 1, 10)
        return pl.select(
            identifier("tt", ids[rated]),
            pl.Series(np.round(rating[rated], 1)).alias("rating"),
            pl.Series(np.clip(votes[rated], 5, 3e6).astype(np.int64)).alias("votes"),
        )

    def _crew(self, ids: Ints, directed: Ints, directors: Ints, seconds: Ints) -> pl.DataFrame:
        first, second = (pl.Series(self.people[ranks]) for ranks in (directors, seconds))
        number = pl.Series(directed)
        one = named("nm", first)
        cell = pl.when(number == 0).then(NULL).when(number == 1).then(one).otherwise(one + "," + named("nm", second))
        return pl.select(identifier("tt", ids), cell.alias("directors"), NULL.alias("writers"))

    def _principals(self, ids: Ints, episode: Any, directed: Ints, directors: Ints, seconds: Ints) -> pl.DataFrame:
        rng, count = self.rng, len(ids)
        sizes = np.clip(rng.poisson(8, count) + 2, 2, 22)
        if self.widest > 22:  # one title in fifty has a long cast
            wide = rng.random(count) < 0.02
            sizes[wide] = rng.integers(22, self.widest + 1, int(wide.sum()))
        starts = np.cumsum(sizes) - sizes
        title = np.repeat(np.arange(count), sizes)
        place = np.arange(len(title)) - starts[title]
        person = self._famous(len(title))
        self._cast_episodes(person, title, place, episode)
        directs = place < directed[title]
        which = title[directs]
        person[directs] = self.people[np.where(place[directs] == 0, directors[which], seconds[which])]
        categories = pl.Series(["actor", "actress", "self", "writer", "producer", "composer"])
        acting = rng.integers(0, 6, len(title))
        category = pl.when(pl.Series(directs)).then(pl.lit("director")).otherwise(categories.gather(acting))
        plays = pl.Series((acting < 3) & ~directs)
        return pl.select(
            identifier("tt", ids[title]),
            pl.Series(place + 1),
            identifier("nm", person).alias("person"),
            category.alias("category"),
            NULL.alias("job"),
            pl.when(plays).then(pl.format('["Role {}"]', pl.Series(place))).otherwise(NULL).alias("characters"),
        )

    def _cast_episodes(self, person: Ints, title: Ints, place: Ints, episode: Any) -> None:
        """Gives an episode's places to its series' regulars and to guests, half of them unknown people."""
        rng = self.rng
        series = self.series.draw(rng, len(episode))
        here = np.flatnonzero(episode[title])
        shows = series[title[here]]
        regular = rng.random(len(here)) < self.loyalty[shows]
        person[here[regular]] = self.regulars[shows[regular], rng.integers(0, 8, int(regular.sum()))]
        guests = here[~regular & (rng.random(len(here)) < 0.5)]
        person[guests] = self._anyone(len(guests))
        if self.soaps:  # daily shows: thousands of episodes by the same ten people, whom a bound overrates
            daily = np.flatnonzero((episode & (rng.random(len(episode)) < 0.004 * self.soaps))[title])
            person[daily] = self.people[-1 - (title[daily] % self.soaps * 10 + place[daily] % 10)]


def named(prefix: str, numbers: pl.Series) -> pl.Expr:
    return pl.lit(prefix) + numbers.cast(pl.String).str.zfill(7)


def identifier(prefix: str, numbers: Ints) -> pl.Expr:
    return named(prefix, pl.Series(numbers)).alias("id")


def names(world: World) -> Iterator[pl.DataFrame]:
    people = np.sort(world.people)
    for first in range(0, len(people), 2 * CHUNK):
        number = pl.Series(people[first : first + 2 * CHUNK])
        yield pl.select(
            named("nm", number).alias("id"),
            pl.format("Person {}", number).alias("name"),
            (1850 + number % 150).cast(pl.String).alias("birth"),
            NULL.alias("death"),
            pl.lit("actor,producer").alias("profession"),
            pl.lit("tt0000001,tt0000002").alias("known"),
        )


def append(file: BinaryIO, rows: pl.DataFrame) -> None:
    rows.write_csv(file, separator="\t", include_header=False, quote_style="never")


def generate(out: Path, titles: int, seed: int = 1, soaps: int = 0, widest: int = 22) -> None:
    """Writes the five files into `out`; they appear there together, when all are whole."""
    world = World(np.random.default_rng(seed), titles, soaps, widest)
    part = out.with_name(out.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    started = time.monotonic()
    with contextlib.ExitStack() as stack:
        files = {name: stack.enter_context((part / name).open("wb")) for name in COLUMNS}
        for name, file in files.items():
            file.write(COLUMNS[name].replace(" ", "\t").encode() + b"\n")
        for first in range(0, titles, CHUNK):
            for name, rows in world.chunk(first, min(CHUNK, titles - first)).items():
                append(files[name], rows)
            done = min(first + CHUNK, titles)
            print(f"\r{done:,} of {titles:,} titles, {time.monotonic() - started:.0f} s", end="", file=sys.stderr)
        for rows in names(world):
            append(files["name.basics.tsv"], rows)
    print(file=sys.stderr)
    shutil.rmtree(out, ignore_errors=True)
    part.rename(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder of the five files; replaced")
    parser.add_argument("--titles", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--soaps", type=int, default=0, help="daily shows of ten regulars: the hard case for bounds")
    parser.add_argument("--widest", type=int, default=22, help="people in the longest cast")
    arguments = parser.parse_args()
    generate(arguments.out, arguments.titles, arguments.seed, arguments.soaps, arguments.widest)


if __name__ == "__main__":
    main()
