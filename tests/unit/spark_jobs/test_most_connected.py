"""How the bounds are cut."""

from hypothesis import given
from hypothesis import strategies as st

from spark_jobs.most_connected import largest_not_wide


@given(st.lists(st.integers(1, 8), min_size=1), st.integers(0, 10))
def test_at_most_so_many_titles_are_wide(teams: list[int], wide: int) -> None:
    sizes = [(size, teams.count(size)) for size in sorted(set(teams), reverse=True)]
    typical = largest_not_wide(sizes, wide)
    assert sum(size > typical for size in teams) <= wide
    # And no smaller size would do, but for 1: then every team that has a pair is wide.
    assert typical == 1 or sum(size > typical - 1 for size in teams) > wide
