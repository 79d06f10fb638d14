"""Labels and themes of items, weighted by how rare they are (inverse document frequency)."""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from services.taste.arrays import Doubles, Floats, Indices, Ints, Rows


@dataclass(frozen=True)
class Terms:
    """Categories, or themes, of all items. The same word in two types is two terms.

    `idf` is ln(items of the type / items with the term), at least 0: the rarer, the higher. `items` has one row of
    terms for each item.
    """

    names: Sequence[str]
    types: Ints
    idf: Floats
    items: Rows

    @classmethod
    def count(
        cls,
        types: Sequence[int],
        words: Sequence[Sequence[str]],
        counted: Mapping[int, tuple[int, Mapping[str, int]]],
    ) -> Self:
        """`types` and `words` are of each item. `counted`: by type, the number of its items, and of those with a word.

        A type that is not in `counted` is counted in the items themselves.
        """
        counts = {**_count(types, words), **counted}
        numbers: dict[tuple[int, str], int] = {}
        items = Rows.of(
            [
                [numbers.setdefault((item_type, word), len(numbers)) for word in dict.fromkeys(words_of_item)]
                for item_type, words_of_item in zip(types, words, strict=True)
            ]
        )
        # A word that is not in the counts, because they are older than the item, is as rare as can be.
        frequencies = [(counts[item_type][0], counts[item_type][1].get(word, 1)) for item_type, word in numbers]
        idf = [np.log(max(total, 1) / max(having, 1)) for total, having in frequencies]
        return cls(
            [word for _, word in numbers],
            np.array([item_type for item_type, _ in numbers], np.int32),
            np.maximum(np.array(idf, np.float32), 0),
            items,
        )

    @cached_property
    def by_name(self) -> Mapping[int, Mapping[str, int]]:
        """The number of each term, by item type and word."""
        numbers: dict[int, dict[str, int]] = {}
        for number, (item_type, name) in enumerate(zip(self.types.tolist(), self.names, strict=True)):
            numbers.setdefault(item_type, {})[name] = number
        return numbers

    @cached_property
    def lengths(self) -> Doubles:
        """The length of each item's vector of idf. 1 for an item without terms."""
        lengths = np.sqrt(self.items.sums(self.idf[self.items.values].astype(np.float64) ** 2))
        return np.where(lengths > 0, lengths, 1.0)

    def select(self, items: Indices) -> Self:
        """The terms of these items alone."""
        return dataclasses.replace(self, items=self.items.select(items)[0])


def _count(types: Sequence[int], words: Sequence[Sequence[str]]) -> dict[int, tuple[int, Mapping[str, int]]]:
    counts: dict[int, Counter[str]] = {item_type: Counter() for item_type in types}
    for item_type, words_of_item in zip(types, words, strict=True):
        counts[item_type].update(set(words_of_item))
    totals = Counter(types)
    return {item_type: (totals[item_type], having) for item_type, having in counts.items()}
