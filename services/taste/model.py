"""The suggestion model: arrays over items, and the one file that holds them. README.md describes the file.

Needs numpy only, so that a service which ranks loads no training code.
"""

import dataclasses
import hashlib
import io
import json
import os
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from services.common import themes as common_themes

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

FORMAT = 1
DIGEST_BYTES = hashlib.sha256().digest_size
# Candidates of each type beside the neighbours of a person's items.
TOP_ITEMS = 200
# Likes of an item with fewer are not counted: so few people may be recognizable.
MIN_LIKES = 5
# Version of a model that was made from votes alone.
UNTRAINED = "votes"


class ItemRef(NamedTuple):
    """`type` is a number of the protocol's ItemType. Equal to any other tuple of a type and an id."""

    type: int
    id: str


class CatalogItem(Protocol):
    """What the model needs of an item. The protocol's Item has it."""

    @property
    def type(self) -> int: ...
    @property
    def id(self) -> str: ...
    @property
    def category(self) -> Sequence[str]: ...
    @property
    def themes(self) -> Sequence[str]: ...
    @property
    def rating(self) -> float | None:
        """0 to 10; None or 0 if nobody has rated the item."""
        ...

    @property
    def votes(self) -> int | None: ...


@dataclass(frozen=True)
class LabelCounts:
    """The number of a type's items, of those with each category, and of those with each theme."""

    items: int
    categories: Mapping[str, int]
    themes: Mapping[str, int]


@dataclass(frozen=True)
class Quality:
    """How well a model without these people finds the likes that are hidden from it. NDCG is from 0 to 1."""

    people: int
    ndcg_at_10: float
    votes_ndcg_at_10: float


