"""What an item may hold."""

from typing import Any

import pytest

from services.catalog import limits
from services.catalog.item import Item
from services.common.errors import InvalidArgument


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("name", {"name": ""}),
        ("name", {"name": "   "}),
        ("name", {"name": "a" * 501}),
        ("name", {"name": "nul\x00"}),
        ("name", {"name": "half \ud800"}),
        ("category", {"category": ("",)}),
        ("category", {"category": ("Drama", "Drama")}),
        ("category", {"category": ("Drama", " Drama ")}),
        ("category", {"category": ("a" * 101,)}),
        ("category", {"category": tuple(map(str, range(51)))}),
        ("rating", {"rating": -0.1}),
        ("rating", {"rating": 10.01}),
        ("rating", {"rating": float("nan")}),
        ("rating", {"rating": float("inf")}),
        ("description", {"description": ""}),
        ("description", {"description": "a" * 20_001}),
        ("imageUrl", {"image_url": "ftp://example.org/a.jpg"}),
        ("imageUrl", {"image_url": "javascript:alert(1)"}),
        ("imageUrl", {"image_url": "http://"}),
        ("imageUrl", {"image_url": "https://[::1/a.jpg"}),
        ("imageUrl", {"image_url": "https://example.org/a b.jpg"}),
        ("imageUrl", {"image_url": "https://example.org/" + "a" * 2000}),
        ("kind", {"kind": "a" * 51}),
        ("year", {"year": -3001}),
        ("year", {"year": 3001}),
        ("sourceId", {"source_id": "a" * 101}),
        ("sourceId", {"source_id": ""}),
    ],
)
def test_what_cannot_be_kept_is_named(field: str, given: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument) as refused:
        limits.checked(Item(**({"name": "Dune"} | given)))
    assert refused.value.field == field


def test_what_can_be_kept_is_kept() -> None:
    item = Item(
        name="Gilgameš 🏺",
        category=("Epic", "Poetry"),
        rating=10,
        description="one\ntwo",
        image_url="HTTPS://example.org/é.jpg?size=1#top",
        kind="book",
        year=-2100,
        source_id="x",
    )
    assert limits.checked(item) == item


def test_texts_are_stripped_and_composed() -> None:
    assert limits.checked(Item(name="  Ame\u0301lie ")).name == "Am\u00e9lie"
