"""Copies a suite's items into collections for the peer, in the same databases."""

import random
from typing import Any

from pymongo import MongoClient

from scripts.local.suite import DATABASE, DATASETS, Suite
from services.common.themes import themes

FIELDS = ("name", "category", "rating", "description", "imageUrl", "kind", "year", "sourceId", "votes")


def copy_items(suite: Suite) -> dict[str, tuple[str, str]]:
    """Adds the type, the themes and a random number for suggestions; `_id` is the id of the REST API.

    Returns each shard's URI and collection, the value of PEER_SHARDS.
    """
    shards = {}
    for dataset in DATASETS:
        uris = suite.mongo_uris(dataset).split(",")
        for number, uri in enumerate(uris, 1):
            prefix = str(number) if len(uris) > 1 else ""
            shards[dataset.type + prefix] = uri, f"peer_{dataset.name}"
            with MongoClient[dict[str, Any]](uri) as client:
                collection = client[DATABASE][f"peer_{dataset.name}"]
                collection.drop()
                collection.insert_many(
                    item
                    | {
                        "_id": f"{prefix}{item['_id']}",
                        "type": dataset.type,
                        "themes": themes(dataset.type, item["category"]),
                        "random": random.random(),
                    }
                    for item in client[DATABASE][dataset.name].find({}, FIELDS)
                )
                collection.create_index([("themes", 1), ("random", 1)])
    return shards
