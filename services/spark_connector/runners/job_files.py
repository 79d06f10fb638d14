"""The files of the package spark_jobs, which runners start or upload."""

import hashlib
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

PACKAGE = "spark_jobs"
SUFFIXES = (".py", ".sql")

NamedFile = tuple[str, bytes]


@dataclass(frozen=True)
class JobFiles:
    """`folder` is the package: run_duckdb.py, and a main program for each question."""

    folder: Path

    def main(self, question: str) -> Path:
        return self.folder / f"{question}.py"

    @cached_property
    def files(self) -> Sequence[NamedFile]:
        paths = sorted(path for path in self.folder.rglob("*") if path.suffix in SUFFIXES)
        return [(path.relative_to(self.folder).as_posix(), path.read_bytes()) for path in paths]

    @cached_property
    def version(self) -> str:
        """A hash of all files."""
        digest = hashlib.sha256()
        for name, content in self.files:
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()

    def for_cluster(self, question: str) -> tuple[NamedFile, NamedFile]:
        """The main program, and a zip of the package that it imports."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as package:
            for name, content in self.files:
                package.writestr(zipfile.ZipInfo(f"{PACKAGE}/{name}"), content)
        main = self.main(question)
        return (main.name, main.read_bytes()), (f"{PACKAGE}.zip", packed.getvalue())
