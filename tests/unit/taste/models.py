"""Small models for tests."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from services.taste.arrays import Rows
from services.taste.domain import ItemRef
from services.taste.model import Model, Quality
from services.taste.training_files import TrainingItem

BOOK, SHOW = 1, 2


def item(
    id: str,
    *labels: str,
    item_type: int = BOOK,
    rating: float | None = 8.0,
    votes: int | None = 100,
    themes: Sequence[str] | None = None,
) -> TrainingItem:
    return TrainingItem(item_type, id, labels, tuple(labels if themes is None else themes), rating, votes)


def build(
    items: Sequence[TrainingItem],
    neighbours: Mapping[str, Mapping[str, float]] | None = None,
    likes: Mapping[str, int] | None = None,
    people: int = 100,
) -> Model:
    """`neighbours`: weights of targets by source; `likes`: by item; all by the items' ids."""
    positions = {item.id: position for position, item in enumerate(items)}
    rows = [sorted((neighbours or {}).get(item.id, {}).items(), key=lambda target: -target[1]) for item in items]
    return Model.build(
        items,
        {},
        version="test",
        people_by_type={item.type: people for item in items},
        likes=np.array([(likes or {}).get(item.id, 0) for item in items], np.int32),
        neighbours=Rows.of([[positions[target] for target, _ in row] for row in rows]),
        weights=np.array([weight for row in rows for _, weight in row], np.float32),
    )


def votes_only(items: Sequence[TrainingItem]) -> Model:
    """A model without people."""
    return Model.build(items, {})


def ref(id: str, item_type: int = BOOK) -> ItemRef:
    return ItemRef(item_type, id)


ITEMS = [
    item("dune", "Science Fiction", "Classics", votes=400, themes=["Sci-Fi", "Classics"]),
    item("emma", "Classics", votes=100),
    item("alien", "Sci-Fi", item_type=SHOW, votes=900),
]


def trained() -> Model:
    """A model of ITEMS in which Dune has neighbours of both types."""
    model = build(ITEMS, {"dune": {"alien": 0.5, "emma": 0.2}}, {"dune": 9, "emma": 3})
    return dataclasses.replace(model, trained_at=1.5, marks=70, people=20, quality={BOOK: Quality(30, 0.25, 0.125)})
