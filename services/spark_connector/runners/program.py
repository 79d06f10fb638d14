"""The jobs as programs: their files, what they are told, and what they say while they run."""

import io
import json
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from services.spark_connector.answers import version_of
from services.spark_connector.runners import Job

PACKAGE = "spark_jobs"
SUFFIXES = (".py", ".sql")

NamedFile = tuple[str, bytes]


@dataclass(frozen=True)
class Program:
    """The package `spark_jobs` in this folder: `embedded`, and a main for each question."""

    folder: Path

    def main(self, question: str) -> Path:
        return self.folder / f"{question}.py"

    @cached_property
    def files(self) -> Sequence[NamedFile]:
        """Everything that runs, under its path in the package."""
        paths = sorted(path for path in self.folder.rglob("*") if path.suffix in SUFFIXES)
        return [(path.relative_to(self.folder).as_posix(), path.read_bytes()) for path in paths]

    @cached_property
    def version(self) -> str:
        return version_of(self.files)

    def for_cluster(self, question: str) -> tuple[NamedFile, Sequence[NamedFile]]:
        """The main, and a zip of the package that it imports."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as package:
            for name, content in self.files:
                package.writestr(zipfile.ZipInfo(f"{PACKAGE}/{name}"), content)
        main = self.main(question)
        return (main.name, main.read_bytes()), [(f"{PACKAGE}.zip", packed.getvalue())]


def arguments(job: Job, output: str) -> list[str]:
    """What follows a main's name on its command line."""
    own = [f"--{name.replace('_', '-')}={value}" for name, value in job.asked.arguments]
    return [f"--inputs={job.inputs.where}", f"--output={output}", *own]


@dataclass(frozen=True)
class Said:
    """What a job says of itself: what it does and the part done, or why it failed."""

    stage: str
    share: float
    error: str = ""


def said(line: str) -> Said | None:
    """None for a line that tells nothing of the job's progress."""
    try:
        told = json.loads(line)
        return Said(str(told["stage"]), float(told["share"]), str(told.get("error", "")))
    except (ValueError, TypeError, KeyError):
        return None


def sentence(error: str, inputs: str) -> str | None:
    """What users may hear of a job's error: what is wrong with the inputs, not where they are; nothing of a fault."""
    if not error or re.match(r"\w+: ", error):
        return None
    return error.replace(f"{inputs.rstrip('/')}/", "").replace(inputs, "the inputs")