@dataclass(frozen=True)
class Rows:
    """Lists of different lengths: row i is `values[starts[i]:starts[i + 1]]`."""

    starts: Ints
    values: Ints

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]]) -> Self:
        starts = np.zeros(len(rows) + 1, np.int32)
        np.cumsum([len(row) for row in rows], out=starts[1:])
        return cls(starts, np.fromiter((value for row in rows for value in row), np.int32, int(starts[-1])))

    def only(self, rows: NDArray[np.intp], numbers: NDArray[np.intp] | None = None) -> tuple["Rows", NDArray[np.intp]]:
        """Some of the rows, and which of `values` they have. `numbers` are new values by old; -1 drops an entry."""
        lengths = np.diff(self.starts)[rows]
        before = np.concatenate(([0], np.cumsum(lengths)[:-1]))
        entries = np.arange(lengths.sum()) + np.repeat(self.starts[rows] - before, lengths)
        values = self.values[entries]
        if numbers is not None:
            values = numbers[values]
        kept = values >= 0
        row_of = np.repeat(np.arange(len(rows)), lengths)[kept]
        starts = np.concatenate(([0], np.cumsum(np.bincount(row_of, minlength=len(rows))))).astype(np.int32)
        return Rows(starts, values[kept].astype(np.int32)), entries[kept]

    def __getitem__(self, row: int) -> Ints:
        return self.values[self.starts[row] : self.starts[row + 1]]

    def sums(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """For each row, the sum of `values`, which has one entry for each entry of `self.values`."""
        totals = np.concatenate(([0.0], np.cumsum(values)))
        return totals[self.starts[1:]] - totals[self.starts[:-1]]

    def check(self, rows: int, limit: int, name: str) -> None:
        """Raises ValueError unless there are this many rows with values from 0 to below `limit`."""
        starts, values = self.starts, self.values
        if starts.shape != (rows + 1,) or starts[0] != 0 or starts[-1] != len(values) or np.any(np.diff(starts) < 0):
            raise ValueError(f"{name}: the starts of the rows do not fit")
        if len(values) and (values.min() < 0 or values.max() >= limit):
            raise ValueError(f"{name}: a value is out of range")


@dataclass(frozen=True)
class Terms:
    """Categories, or themes, of all items. The same word in two types is two terms.

    `idf` is ln(items of the type / items with the term), at least 0: the rarer, the higher. `items` has one row of
    terms for each item.
    """

    names: Sequence[str]
    types: Ints
    idf: Floats
    items: Rows

    @cached_property
    def by_name(self) -> Mapping[int, Mapping[str, int]]:
        """By item type."""
        numbers: dict[int, dict[str, int]] = {}
        for number, (kind, name) in enumerate(zip(self.types.tolist(), self.names, strict=True)):
            numbers.setdefault(kind, {})[name] = number
        return numbers

    @cached_property
    def lengths(self) -> NDArray[np.float64]:
        """The length of each item's vector of idf. 1 for an item without terms."""
        lengths = np.sqrt(self.items.sums(self.idf[self.items.values].astype(np.float64) ** 2))
        return np.where(lengths > 0, lengths, 1.0)

    def only(self, items: NDArray[np.intp]) -> Self:
        """The terms of these items."""
        return dataclasses.replace(self, items=self.items.only(items)[0])

    @classmethod
    def count(
        cls, types: Sequence[int], rows: Sequence[Sequence[str]], counts: Mapping[int, Mapping[str, int]]
    ) -> Self:
        """`rows` has the words of each item; `counts` the number of items with a word by type, and of all under ""."""
        numbers: dict[tuple[int, str], int] = {}
        items = Rows.of(
            [
                [numbers.setdefault((kind, word), len(numbers)) for word in row]
                for kind, row in zip(types, rows, strict=True)
            ]
        )
        # A word that the counts lack, because they are older than the item, counts as the rarest.
        idf = [np.log(max(counts[kind][""], 1) / max(counts[kind].get(word, 1), 1)) for kind, word in numbers]
        return cls(
            [word for _, word in numbers],
            np.array([kind for kind, _ in numbers], np.int32),
            np.maximum(np.array(idf, np.float32), 0),
            items,
        )


@dataclass(frozen=True)
class Model:
    """`trained_at` is in seconds since 1970, 0 if the model was made from votes alone.

    Arrays without another description have one entry for each item. Row j of `neighbours` has the items whose score
    rises for somebody who has marked item j, heaviest first, and `weights` says by how much.
    """

    version: str
    trained_at: float
    marks: int
    people: int
    # Training people with a mark of this type.
    people_by_type: Mapping[int, int]
    quality: Mapping[int, Quality]
    ids: Sequence[str]
    types: Ints
    # v: votes * rating^2.5, scaled so that the type's greatest is 1.
    votes: Floats
    # Training people who like the item; 0 if fewer than MIN_LIKES.
    likes: Ints
    labels: Terms
    themes: Terms
    neighbours: Rows
    weights: Floats
    # By type, at most TOP_ITEMS items, most first.
    most_liked: Mapping[int, Ints] = field(default_factory=dict)
    most_voted: Mapping[int, Ints] = field(default_factory=dict)

    @cached_property
    def positions(self) -> Mapping[tuple[int, str], int]:
        """The index of each item in the arrays."""
        return {(int(kind), id): number for number, (kind, id) in enumerate(zip(self.types, self.ids, strict=True))}

    @cached_property
    def items_with_neighbours(self) -> int:
        return int(np.count_nonzero(np.diff(self.neighbours.starts)))

    def ref(self, position: int) -> ItemRef:
        return ItemRef(int(self.types[position]), self.ids[position])

    def similar(self, ref: tuple[int, str], limit: int) -> list[ItemRef]:
        """The item's neighbours over all types, nearest first; empty if the model does not know the item."""
        position = self.positions.get((ref[0], ref[1]))
        return [] if position is None else [self.ref(other) for other in self.neighbours[position][:limit]]

    @classmethod
    def from_items(cls, items: Iterable[CatalogItem], counts: Mapping[int, LabelCounts] | None = None) -> Self:
        """A model without people, from each type's most voted items and the counts of its labels.

        Without counts for a type, its labels are counted in the items themselves.
        """
        return cls.build(list(items), counts or {})

    @classmethod
    def build(
        cls,
        items: Sequence[CatalogItem],
        counts: Mapping[int, LabelCounts],
        *,
        version: str = UNTRAINED,
        trained_at: float = 0.0,
        marks: int = 0,
        people: int = 0,
        people_by_type: Mapping[int, int] | None = None,
        quality: Mapping[int, Quality] | None = None,
        likes: Ints | None = None,
        neighbours: Rows | None = None,
        weights: Floats | None = None,
    ) -> Self:
        """`likes`, `neighbours` and `weights` are in the order of the items."""
        types = np.array([item.type for item in items], np.int32)
        votes = votes_prior(items, types)
        likes = (
            np.zeros(len(items), np.int32) if likes is None else np.where(likes < MIN_LIKES, 0, likes).astype(np.int32)
        )
        kinds = sorted(set(types.tolist()))
        return cls(
            version,
            trained_at,
            marks,
            people,
            people_by_type or {},
            quality or {},
            [item.id for item in items],
            types,
            votes,
            likes,
            _terms(items, "category", {kind: (count.items, count.categories) for kind, count in counts.items()}),
            _terms(items, "themes", {kind: (count.items, count.themes) for kind, count in counts.items()}),
            neighbours or Rows.of([[]] * len(items)),
            np.zeros(0, np.float32) if weights is None else weights,
            {kind: _top(likes, np.flatnonzero((types == kind) & (likes > 0))) for kind in kinds},
            {kind: _top(votes, np.flatnonzero(types == kind)) for kind in kinds},
        )

    def only(self, kept: NDArray[np.intp]) -> Self:
        """The model of these items alone, in this order."""
        numbers = np.full(len(self.ids), -1, np.intp)
        numbers[kept] = np.arange(len(kept))
        neighbours, entries = self.neighbours.only(kept, numbers)

        def only_top(tops: Mapping[int, Ints]) -> dict[int, Ints]:
            return {kind: numbers[top][numbers[top] >= 0].astype(np.int32) for kind, top in tops.items()}

        return dataclasses.replace(
            self,
            ids=[self.ids[position] for position in kept],
            types=self.types[kept],
            votes=self.votes[kept],
            likes=self.likes[kept],
            labels=self.labels.only(kept),
            themes=self.themes.only(kept),
            neighbours=neighbours,
            weights=self.weights[entries],
            most_liked=only_top(self.most_liked),
            most_voted=only_top(self.most_voted),
        )

    def save(self, path: Path) -> None:
        """Replaces the file as a whole: a reader sees the old one or the new one."""
        part = path.with_name(f".{path.name}.part")
        try:
            with part.open("wb") as file:
                file.write(self.to_bytes())
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def to_bytes(self) -> bytes:
        """The contents of the file."""
        file = io.BytesIO()
        np.savez(file, allow_pickle=False, **self._arrays())
        archive = file.getvalue()
        return hashlib.sha256(archive).digest() + archive

    @classmethod
    def load(cls, source: Path | str | bytes) -> Self:
        """`source`: the path of a file, or its contents. Raises ValueError if it is damaged, OSError if unreadable."""
        content = source if isinstance(source, bytes) else Path(source).read_bytes()
        archive = content[DIGEST_BYTES:]
        if hashlib.sha256(archive).digest() != content[:DIGEST_BYTES]:
            raise ValueError("not a suggestion model, or it is damaged: its checksum does not match")
        try:
            with np.load(io.BytesIO(archive), allow_pickle=False) as file:
                return cls._from_arrays({name: file[name] for name in file.files})
        except (zipfile.BadZipFile, EOFError, LookupError, TypeError, AttributeError) as error:
            raise ValueError(f"not a suggestion model of this format: {error!r}") from error

    def _arrays(self) -> dict[str, NDArray[Any]]:
        header = {
            "format": FORMAT,
            "version": self.version,
            "trained_at": self.trained_at,
            "marks": self.marks,
            "people": self.people,
            "people_by_type": {str(kind): count for kind, count in self.people_by_type.items()},
            "quality": {str(kind): asdict(quality) for kind, quality in self.quality.items()},
        }
        arrays: dict[str, NDArray[Any]] = {
            "header": np.frombuffer(json.dumps(header).encode(), np.uint8),
            "ids": _pack(self.ids),
            "types": self.types,
            "votes": self.votes,
            "likes": self.likes,
            "neighbours.starts": self.neighbours.starts,
            "neighbours.items": self.neighbours.values,
            "neighbours.weights": self.weights,
        }
        for name, terms in (("labels", self.labels), ("themes", self.themes)):
            arrays |= {
                f"{name}.names": _pack(terms.names),
                f"{name}.types": terms.types,
                f"{name}.idf": terms.idf,
                f"{name}.starts": terms.items.starts,
                f"{name}.items": terms.items.values,
            }
        for name, top in (("most_liked", self.most_liked), ("most_voted", self.most_voted)):
            arrays |= {f"{name}.{kind}": items for kind, items in top.items()}
        return arrays

    @classmethod
    def _from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        header = json.loads(arrays["header"].tobytes())
        if header["format"] != FORMAT:
            raise ValueError(f"the model's format is {header['format']}, and this program reads {FORMAT}")

        def terms(name: str) -> Terms:
            items = Rows(_ints(arrays[f"{name}.starts"]), _ints(arrays[f"{name}.items"]))
            idf, types = _floats(arrays[f"{name}.idf"]), _ints(arrays[f"{name}.types"])
            return Terms(_unpack(arrays[f"{name}.names"]), types, idf, items)

        def top(name: str) -> dict[int, Ints]:
            prefix = f"{name}."
            return {int(key.removeprefix(prefix)): _ints(arrays[key]) for key in arrays if key.startswith(prefix)}

        model = cls(
            str(header["version"]),
            float(header["trained_at"]),
            int(header["marks"]),
            int(header["people"]),
            {int(kind): int(count) for kind, count in header["people_by_type"].items()},
            {int(kind): Quality(**quality) for kind, quality in header["quality"].items()},
            _unpack(arrays["ids"]),
            _ints(arrays["types"]),
            _floats(arrays["votes"]),
            _ints(arrays["likes"]),
            terms("labels"),
            terms("themes"),
            Rows(_ints(arrays["neighbours.starts"]), _ints(arrays["neighbours.items"])),
            _floats(arrays["neighbours.weights"]),
            top("most_liked"),
            top("most_voted"),
        )
        model._check()
        return model

    def _check(self) -> None:
        """Raises ValueError if the arrays do not fit together."""
        items = len(self.ids)
        for name in ("types", "votes", "likes"):
            if getattr(self, name).shape != (items,):
                raise ValueError(f"{name}: must have one entry for each of {items} items")
        for name, terms in (("labels", self.labels), ("themes", self.themes)):
            if not terms.types.shape == terms.idf.shape == (len(terms.names),):
                raise ValueError(f"{name}: must have one type and one idf for each name")
            terms.items.check(items, len(terms.names), name)
        self.neighbours.check(items, items, "neighbours")
        if self.weights.shape != self.neighbours.values.shape:
            raise ValueError("neighbours: must have one weight for each item")
        for name, tops in (("most_liked", self.most_liked), ("most_voted", self.most_voted)):
            for top in tops.values():
                Rows(np.array([0, len(top)], np.int32), top).check(1, items, name)
        for name, values in (
            ("votes", self.votes),
            ("idf", self.labels.idf),
            ("idf", self.themes.idf),
            ("weights", self.weights),
        ):
            if not np.all(np.isfinite(values)):
                raise ValueError(f"{name}: a value is not finite")


def votes_prior(items: Sequence[CatalogItem], types: Ints) -> Floats:
    """v of each item, 0 to 1. An item without votes or without a rating has 0."""
    votes = np.array([item.votes or 0 for item in items], np.float64)
    rating = np.array([item.rating or 0 for item in items], np.float64)
    prior = votes * rating**2.5
    for kind in set(types.tolist()):
        of_type = types == kind
        prior[of_type] /= prior[of_type].max() or 1.0
    return prior.astype(np.float32)


def themes_of_label(item_type: int, label: str) -> tuple[str, ...]:
    """The shared words that stand for a source's label, or the label itself."""
    return common_themes.themes(item_type, (label,))  # type: ignore[arg-type]  # an enum's number


def _terms(items: Sequence[CatalogItem], name: str, given: Mapping[int, tuple[int, Mapping[str, int]]]) -> Terms:
    rows = [tuple(dict.fromkeys(getattr(item, name))) for item in items]
    types = [item.type for item in items]
    counts: dict[int, dict[str, int]] = {}
    for kind in set(types) - given.keys():
        counts[kind] = {"": types.count(kind)}
    for kind, row in zip(types, rows, strict=True):
        if kind in counts:
            for word in row:
                counts[kind][word] = counts[kind].get(word, 0) + 1
    return Terms.count(types, rows, counts | {kind: {**words, "": size} for kind, (size, words) in given.items()})


def _top(values: NDArray[Any], among: NDArray[np.intp]) -> Ints:
    """At most TOP_ITEMS of the items, those with the greatest values first; ties in the order of the items."""
    return among[np.argsort(-values[among].astype(np.float64), kind="stable")[:TOP_ITEMS]].astype(np.int32)


def _pack(texts: Sequence[str]) -> NDArray[np.uint8]:
    """JSON in UTF-8: texts may contain anything."""
    return np.frombuffer(json.dumps(list(texts), ensure_ascii=False).encode(), np.uint8)


def _unpack(array: NDArray[Any]) -> list[str]:
    texts = json.loads(array.tobytes())
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError("a list of texts is expected")
    return texts


def _ints(array: NDArray[Any]) -> Ints:
    if array.dtype != np.int32 or array.ndim != 1:
        raise ValueError("an array of 32-bit integers is expected")
    return array


def _floats(array: NDArray[Any]) -> Floats:
    if array.dtype != np.float32 or array.ndim != 1:
        raise ValueError("an array of 32-bit floats is expected")
    return array
