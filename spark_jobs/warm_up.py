"""Runs both questions on a few lines, so that the JVM loads what they need: for `submit --make-archive`."""

import contextlib
import sys
import tempfile
from pathlib import Path

if __package__ in (None, ""):  # started as a file: Python then looks in this folder, not where the package is
    sys.path.append(str(Path(__file__).resolve().parents[1]))

from spark_jobs import best_director, most_connected, run
from spark_jobs.views import VIEWS

CELLS = {"tconst": "tt0000001", "nconst": "nm0000001", "titleType": "movie", "directors": "nm0000001"}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for view in VIEWS.values():
            cells = [CELLS.get(column, "20000" if column == "numVotes" else "5") for column in view.columns]
            text = "\t".join(view.columns) + "\n" + "\t".join(cells) + "\n"
            Path(folder, f"{view.file}.tsv").write_text(text)
        for job in (best_director.JOB, most_connected.JOB):
            run.on_spark(job, ["--inputs", folder, "--output", f"{folder}/result.json"])


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):
        main()
