"""Random samples of lists that are spread over shards."""

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from services.catalog.item import Item
from services.catalog.store.shard import Shard, gather_all

# Each round draws replacements for the holes of the previous one. A list with very many holes gives a short sample.
MAX_ROUNDS = 5
# Samples are not secret, but SystemRandom needs no seed and has no state to share after a fork.
RANDOM = random.SystemRandom()


@dataclass
class Sample:
    category: str
    items: list[Item]
    # True if these are all the items of the list.
    complete: bool


@dataclass
class _Draw:
    """One list over all shards. `numbers` are random positions in the shards' lists joined end to end."""

    category: str
    lengths: Sequence[int]
    numbers: Iterator[int]
    items: dict[str, Item] = field(default_factory=dict)

    def next_positions(self, amount: int) -> Iterator[tuple[int, int]]:
        """Random positions for the items that the sample still lacks, each after the index of its shard."""
        for number in itertools.islice(self.numbers, amount - len(self.items)):
            shard, position = 0, number
            while position >= self.lengths[shard]:
                position -= self.lengths[shard]
                shard += 1
            yield shard, position


async def sample(
    shards: Sequence[Shard], categories: Sequence[str], amount: int, max_categories: int = 0
) -> list[Sample]:
    """One sample per category, in their order. Each round is one query per shard for all categories."""
    lengths = await gather_all(*(shard.lengths(categories) for shard in shards))
    if max_categories:
        with_items = [name for name in categories if any(shard_lengths[name] for shard_lengths in lengths)]
        categories = with_items[:max_categories]
    draws = {}
    for category in categories:
        list_lengths = [shard_lengths[category] for shard_lengths in lengths]
        draws[category] = _Draw(category, list_lengths, shuffled_range(sum(list_lengths), RANDOM))
    for _ in range(MAX_ROUNDS):
        drawn = [(draw, *position) for draw in draws.values() for position in draw.next_positions(amount)]
        if not drawn:
            break
        requests: list[dict[str, list[int]]] = [{} for _ in shards]
        for draw, shard, position in drawn:
            requests[shard].setdefault(draw.category, []).append(position)
        items = await gather_all(*(shard.get_at(request) for shard, request in zip(shards, requests, strict=True)))
        for draw, shard, position in drawn:
            item = items[shard].get((draw.category, position))
            if item is not None:
                draw.items[item.id] = item
    return [
        Sample(category, list(draws[category].items.values()), complete=sum(draws[category].lengths) <= amount)
        for category in categories
    ]


def shuffled_range(stop: int, source: random.Random) -> Iterator[int]:
    """The numbers below `stop` in random order, each order equally likely. The cost depends only on how many are taken.

    The Fisher-Yates shuffle; of the array only the entries that were swapped are stored.
    """
    swapped: dict[int, int] = {}
    for index in range(stop):
        other = source.randrange(index, stop)
        yield swapped.get(other, other)
        swapped[other] = swapped.pop(index, index)
