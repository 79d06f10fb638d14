from hypothesis import given
from hypothesis import strategies as st

from services.common import turns

lengths_of_lists = st.lists(st.integers(0, 12), max_size=5)


@given(lengths_of_lists, st.integers(0, 70), st.integers(0, 20))
def test_any_stretch_is_the_stretch_of_the_lists_merged_by_hand(lengths: list[int], start: int, limit: int) -> None:
    merged = [number for turn in range(12) for number, length in enumerate(lengths) if turn < length]
    assert turns.order(lengths, start, limit) == merged[start : start + limit]


@given(lengths_of_lists, st.integers(1, 20))
def test_the_stretches_one_after_the_other_hold_every_entry_once(lengths: list[int], size: int) -> None:
    entries = [
        (number, begin + step)
        for start in range(0, sum(lengths), size)
        for number, (begin, count) in enumerate(turns.spans(lengths, start, size))
        for step in range(count)
    ]
    assert sorted(entries) == [(number, entry) for number, length in enumerate(lengths) for entry in range(length)]


def test_a_stretch_far_into_ten_million_entries_is_found_at_once() -> None:
    assert turns.spans([2_000, 10_000_000, 9_000], 9_999_990, 10)[1] == (9_988_990, 10)
