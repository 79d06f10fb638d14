"""A program replaces its own blocks of figures and nothing else."""

from pathlib import Path

from load import results


def test_a_block_replaces_the_previous_one_and_keeps_the_rest(tmp_path: Path) -> None:
    file, plot = tmp_path / "RESULTS.md", tmp_path / "latency.png"
    file.write_text("# Results\n\nwritten by hand\n")
    plot.write_bytes(b"plot")
    results.put(file, "load_test", "100 users", "first")
    results.put(file, "load_test", "500 users", "second")
    results.put(file, "spark", "100 users", "another program's")

    results.put(file, "load_test", "100 users", "third", {"100-users.png": plot})

    text = file.read_text()
    assert text.startswith("# Results\n\nwritten by hand\n")
    assert "first" not in text
    assert text.index("third") < text.index("second") < text.index("another program's")
    assert text.count("### 100 users") == 2
    assert "![latency](pictures/100-users.png)" in text
    assert (tmp_path / "pictures" / "100-users.png").read_bytes() == b"plot"


def test_a_table_has_numbers_on_the_right() -> None:
    assert results.table("lr", ("kind", "ms"), [("item", "1.5")]) == "| kind | ms |\n|---|--:|\n| item | 1.5 |"
