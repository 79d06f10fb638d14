"""People's ratings as marks: every rated item is seen; it is liked if the rating is high, also for this person."""

from collections.abc import Iterable, Sequence

# Of 10; the same as four of five stars where only whole stars can be given.
MIN_LIKE = 7.0


def likes(ratings: Sequence[float]) -> list[bool]:
    """Which ratings are likes: those of at least MIN_LIKE and of at least the mean.

    `ratings`: of one person and one type, 0 to 10.
    """
    mean = sum(ratings) / len(ratings) if ratings else 0.0
    # Sums of tenths are not exact: somebody who rates everything 8.1 likes all of it.
    return [rating >= MIN_LIKE and rating >= mean - 1e-9 for rating in ratings]


def kinds(liked: Iterable[bool]) -> list[str]:
    """The kind of each rating's mark in marks.tsv. A like alone is enough: with a `seen` it would weigh the same."""
    return ["like" if is_like else "seen" for is_like in liked]
