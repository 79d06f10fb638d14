"""How an item is kept in MongoDB.

{_id, name, category, rating, description, imageUrl, kind, year, sourceId: absent where unknown,
 places: [{c, n}]: where it stands in each of its lists (places.py), nameKey, words: for the search (names.py)}
"""

from collections.abc import Mapping
from typing import Any

from bson import ObjectId

from services.catalog import names
from services.catalog.item import Item

Document = dict[str, Any]

# What a document holds beside an item's own fields.
ITEM_ONLY = {"places": 0, "nameKey": 0, "words": 0}


def fields(item: Item) -> Document:
    """All that a document holds but its _id and places."""
    key = names.fold(item.name)
    values: Document = {
        "name": item.name,
        "category": list(item.category),
        "rating": item.rating,
        "description": item.description,
        "imageUrl": item.image_url,
        "kind": item.kind,
        "year": item.year,
        "sourceId": item.source_id,
        "nameKey": key,
        "words": names.words(key),
    }
    return {name: value for name, value in values.items() if value is not None}


def stored_fields(document: Mapping[str, Any]) -> Document:
    """The part of a document that `fields` makes."""
    return {name: value for name, value in document.items() if name not in ("_id", "places")}


def item(document: Mapping[str, Any], item_id: str) -> Item:
    return Item(
        id=item_id,
        name=document["name"],
        category=tuple(document["category"]),
        rating=document.get("rating"),
        description=document.get("description"),
        image_url=document.get("imageUrl"),
        kind=document.get("kind"),
        year=document.get("year"),
        source_id=document.get("sourceId"),
    )


def object_id(document: Mapping[str, Any]) -> ObjectId:
    found: ObjectId = document["_id"]
    return found
