"""Several lists merged round-robin: a1 b1 c1 a2 b2 c2 …; later rounds skip lists that have ended.

Any range of the merged list is computed from the lengths alone, so page 100,000 costs no more than page 1.
"""

from collections.abc import Sequence


def spans(lengths: Sequence[int], start: int, limit: int) -> list[tuple[int, int]]:
    """For each list, the (start, count) of its entries among the `limit` merged entries from `start` on."""
    first = _taken(lengths, start)
    last = _taken(lengths, start + limit)
    return [(begin, end - begin) for begin, end in zip(first, last, strict=True)]


def sources(lengths: Sequence[int], start: int, limit: int) -> list[int]:
    """For each of these merged entries, in order, the index of the list that it comes from."""
    entries = sorted(
        (entry, number)
        for number, (begin, count) in enumerate(spans(lengths, start, limit))
        for entry in range(begin, begin + count)
    )
    return [number for _, number in entries]


def _taken(lengths: Sequence[int], count: int) -> list[int]:
    """How many entries of each list are among the first `count` merged entries."""
    taken = [0] * len(lengths)
    left = min(count, sum(lengths))
    # Each step takes as many full rounds as the shortest remaining list allows; the last step takes part of a round.
    while left:
        remaining = [number for number, length in enumerate(lengths) if taken[number] < length]
        rounds = min(left // len(remaining), min(lengths[number] - taken[number] for number in remaining))
        for number in remaining:
            taken[number] += rounds
        left -= rounds * len(remaining)
        if left < len(remaining) and rounds == 0:
            for number in remaining[:left]:
                taken[number] += 1
            left = 0
    return taken
