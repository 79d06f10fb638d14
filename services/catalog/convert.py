"""Converts between the domain's types and the messages of seen.v1."""

import dataclasses
from collections.abc import Iterable, Mapping

from seen.v1 import catalog_pb2, types_pb2
from seen.v1.types_pb2 import ItemType
from services.catalog.item import Item
from services.catalog.store.positions import theme_of
from services.catalog.store.sampling import Sample
from services.catalog.store.search import Hit
from services.catalog.store.store import Counts
from services.common.themes import themes

# `optional` in the proto, with the same names. None in an Item is "not set" in a message.
OPTIONAL_FIELDS = tuple(field.name for field in dataclasses.fields(Item) if field.default is None)


def item_to_pb(item: Item, item_type: ItemType) -> types_pb2.Item:
    message = types_pb2.Item(
        type=item_type,
        id=item.id,
        name=item.name,
        category=item.category,
        themes=themes(item_type, item.category),
    )
    for field in OPTIONAL_FIELDS:
        value = getattr(item, field)
        if value is not None:
            setattr(message, field, value)
    return message


def items_to_pb(items: Iterable[Item], item_type: ItemType) -> list[types_pb2.Item]:
    return [item_to_pb(item, item_type) for item in items]


def item_from_pb(message: types_pb2.Item) -> Item:
    optional = {field: getattr(message, field) for field in OPTIONAL_FIELDS if message.HasField(field)}
    return Item(name=message.name, category=tuple(message.category), **optional)


def sample_to_pb(sample: Sample, item_type: ItemType) -> catalog_pb2.Sample:
    items = items_to_pb(sample.items, item_type)
    return catalog_pb2.Sample(category=theme_of(sample.list_name) or "", items=items, complete=sample.complete)


def counts_to_pb(counts: Counts) -> catalog_pb2.ListCategoriesResponse:
    return catalog_pb2.ListCategoriesResponse(
        items=counts.items, categories=_most_first(counts.categories), themes=_most_first(counts.themes)
    )


def _most_first(counts: Mapping[str, int]) -> list[catalog_pb2.CategoryCount]:
    ranked = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    return [catalog_pb2.CategoryCount(name=name, items=items) for name, items in ranked]


def hit_to_pb(hit: Hit) -> catalog_pb2.SearchHit:
    return catalog_pb2.SearchHit(id=hit.id, name=hit.name, match=hit.match)
