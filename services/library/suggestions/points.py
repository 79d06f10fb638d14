"""A user's points per theme: 1 for each item seen, 3 for each item liked."""

from collections import Counter
from collections.abc import Iterable, Sequence

from services.library.domain import Accounts, Points, RecentMark

SEEN_POINTS = 1
LIKED_POINTS = 3
MAX_THEMES = 100  # that the account service lists


async def top_themes(accounts: Accounts, subject: str, likes: Sequence[RecentMark], limit: int) -> Sequence[Points]:
    """The themes with the most points, at most `limit`, ties in alphabetical order.

    `likes` count as liked in addition to the user's marks; one that the user has liked already counts once. The sums
    are stored, so the cost does not depend on the number of marks.
    """
    if not likes:
        return await accounts.top_categories(subject, limit) if subject else ()
    stored = await accounts.top_categories(subject, MAX_THEMES) if subject else ()
    liked = await accounts.liked(subject, [like.ref for like in likes]) if subject else set()
    return _sum([like for like in likes if like.ref not in liked], stored)[:limit]


def _sum(marks: Iterable[RecentMark], stored: Iterable[Points]) -> list[Points]:
    seen, liked = Counter[str](), Counter[str]()
    for entry in stored:
        seen[entry.category] += entry.seen
        liked[entry.category] += entry.liked
    for mark in marks:
        for theme in mark.themes:
            seen[theme] += mark.seen
            liked[theme] += mark.liked
    return ordered(of(theme, seen[theme], liked[theme]) for theme in seen)


def of(theme: str, seen: int, liked: int) -> Points:
    return Points(theme, SEEN_POINTS * seen + LIKED_POINTS * liked, seen, liked)


def ordered(points: Iterable[Points]) -> list[Points]:
    """Most points first, ties in alphabetical order."""
    return sorted(points, key=lambda entry: (-entry.points, entry.category))
