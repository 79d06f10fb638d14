from hypothesis import given
from hypothesis import strategies as st

from services.common import interleave

lengths_of_lists = st.lists(st.integers(0, 12), max_size=5)


@given(lengths_of_lists, st.integers(0, 70), st.integers(0, 20))
def test_sources_of_a_range_equal_the_range_of_the_naively_merged_lists(
    lengths: list[int], start: int, limit: int
) -> None:
    merged = [number for round_ in range(12) for number, length in enumerate(lengths) if round_ < length]
    assert interleave.sources(lengths, start, limit) == merged[start : start + limit]


@given(lengths_of_lists, st.integers(1, 20))
def test_consecutive_ranges_hold_every_entry_exactly_once(lengths: list[int], size: int) -> None:
    entries = [
        (number, begin + step)
        for start in range(0, sum(lengths), size)
        for number, (begin, count) in enumerate(interleave.spans(lengths, start, size))
        for step in range(count)
    ]
    assert sorted(entries) == [(number, entry) for number, length in enumerate(lengths) for entry in range(length)]


def test_a_range_near_the_end_of_ten_million_entries_is_computed_from_the_lengths() -> None:
    assert interleave.spans([2_000, 10_000_000, 9_000], 9_999_990, 10)[1] == (9_988_990, 10)
