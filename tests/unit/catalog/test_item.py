"""An item's fields and limits."""

import dataclasses
from typing import Any

import pytest

from seen.v1 import types_pb2
from services.catalog.item import CAMEL_CASE, LIMITS, Item, checked
from services.catalog.store import documents
from services.common.errors import InvalidArgument


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("name", {"name": ""}),
        ("name", {"name": "   "}),
        ("name", {"name": "a" * 501}),
        ("name", {"name": "a" * 1_000_000}),
        ("name", {"name": "nul\x00"}),
        ("name", {"name": "half \ud800"}),
        ("category", {"category": ("",)}),
        ("category", {"category": ("Drama", "Drama")}),
        ("category", {"category": ("Drama", " Drama ")}),
        ("category", {"category": ("a" * 101,)}),
        ("category", {"category": tuple(map(str, range(51)))}),
        ("category", {"category": tuple(map(str, range(1000)))}),
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
        ("votes", {"votes": -1}),
        ("votes", {"votes": 10**12 + 1}),
    ],
)
def test_a_field_outside_its_limit_is_refused_by_its_rest_name(field: str, fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument) as refused:
        checked(Item(**({"name": "Dune"} | fields)))
    assert refused.value.field == field


COMPLETE = Item(
    name="Gilgameš 🏺",
    category=("Epic", "Poetry"),
    rating=10,
    description="one\ntwo",
    image_url="HTTPS://example.org/é.jpg?size=1#top",
    kind="book",
    year=-2100,
    source_id="x",
    votes=1_000_000,
)


def test_fields_within_their_limits_are_accepted_unchanged() -> None:
    assert checked(COMPLETE) == COMPLETE


def test_texts_are_stripped_and_composed() -> None:
    assert checked(Item(name="  Ame\u0301lie ")).name == "Am\u00e9lie"


@pytest.mark.parametrize("item", [COMPLETE, Item(name="Dune")], ids=["complete", "name only"])
def test_an_item_is_the_same_after_storing(item: Item) -> None:
    assert documents.to_item(documents.from_item(item), "") == item


def test_field_names_are_camel_case_in_mongodb_and_in_the_rest_api() -> None:
    assert CAMEL_CASE["image_url"] == "imageUrl"
    assert set(CAMEL_CASE.values()) < set(documents.from_item(COMPLETE)), "a field is missing in COMPLETE"


def test_the_protos_item_and_the_domains_item_have_the_same_fields() -> None:
    proto = {field.name: field.has_presence for field in types_pb2.Item.DESCRIPTOR.fields}
    domain = {field.name: field.default is None for field in dataclasses.fields(Item)}
    del proto["type"]  # a dataset has one type
    del proto["themes"]  # computed from category
    del domain["adult"]  # for the loader only
    assert proto == domain, "a field, or its `optional`, is missing in Item of types.proto or services/catalog/item.py"
    assert set(LIMITS) == set(domain) - {"id"}, "a field in services/catalog/item.py has no limit, so it is not stored"
