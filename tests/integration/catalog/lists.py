"""Checks the invariants of every list of a shard."""

from collections.abc import Sequence

from pymongo.synchronous.database import Database

from services.catalog import datasets
from services.catalog.store.documents import Document
from services.catalog.store.positions import lists_of

# The databases of a dataset's shards.
Shards = Sequence[Database[Document]]


def problems_of(shard: Database[Document], name: str = "book") -> list[str]:
    """A list's positions must be 0 to length - 1, and an item must have one position in each of its lists."""
    errors = []
    item_type = datasets.get_adapter(name).type
    positions: dict[str, list[int]] = {}
    for item in shard[name].find({}, {"category": 1, "places": 1}):
        if sorted(place["c"] for place in item["places"]) != sorted(lists_of(item_type, item["category"])):
            errors.append(f"{item} has positions in the wrong lists")
        for place in item["places"]:
            positions.setdefault(place["c"], []).append(place["n"])
    lengths = {counter["_id"]: counter["next"] for counter in shard[f"{name}_counts"].find()}
    for list_name in positions.keys() | lengths.keys():
        occupied = sorted(positions.get(list_name, []))
        if occupied != list(range(lengths.get(list_name, 0))):
            errors.append(f"{list_name!r} has length {lengths.get(list_name)} and items at {occupied[:50]}")
    return errors


def assert_no_holes(shards: Shards, name: str = "book") -> None:
    for shard in shards:
        problems = problems_of(shard, name)
        assert not problems, problems
