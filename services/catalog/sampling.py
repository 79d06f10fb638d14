"""Random samples of lists that are spread over shards."""

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from services.catalog import documents, draw
from services.catalog.ids import Ids
from services.catalog.item import Item
from services.catalog.places import Place
from services.catalog.shard import Shard
from services.catalog.together import together

# Each round draws again for the holes that the one before has met; where there are more, the sample stays short.
MOST_ROUNDS = 5
# A sample is not a secret, but SystemRandom needs no seed and is never shared with a forked process.
RANDOM = random.SystemRandom()


@dataclass
class Sample:
    category: str
    items: list[Item]
    # True where these are all there are.
    complete: bool


@dataclass
class _Drawing:
    category: str
    lengths: Sequence[int]
    numbers: Iterator[int]
    items: dict[str, Item] = field(default_factory=dict)

    def draw(self, amount: int) -> list[tuple[int, Place]]:
        """Shards and places, as many as the sample still lacks."""
        drawn = itertools.islice(self.numbers, amount - len(self.items))
        return [self._spot(number) for number in drawn]

    def _spot(self, number: int) -> tuple[int, Place]:
        for shard, length in enumerate(self.lengths):
            if number < length:
                return shard, (self.category, number)
            number -= length
        raise IndexError(number)


async def sample(shards: Sequence[Shard], ids: Ids, categories: Sequence[str], amount: int) -> list[Sample]:
    """One sample for each category, in their order. Each round is one query per shard for all of them."""
    lengths = await together(*(shard.lengths(categories) for shard in shards))
    drawings = []
    for category in dict.fromkeys(categories):
        of_shards = [of_shard[category] for of_shard in lengths]
        drawings.append(_Drawing(category, of_shards, draw.numbers(sum(of_shards), RANDOM)))
    for _ in range(MOST_ROUNDS):
        drawn = [(drawing, drawing.draw(amount)) for drawing in drawings]
        if not any(spots for _, spots in drawn):
            break
        found = await _look_up(shards, [spot for _, spots in drawn for spot in spots])
        for drawing, spots in drawn:
            for shard, place in spots:
                document = found[shard].get(place)
                if document is not None:
                    item_id = ids.text(shard, documents.object_id(document))
                    drawing.items[item_id] = documents.item(document, item_id)
    of_category = {drawing.category: drawing for drawing in drawings}
    return [_result(of_category[category], amount) for category in categories]


async def _look_up(
    shards: Sequence[Shard], spots: Sequence[tuple[int, Place]]
) -> list[dict[Place, documents.Document]]:
    wanted: list[dict[str, list[int]]] = [{} for _ in shards]
    for shard, (category, number) in spots:
        wanted[shard].setdefault(category, []).append(number)
    return await together(*(shard.standing_at(of_shard) for shard, of_shard in zip(shards, wanted, strict=True)))


def _result(drawing: _Drawing, amount: int) -> Sample:
    return Sample(drawing.category, list(drawing.items.values()), complete=sum(drawing.lengths) <= amount)
