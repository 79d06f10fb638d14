"""Which ratings are likes."""

import pytest

from services.taste.ratings import likes


@pytest.mark.parametrize(
    ("ratings", "expected"),
    [
        ([10, 8, 6], [True, True, False]),  # mean 8
        ([10, 10, 7], [True, True, False]),  # 7 is below the mean of 9
        ([2, 4, 6], [False, False, False]),  # above the mean, but not high
        ([8.1] * 7, [True] * 7),
        ([], []),
    ],
)
def test_a_like_is_high_and_not_below_the_mean(ratings: list[float], expected: list[bool]) -> None:
    assert likes(ratings) == expected
