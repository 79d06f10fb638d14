"""A user's points per theme, from the marks in the account and the likes in a request."""

from collections import Counter
from collections.abc import Iterable, Sequence

from services.library.domain import Accounts, ThemePoints
from services.taste.domain import Mark, points

MAX_THEMES = 100  # of a user that are read


async def top_themes(accounts: Accounts, subject: str, likes: Sequence[Mark], limit: int) -> Sequence[ThemePoints]:
    """The themes with the most points, at most `limit`, ties in alphabetical order.

    `likes` count as liked in addition to the user's marks; an item that the user has liked already counts once. The
    account service stores the sums, so the cost does not depend on the number of marks.
    """
    if not likes:
        return await accounts.top_themes(subject, limit) if subject else ()
    stored = await accounts.top_themes(subject, MAX_THEMES) if subject else ()
    liked = await accounts.filter_liked(subject, [like.ref for like in likes]) if subject else set()
    return _sum(stored, [like for like in likes if like.ref not in liked])[:limit]


def _sum(stored: Iterable[ThemePoints], marks: Iterable[Mark]) -> list[ThemePoints]:
    seen, liked = Counter[str](), Counter[str]()
    for entry in stored:
        seen[entry.theme] += entry.seen
        liked[entry.theme] += entry.liked
    for mark in marks:
        for theme in mark.themes:
            seen[theme] += mark.seen
            liked[theme] += mark.liked
    return most_first(theme_points(theme, seen[theme], liked[theme]) for theme in seen)


def theme_points(theme: str, seen: int, liked: int) -> ThemePoints:
    return ThemePoints(theme, points(seen, liked), seen, liked)


def most_first(themes: Iterable[ThemePoints]) -> list[ThemePoints]:
    """Ties in alphabetical order."""
    return sorted(themes, key=lambda entry: (-entry.points, entry.theme))
