"""A program replaces its own blocks of figures and nothing else."""

from pathlib import Path

from load import results


def test_a_block_replaces_the_previous_one_and_keeps_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "RESULTS.md"
    file.write_text("# Results\n\nwritten by hand\n")
    results.put(file, "load_test", "100 users", "first")
    results.put(file, "load_test", "500 users", "second")
    results.put(file, "bench_spark", "100 users", "another program's")

    results.put(file, "load_test", "100 users", "third")

    text = file.read_text()
    assert text.startswith("# Results\n\nwritten by hand\n")
    assert "first" not in text
    assert text.index("third") < text.index("second") < text.index("another program's")
    assert text.count("### 100 users") == 2
