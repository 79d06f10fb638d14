"""Drawing at random without looking at what is drawn from."""

import random
from collections.abc import Iterator


def numbers(below: int, source: random.Random) -> Iterator[int]:
    """All numbers below this one in random order, each order equally likely; the cost is that of what is taken.

    Fisher and Yates' shuffle over a range, of which only the entries that were swapped are kept.
    """
    swapped: dict[int, int] = {}
    for position in range(below):
        other = source.randrange(position, below)
        yield swapped.get(other, other)
        swapped[other] = swapped.pop(position, position)
