"""People's ratings as marks: every rated item is seen, and liked if the rating is high, also for this person."""

from collections.abc import Iterable, Sequence

# Of 10; the same as four of five stars where only whole stars can be given.
LIKED = 7.0


def likes(ratings: Sequence[float]) -> list[bool]:
    """Which of one person's ratings, 0 to 10 and all of one type, are likes: at least 7, and at least their mean."""
    mean = sum(ratings) / len(ratings) if ratings else 0.0
    # Sums of tenths are not exact: somebody who rates everything 8.1 likes all of it.
    return [rating >= LIKED and rating >= mean - 1e-9 for rating in ratings]


def kinds(liked: Iterable[bool]) -> list[str]:
    """The kind of each rating's mark in marks.tsv. One is enough: a like counts as much with a `seen` as without."""
    return ["like" if one else "seen" for one in liked]
