"""The two questions in Polars, for comparison, on whole files: `python -m load.polars_jobs best_director FOLDER`."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl

FIRST = 256


def scan(folder: Path, file: str) -> pl.LazyFrame:
    return pl.scan_csv(folder / f"{file}.tsv", separator="\t", quote_char=None, infer_schema=False, null_values="\\N")


def number(column: str) -> pl.Expr:
    return pl.col(column).str.slice(2).cast(pl.Int32)


def best_director(folder: Path, min_films: int = 10, min_votes: int = 10_000) -> tuple[int, float]:
    rated = (
        scan(folder, "title.ratings")
        .with_columns(pl.col("numVotes").cast(pl.Int64), (pl.col("averageRating").cast(pl.Float64) * 10).round())
        .filter(pl.col("numVotes") >= min_votes)
    )
    films = rated.join(scan(folder, "title.basics").filter(pl.col("titleType") == "movie"), on="tconst")
    best = (
        scan(folder, "title.crew")
        .join(films, on="tconst")
        .with_columns(pl.col("directors").str.split(","))
        .explode("directors")
        .drop_nulls("directors")
        .group_by(number("directors").alias("person"))
        .agg(pl.len().alias("films"), pl.col("averageRating").sum(), pl.col("numVotes").sum().alias("votes"))
        .filter(pl.col("films") >= min_films)
        .with_columns((pl.col("averageRating") / pl.col("films") / 10).alias("average"))
        .sort(["average", "films", "votes", "person"], descending=[True, True, True, False])
        .collect()
    )
    return int(best["person"][0]), float(best["average"][0])


def most_connected(folder: Path) -> tuple[int, int]:
    """With bounds, as the jobs do."""
    credits = (
        scan(folder, "title.principals").select(number("tconst").alias("title"), number("nconst").alias("person"))
    ).collect()
    sized = credits.select("person", (pl.len().over("title") - 1).alias("bound"))
    bounds = sized.group_by("person").agg(pl.col("bound").cast(pl.Int64).sum()).sort("bound", descending=True)
    first = counts(credits, bounds.head(FIRST))
    rest = counts(credits, bounds.slice(FIRST).filter(pl.col("bound") >= first["coworkers"].max()))
    best = pl.concat([first, rest]).sort(["coworkers", "person"], descending=[True, False])
    return int(best["person"][0]), int(best["coworkers"][0])


def all_pairs(folder: Path) -> tuple[int, int]:
    credits = (
        scan(folder, "title.principals").select(number("tconst").alias("title"), number("nconst").alias("person"))
    ).collect()
    best = counts(credits, credits.select("person").unique())
    best = best.sort(["coworkers", "person"], descending=[True, False])
    return int(best["person"][0]), int(best["coworkers"][0])


def counts(credits: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    mine = credits.join(people.select("person"), on="person")
    pairs = mine.lazy().join(credits.lazy().rename({"person": "coworker"}), on="title")
    return (
        pairs.filter(pl.col("person") != pl.col("coworker"))
        .group_by("person")
        .agg(pl.col("coworker").n_unique().alias("coworkers"))
        .collect(engine="streaming")
    )


QUESTIONS: dict[str, Callable[[Path], tuple[int, float]]] = {
    "best_director": best_director,
    "most_connected": most_connected,
    "all_pairs": all_pairs,
}

if __name__ == "__main__":
    print(json.dumps(QUESTIONS[sys.argv[1]](Path(sys.argv[2]))))
