"""Several lists read as one, taking turns: a1 b1 c1 a2 b2 c2 …, and on without those that have run out.

Any stretch of the merged list is found from the lengths alone, so that page 100,000 costs what page 1 does.
"""

from collections.abc import Sequence


def spans(lengths: Sequence[int], start: int, limit: int) -> list[tuple[int, int]]:
    """For each list, the (start, count) of its entries that are among the `limit` merged ones from `start` on."""
    first = _taken(lengths, start)
    last = _taken(lengths, start + limit)
    return [(begin, end - begin) for begin, end in zip(first, last, strict=True)]


def order(lengths: Sequence[int], start: int, limit: int) -> list[int]:
    """Which list each of those merged entries comes from, in order."""
    entries = sorted(
        (entry, number)
        for number, (begin, count) in enumerate(spans(lengths, start, limit))
        for entry in range(begin, begin + count)
    )
    return [number for _, number in entries]


def _taken(lengths: Sequence[int], merged: int) -> list[int]:
    """How many entries of each list are among the first `merged` merged ones."""
    taken = [0] * len(lengths)
    left = min(merged, sum(lengths))
    # Each step takes as many whole rounds as the shortest list still running allows, then at most one part of a round.
    while left:
        running = [number for number, length in enumerate(lengths) if taken[number] < length]
        rounds = min(left // len(running), min(lengths[number] - taken[number] for number in running))
        for number in running:
            taken[number] += rounds
        left -= rounds * len(running)
        if left < len(running) and rounds == 0:
            for number in running[:left]:
                taken[number] += 1
            left = 0
    return taken
