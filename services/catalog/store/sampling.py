"""Random samples of lists that are spread over shards."""

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from services.catalog.item import Item
from services.catalog.store import documents
from services.catalog.store.documents import Document
from services.catalog.store.ids import Ids
from services.catalog.store.positions import ListPosition
from services.catalog.store.shard import Shard, gather_all

# Each round replaces the holes that the round before has drawn. A list with very many holes gives a short sample.
MAX_ROUNDS = 5
# Samples are not secret, but SystemRandom needs no seed and has no state to share after a fork.
RANDOM = random.SystemRandom()

# The index of a shard, and a position there.
ShardPosition = tuple[int, ListPosition]


@dataclass
class Sample:
    category: str
    items: list[Item]
    # True if these are all the items of the list.
    complete: bool


@dataclass
class _Draw:
    """One list over all shards. `numbers` counts through the shards' lists one after the other."""

    category: str
    lengths: Sequence[int]
    numbers: Iterator[int]
    items: dict[str, Item] = field(default_factory=dict)

    def draw(self, amount: int) -> list[ShardPosition]:
        """As many positions as the sample still lacks."""
        return [self._locate(number) for number in itertools.islice(self.numbers, amount - len(self.items))]

    def _locate(self, number: int) -> ShardPosition:
        for shard, length in enumerate(self.lengths):
            if number < length:
                return shard, (self.category, number)
            number -= length
        raise IndexError(number)


async def sample(shards: Sequence[Shard], ids: Ids, categories: Sequence[str], amount: int) -> list[Sample]:
    """One sample per category, in their order. Each round is one query per shard for all categories."""
    lengths = await gather_all(*(shard.lengths(categories) for shard in shards))
    draws = {}
    for category in categories:
        list_lengths = [shard_lengths[category] for shard_lengths in lengths]
        draws[category] = _Draw(category, list_lengths, shuffled_range(sum(list_lengths), RANDOM))
    for _ in range(MAX_ROUNDS):
        drawn = [(draw, draw.draw(amount)) for draw in draws.values()]
        if not any(positions for _, positions in drawn):
            break
        found = await _get_at(shards, [position for _, positions in drawn for position in positions])
        for draw, positions in drawn:
            for shard, position in positions:
                document = found[shard].get(position)
                if document is not None:
                    item_id = ids.text(shard, documents.object_id(document))
                    draw.items[item_id] = documents.to_item(document, item_id)
    return [
        Sample(category, list(draws[category].items.values()), complete=sum(draws[category].lengths) <= amount)
        for category in categories
    ]


async def _get_at(shards: Sequence[Shard], positions: Sequence[ShardPosition]) -> list[dict[ListPosition, Document]]:
    by_shard: list[dict[str, list[int]]] = [{} for _ in shards]
    for shard, (category, number) in positions:
        by_shard[shard].setdefault(category, []).append(number)
    return await gather_all(*(shard.get_at(wanted) for shard, wanted in zip(shards, by_shard, strict=True)))


def shuffled_range(stop: int, source: random.Random) -> Iterator[int]:
    """The numbers below `stop` in random order, each order equally likely. Costs only as much as is taken.

    The Fisher-Yates shuffle; of the array only the entries that were swapped are stored.
    """
    swapped: dict[int, int] = {}
    for index in range(stop):
        other = source.randrange(index, stop)
        yield swapped.get(other, other)
        swapped[other] = swapped.pop(index, index)
