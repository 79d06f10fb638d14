"""The suggestion model in memory: arrays over items. model_file.py stores it, rank.py ranks with it.

Needs numpy only, so that a service which ranks loads no training code.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from services.taste.arrays import Floats, Indices, Ints, Rows
from services.taste.domain import Item, ItemRef, LabelCounts
from services.taste.terms import Terms

# Candidates of each type in addition to the neighbours of a person's items.
TOP_ITEMS = 200
# An item with fewer likes counts as having none: so few people may be recognizable.
MIN_LIKES = 5
# Version of a model that was made from votes alone.
UNTRAINED = "votes"


@dataclass(frozen=True)
class Quality:
    """How well a model that was trained without these people finds their hidden likes. NDCG is from 0 to 1."""

    people: int
    ndcg_at_10: float
    votes_ndcg_at_10: float


@dataclass(frozen=True)
class Model:
    """Arrays without another description have one entry for each item; an item's index in them is its position."""

    version: str
    # In seconds since 1970; 0 if the model was made from votes alone.
    trained_at: float
    # Numbers of the training marks and people, and of the people with a mark of this type.
    marks: int
    people: int
    people_by_type: Mapping[int, int]
    quality: Mapping[int, Quality]
    ids: Sequence[str]
    types: Ints
    # v: votes * rating^2.5, scaled so that the type's greatest is 1.
    votes: Floats
    # Number of training people who like the item; 0 if fewer than MIN_LIKES.
    likes: Ints
    labels: Terms
    themes: Terms
    # Row j has the items whose score rises for somebody who has marked item j, heaviest first. `weights` has an entry
    # for each entry of `neighbours.values`: by how much.
    neighbours: Rows
    weights: Floats
    # By type, the positions of at most TOP_ITEMS items, most first.
    most_liked: Mapping[int, Ints] = field(default_factory=dict)
    most_voted: Mapping[int, Ints] = field(default_factory=dict)

    @classmethod
    def build(
        cls,
        items: Sequence[Item],
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
        """`likes`, `neighbours` and `weights` are in the order of the items. Without them, the model ranks by votes.

        The labels of a type without `counts` are counted in the items themselves.
        """
        types = np.array([item.type for item in items], np.int32)
        votes = weighted_votes(items, types)
        if likes is None:
            likes = np.zeros(len(items), np.int32)
        likes = np.where(likes < MIN_LIKES, 0, likes).astype(np.int32)
        item_types = sorted(set(types.tolist()))
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
            Terms.count(
                types.tolist(),
                [item.category for item in items],
                {item_type: (count.items, count.categories) for item_type, count in counts.items()},
            ),
            Terms.count(
                types.tolist(),
                [item.themes for item in items],
                {item_type: (count.items, count.themes) for item_type, count in counts.items()},
            ),
            neighbours or Rows.of([[]] * len(items)),
            np.zeros(0, np.float32) if weights is None else weights,
            {item_type: _top(likes, np.flatnonzero((types == item_type) & (likes > 0))) for item_type in item_types},
            {item_type: _top(votes, np.flatnonzero(types == item_type)) for item_type in item_types},
        )

    @cached_property
    def positions(self) -> Mapping[tuple[int, str], int]:
        return {
            (int(item_type), id): number
            for number, (item_type, id) in enumerate(zip(self.types, self.ids, strict=True))
        }

    @cached_property
    def items_with_neighbours(self) -> int:
        return int(np.count_nonzero(np.diff(self.neighbours.starts)))

    def ref(self, position: int) -> ItemRef:
        return ItemRef(int(self.types[position]), self.ids[position])

    def similar(self, ref: ItemRef, limit: int) -> list[ItemRef]:
        """The item's neighbours of all types, nearest first; empty if the model does not know the item."""
        position = self.positions.get(ref)
        return [] if position is None else [self.ref(neighbour) for neighbour in self.neighbours[position][:limit]]

    def pruned(self) -> Self:
        """The model without the items that ranking never reads: no neighbours, nobody's neighbour, in no top list."""
        used = np.diff(self.neighbours.starts) > 0
        used[self.neighbours.values] = True
        for tops in (self.most_liked, self.most_voted):
            for top in tops.values():
                used[top] = True
        return self.select(np.flatnonzero(used))

    def select(self, positions: Indices) -> Self:
        """The model of these items alone, in this order."""
        renumbered = np.full(len(self.ids), -1, np.intp)
        renumbered[positions] = np.arange(len(positions))
        neighbours, entries = self.neighbours.select(positions, renumbered)

        def select_top(tops: Mapping[int, Ints]) -> dict[int, Ints]:
            return {
                item_type: renumbered[top][renumbered[top] >= 0].astype(np.int32) for item_type, top in tops.items()
            }

        return dataclasses.replace(
            self,
            ids=[self.ids[position] for position in positions],
            types=self.types[positions],
            votes=self.votes[positions],
            likes=self.likes[positions],
            labels=self.labels.select(positions),
            themes=self.themes.select(positions),
            neighbours=neighbours,
            weights=self.weights[entries],
            most_liked=select_top(self.most_liked),
            most_voted=select_top(self.most_voted),
        )


def weighted_votes(items: Sequence[Item], types: Ints) -> Floats:
    """v of each item, 0 to 1. An item without votes or without a rating has 0."""
    votes = np.array([item.votes or 0 for item in items], np.float64)
    rating = np.array([item.rating or 0 for item in items], np.float64)
    weighted = votes * rating**2.5
    for item_type in set(types.tolist()):
        of_type = types == item_type
        weighted[of_type] /= weighted[of_type].max() or 1.0
    return weighted.astype(np.float32)


def _top(values: NDArray[Any], positions: Indices) -> Ints:
    """At most TOP_ITEMS of these items, those with the greatest values first; ties in the order of the items."""
    order = np.argsort(-values[positions].astype(np.float64), kind="stable")
    return positions[order[:TOP_ITEMS]].astype(np.int32)
