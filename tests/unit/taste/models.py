"""Small models for tests."""

from collections.abc import Mapping, Sequence

import numpy as np

from services.taste.model import ItemRef, Model, Rows
from services.taste.train import TrainingItem

BOOK, SHOW = 1, 2


def item(
    id: str,
    *labels: str,
    kind: int = BOOK,
    rating: float | None = 8.0,
    votes: int | None = 100,
    themes: Sequence[str] | None = None,
) -> TrainingItem:
    return TrainingItem(kind, id, labels, tuple(labels if themes is None else themes), rating, votes)


def model(
    items: Sequence[TrainingItem],
    neighbours: Mapping[str, Mapping[str, float]] | None = None,
    likes: Mapping[str, int] | None = None,
    people: int = 100,
) -> Model:
    """`neighbours`: weights of targets by source; `likes`: by item; all by the items' ids."""
    positions = {one.id: position for position, one in enumerate(items)}
    rows = [sorted((neighbours or {}).get(one.id, {}).items(), key=lambda target: -target[1]) for one in items]
    return Model.build(
        items,
        {},
        version="test",
        people_by_type={one.type: people for one in items},
        likes=np.array([(likes or {}).get(one.id, 0) for one in items], np.int32),
        neighbours=Rows.of([[positions[target] for target, _ in row] for row in rows]),
        weights=np.array([weight for row in rows for _, weight in row], np.float32),
    )


def ref(id: str, kind: int = BOOK) -> ItemRef:
    return ItemRef(kind, id)
