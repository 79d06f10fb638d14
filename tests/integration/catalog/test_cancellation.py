"""Requests that are cancelled while they wait for a connection to MongoDB."""

import asyncio
import random

from services.catalog.item import Item
from services.catalog.store.store import Store
from services.common import deadline

ROUNDS, REQUESTS, CANCELLATIONS = 30, 150, 4
LIMIT_S = 90


async def test_a_shard_answers_after_many_requests_were_cancelled_repeatedly(store: Store) -> None:
    async with asyncio.timeout(LIMIT_S):
        item = await store.create(Item(name="Dune"))
        for _ in range(ROUNDS):
            requests = [asyncio.create_task(store.get(item.id)) for _ in range(REQUESTS)]
            await asyncio.sleep(random.uniform(0, 0.02))
            for _ in range(CANCELLATIONS):
                await asyncio.sleep(0)
                for request in requests:
                    request.cancel()
            await asyncio.gather(*requests, return_exceptions=True)
        deadline.start(30)
        assert (await store.get(item.id)).name == "Dune"
