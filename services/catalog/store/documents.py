"""The documents in MongoDB. Each shard of the dataset NAME has these collections, all in one database:

NAME, one document per item:
    {_id, name, category, rating, description, imageUrl, kind, year, sourceId, votes,
                                                  the item's fields that have a value
     places: [{c: list, n: position}],            the item's positions (positions.py)
     nameKey, words: [word]}                      for the search (search_keys.py)
    The name of a list is "" for all items, the category, or a tab and the theme. An item's themes are not stored: they
    are computed from its categories (services/common/themes.py).
NAME_counts, one document per list (positions.py):
    {_id: list, next: the list's length,
     filling: {start, until},     while a batch inserts items at positions from `start`; ignored after `until`
     gaps: [position]}            holes to fill once that batch has ended
NAME_versions (theme_lists.py):
    {_id: "lists", version}       of themes.toml, when all items were last brought into the lists of their themes
NAME_loads, on shard 1 only (loader/lease.py):
    {_id: "load", owner, host, pid, until}
"""

from collections.abc import Mapping
from typing import Any

from services.catalog.item import CAMEL_CASE, Item
from services.catalog.store import search_keys

Document = dict[str, Any]

_STORED = tuple(CAMEL_CASE.items())
# Projections.
ITEM_FIELDS = {"places": 0, "nameKey": 0, "words": 0}
ITEM_FIELDS_AND_POSITIONS = {"nameKey": 0, "words": 0}


def from_item(item: Item) -> Document:
    """The item's document without `_id` and `places`."""
    document = {stored: value for field, stored in _STORED if (value := getattr(item, field)) is not None}
    document["category"] = list(item.category)
    document["nameKey"] = search_keys.name_key(item.name)
    document["words"] = search_keys.words(document["nameKey"])
    return document


def without_positions(document: Mapping[str, Any]) -> Document:
    """The fields of a document that `from_item` sets."""
    return {name: value for name, value in document.items() if name not in ("_id", "places")}


def to_item(document: Mapping[str, Any], item_id: str) -> Item:
    fields = {field: document[stored] for field, stored in _STORED if stored in document}
    fields["category"] = tuple(document["category"])
    return Item(id=item_id, **fields)
