"""The limit between wide and narrow titles."""

from hypothesis import given
from hypothesis import strategies as st

from spark_jobs.most_connected import largest_narrow_size


@given(st.lists(st.integers(1, 8), min_size=1), st.integers(0, 10))
def test_the_narrow_size_is_the_smallest_that_at_most_that_many_titles_exceed(teams: list[int], wide: int) -> None:
    sizes = [(size, teams.count(size)) for size in sorted(set(teams), reverse=True)]
    narrow_size = largest_narrow_size(sizes, wide)
    assert sum(size > narrow_size for size in teams) <= wide
    # With any smaller size there are too many, except for 1: then every title with two people is wide.
    assert narrow_size == 1 or sum(size > narrow_size - 1 for size in teams) > wide
