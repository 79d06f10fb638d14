"""Constants of the library that must fit those of the services that it calls."""

from services.account import servicer as account
from services.account.domain import POINTS, MarkKind
from services.catalog import servicer as catalog
from services.library import clients
from services.library.suggestions import by_theme, models, points
from services.taste import domain as taste
from services.taste.score import MAX_MARKS


def test_likes_in_a_request_give_the_same_points_as_marks() -> None:
    assert {MarkKind.SEEN: taste.points(1, 0), MarkKind.LIKE: taste.points(0, 1)} == POINTS


def test_the_account_service_accepts_what_the_library_asks_for() -> None:
    assert clients.MAX_FILTER_ITEMS <= account.MAX_FILTER_ITEMS
    assert MAX_MARKS <= account.MAX_RECENT_ITEMS
    assert points.MAX_THEMES <= account.MAX_LIST_SIZE


def test_the_datasets_accept_what_the_library_asks_for() -> None:
    assert by_theme.MAX_SAMPLE <= catalog.MAX_ITEMS
    assert models.VOTED_ITEMS <= catalog.MAX_ITEMS
