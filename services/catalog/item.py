"""What a dataset holds, and what an adapter makes of a row."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    name: str
    # In the source's order, each once.
    category: tuple[str, ...] = ()
    # 0 to 10; None where nobody has rated it.
    rating: float | None = None
    description: str | None = None
    image_url: str | None = None
    kind: str | None = None
    year: int | None = None
    source_id: str | None = None
    # Given by the dataset; empty until it has.
    id: str = ""
    # Not kept: the loader leaves such items out unless it is told otherwise.
    adult: bool = False


@dataclass(frozen=True, slots=True)
class Skipped:
    """A row that is no item. The loader counts by reason, so a reason names no value of the row."""

    reason: str
