"""Random samples of lists that are spread over shards."""

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from services.catalog.item import Item
from services.catalog.store.shard import Shard, gather_all

# Each round draws replacements for the holes of the previous one. A list with very many holes gives a short sample.
MAX_ROUNDS = 5


@dataclass
class Sample:
    list_name: str
    items: list[Item]
    # Whether these are all the items of the list.
    complete: bool


@dataclass
class _Draw:
    """One list over all shards. `numbers` are random positions in the shards' lists joined end to end."""

    list_name: str
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
    shards: Sequence[Shard], list_names: Sequence[str], amount: int, max_lists: int = 0, seed: int | None = None
) -> list[Sample]:
    """One sample per list, in their order. Each round is one query per shard for all lists.

    If `max_lists` is not 0, only the first lists that have items are sampled, at most that many. The same seed gives
    the same sample of a list until the list changes.
    """
    lengths = await gather_all(*(shard.lengths(list_names) for shard in shards))
    if max_lists:
        with_items = [name for name in list_names if any(shard_lengths[name] for shard_lengths in lengths)]
        list_names = with_items[:max_lists]
    if seed is None:
        seed = random.getrandbits(64)
    draws = {}
    for name in list_names:
        list_lengths = [shard_lengths[name] for shard_lengths in lengths]
        # One generator per list, so that a sample does not depend on the other lists of the request.
        numbers = shuffled_range(sum(list_lengths), random.Random(f"{seed}/{name}"))  # noqa: S311 - samples are not secret
        draws[name] = _Draw(name, list_lengths, numbers)
    for _ in range(MAX_ROUNDS):
        drawn = [(draw, *position) for draw in draws.values() for position in draw.next_positions(amount)]
        if not drawn:
            break
        requests: list[dict[str, list[int]]] = [{} for _ in shards]
        for draw, shard, position in drawn:
            requests[shard].setdefault(draw.list_name, []).append(position)
        items = await gather_all(*(shard.get_at(request) for shard, request in zip(shards, requests, strict=True)))
        for draw, shard, position in drawn:
            item = items[shard].get((draw.list_name, position))
            if item is not None:
                draw.items[item.id] = item
    return [
        Sample(name, list(draws[name].items.values()), complete=sum(draws[name].lengths) <= amount)
        for name in list_names
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
