"""What must hold of every list of every shard, whatever has happened."""

import time
from collections.abc import Sequence

from pymongo.synchronous.database import Database

from services.catalog.documents import Document


def faults(shard: Database[Document], name: str = "book") -> list[str]:
    """What is wrong: a list's places must be 0, 1, 2… up to its counter, and an item must stand in its own lists."""
    found = []
    places: dict[str, list[int]] = {}
    for item in shard[name].find({}, {"category": 1, "places": 1}):
        if sorted(place["c"] for place in item["places"]) != sorted(["", *item["category"]]):
            found.append(f"{item} stands in the wrong lists")
        for place in item["places"]:
            places.setdefault(place["c"], []).append(place["n"])
    counters = {counter["_id"]: counter["next"] for counter in shard[f"{name}_counts"].find()}
    for category in places.keys() | counters.keys():
        standing = sorted(places.get(category, []))
        if standing != list(range(counters.get(category, 0))):
            found.append(f"{category!r} has {counters.get(category)} places, and items at {standing[:50]}")
    return found


def assert_dense(shards: Sequence[Database[Document]], name: str = "book", within_s: float = 0) -> None:
    until = time.monotonic() + within_s
    for shard in shards:
        while faults(shard, name) and time.monotonic() < until:
            time.sleep(0.05)
        found = faults(shard, name)
        assert not found, found
