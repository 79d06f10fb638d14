"""Tables and plot from made-up measurements."""

from pathlib import Path

import pytest

from load.benchmarks.http.measure import Measurement
from load.benchmarks.http.report import Results


def measured(number: int, target: str, gateway_ms: float, kind: str = "item") -> Measurement:
    times = {"gateway": gateway_ms, "mongod": 0.5}
    mib = {"gateway": 100.0, "mongod": 900.0}
    return Measurement(
        number,
        kind,
        target,
        1000,
        1,
        250.0,
        4.0,
        9.0,
        times,
        mib,
        others=0.0,
        hit_rate=0.9 if target == "seen" else None,
    )


@pytest.fixture
def results() -> Results:
    seen = [measured(number, "seen", ms) for number, ms in enumerate((1.5, 9.5, 2.5))]
    peer = [measured(number, "peer", ms) for number, ms in enumerate((0.5, 4.5, 0.5))]
    return Results([*seen, *peer], base="peer")


def test_a_ratio_compares_measurements_of_the_same_round(results: Results) -> None:
    assert results.ratio("item", "seen") == 2.0  # of 2, 2 and 3; the medians of the times would give 3


def test_a_row_has_medians_and_the_sum_of_failures(results: Results) -> None:
    row = next(line for line in results.table().splitlines() if "| seen |" in line)
    assert row == "| item | seen | 3.00 | 2.00 | 250 | 4.0 | 9.0 | 3 | 90% | gateway 2.50, mongod 0.50 |"


def test_a_target_without_a_cache_has_no_hit_rate(results: Results) -> None:
    row = next(line for line in results.table().splitlines() if "| peer |" in line)
    assert "| 3 |  | gateway" in row


def test_memory_is_listed_without_mongod(results: Results) -> None:
    assert "| peer | 100 | 900 | gateway 100 |" in results.memory_table()


def test_the_plot_is_a_png_file(results: Results, tmp_path: Path) -> None:
    results.plot(tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
