"""The report of a recorded run: 20 users for 10 seconds against a gateway that sometimes gave wrong answers."""

import math
import shutil
from pathlib import Path

import pytest
from matplotlib.image import imread

from load.locust_users import locust_csv, report

RECORDED = Path(__file__).with_name("recorded")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = shutil.copytree(RECORDED, tmp_path_factory.mktemp("run") / "run")
    report.write(folder)
    return folder


def test_seconds_continue_when_locust_resets_its_totals() -> None:
    seconds = locust_csv.seconds(RECORDED)
    assert [second.time for second in seconds] == sorted({second.time for second in seconds})
    assert max(second.users for second in seconds) == 20
    assert all(second.per_second >= 0 and second.failures_per_second >= 0 for second in seconds)
    assert all(math.isnan(second.p50) or second.p50 <= second.p95 <= second.p99 for second in seconds)
    # After the arrival no request is lost or counted twice.
    counted = sum(second.per_second for second in seconds if second.users == 20)
    assert counted == pytest.approx(locust_csv.endpoints(RECORDED)[-1].requests, rel=0.2)


def test_the_table_has_a_row_for_each_kind_of_request_and_one_for_all(folder: Path) -> None:
    table = (folder / report.TABLE).read_text()
    for endpoint in locust_csv.endpoints(folder):
        assert endpoint.name in table
        assert f"| {endpoint.requests:,} | {endpoint.failures:,} | {endpoint.per_second:.1f} |" in table
    assert table.index("`GET /user/search/{username}`") < table.index("| all |")


def test_failures_are_listed_with_their_reasons(folder: Path) -> None:
    failures = locust_csv.failures(folder)
    assert failures
    for failure in failures:
        listed = f"- {failure.count:,} × `{failure.request}`: {failure.reason}"
        assert listed in (folder / report.TABLE).read_text()


def test_plots_are_not_blank(folder: Path) -> None:
    for name in ("requests", "latency", "resources"):
        pixels = imread(folder / f"{name}.png")
        assert pixels.shape[0] > 300
        assert pixels.shape[1] > 600
        assert pixels.std() > 0.05


def test_the_page_is_self_contained(folder: Path) -> None:
    page = (folder / report.PAGE).read_text()
    assert page.count('src="data:image/png;base64,') == page.count("src=") == 3
    assert "href" not in page
    assert "url(" not in page


def test_the_page_escapes_error_texts(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    for name in ("run.json", "locust_stats.csv", "locust_failures.csv"):  # without plots, which are slow
        text = (RECORDED / name).read_text()
        (folder / name).write_text(text.replace("another item", "<script>another item</script>"))
    report.write(folder)
    page = (folder / report.PAGE).read_text()
    assert "<script" not in page
    assert "&lt;script&gt;another item" in page
