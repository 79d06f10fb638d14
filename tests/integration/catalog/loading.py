"""Runs the loader, and reads its report and what it has stored."""

import re
from collections.abc import Callable
from pathlib import Path

from services.catalog.store.documents import Document
from tests.integration.catalog.lists import Shards

BASICS = "tconst\ttitleType\tprimaryTitle\toriginalTitle\tisAdult\tstartYear\tendYear\truntimeMinutes\tgenres\n"
RATINGS = "tconst\taverageRating\tnumVotes\n"


class Outcome:
    """The end of a loader's process."""

    def __init__(self, exit_code: int, output: str, errors: str) -> None:
        self.exit_code, self.output, self.errors = exit_code, output, errors

    def count(self, name: str) -> int:
        line = re.search(rf"^ +{name} +([\d,]+)$", self.output, re.MULTILINE)
        assert line, self.output + self.errors
        return int(line[1].replace(",", ""))

    def counts(self) -> tuple[int, ...]:
        """The numbers of rows that were added, updated, unchanged and skipped."""
        assert self.exit_code == 0, self.output + self.errors
        return tuple(map(self.count, ("added", "updated", "unchanged", "skipped")))

    def skipped_for(self, reason: str) -> int:
        line = re.search(rf"^ +([\d,]+)  {re.escape(reason)}$", self.output, re.MULTILINE)
        return int(line[1].replace(",", "")) if line else 0


# Called with the arguments of the command line.
Loader = Callable[..., Outcome]


def documents(shards: Shards, name: str) -> dict[str, Document]:
    """The stored items by source id."""
    stored = [document for shard in shards for document in shard[name].find()]
    assert len({document["sourceId"] for document in stored}) == len(stored)
    return {document["sourceId"]: document for document in stored}


def titles(folder: Path, *lines: str, ratings: str = "") -> list[Path]:
    """Writes files of IMDb."""
    basics = folder / "title.basics.tsv"
    basics.write_text(BASICS + "".join(lines))
    (folder / "title.ratings.tsv").write_text(RATINGS + ratings)
    return [basics, folder / "title.ratings.tsv"]


def title(number: int, name: str = "", genres: str = "Drama", adult: int = 0) -> str:
    name = name or f"Title {number}"
    return f"tt{number:07}\tmovie\t{name}\t{name}\t{adult}\t1999\t\\N\t90\t{genres}\n"
