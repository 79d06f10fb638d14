"""What changes the order by score: noise from a seed, and a limit for items that look alike."""

import numpy as np

from services.taste.arrays import Doubles, Indices
from services.taste.model import Model

# Standard deviations of ln(score), roughly, by which a seed changes the order.
NOISE = 0.1
# Items look alike if they have the same rarest label, and at most this share of the type's items has it. At most
# MAX_ALIKE of ALIKE_WINDOW in a row look alike.
ALIKE_SHARE = 0.1
MAX_ALIKE, ALIKE_WINDOW = 3, 10


def noise(seed: int, item_type: int, positions: Indices) -> Doubles:
    """Gumbel noise for each position, times NOISE; it does not depend on the other positions.

    The uniform numbers under it are those of SplitMix64 (Steele, Lea, Flood, 2014) at these positions of its sequence.
    """
    start = np.random.default_rng([seed, item_type]).integers(2**64, dtype=np.uint64)
    mixed = (positions.astype(np.uint64) + start) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    uniform = ((mixed >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
    return NOISE * -np.log(-np.log(uniform))


def spread(model: Model, candidates: Indices, best: Indices, amount: int) -> list[int]:
    """The numbers of the first `amount` candidates, in the order of `best`.

    At most MAX_ALIKE of each ALIKE_WINDOW look alike while there are others.
    """
    result: list[int] = []
    waiting: list[int] = []
    used: dict[int, int] = {}  # in this window, by label

    def take(number: int) -> bool:
        label = _rarest_label(model, int(candidates[number]))
        if used.get(label, 0) >= MAX_ALIKE:
            return False
        if label >= 0:
            used[label] = used.get(label, 0) + 1
        result.append(number)
        if len(result) % ALIKE_WINDOW == 0:
            used.clear()
        return True

    for number in best.tolist():
        if len(result) >= amount:
            break
        # A window begins with the items that were held back.
        if not used and waiting:
            waiting = [held for held in waiting if not take(held)]
        if not take(number):
            waiting.append(number)
    return (result + waiting)[:amount]


def _rarest_label(model: Model, position: int) -> int:
    """-1 if the item has only labels that many items have."""
    terms = model.labels.items[position]
    idf = model.labels.idf[terms]
    return int(terms[np.argmax(idf)]) if len(terms) and idf.max() >= -np.log(ALIKE_SHARE) else -1
