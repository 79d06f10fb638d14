"""Tables of measurements in Markdown, and the blocks that programs write into RESULTS.md and docs/QUALITY.md."""

import platform
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

RESULTS = Path(__file__).with_name("RESULTS.md")
QUALITY = Path(__file__).parents[1] / "docs" / "QUALITY.md"
RULES = {"l": "---", "r": "--:"}


def table(alignment: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """`alignment` has one letter for each column: l (left) or r (right)."""
    lines = [f"| {' | '.join(cells)} |" for cells in (header, *rows)]
    lines.insert(1, f"|{'|'.join(RULES[letter] for letter in alignment)}|")
    return "\n".join(lines)


def put(document: Path, program: str, heading: str, text: str, pictures: Mapping[str, Path] | None = None) -> None:
    """Replaces the block that the program wrote under this heading before, or appends a new one.

    `pictures`: plots by the file name under which they are copied to the folder `pictures` beside the document.
    """
    parts = [f"### {heading}", text.strip()]
    if pictures:
        folder = document.parent / "pictures"
        folder.mkdir(exist_ok=True)
        for name, file in pictures.items():
            shutil.copyfile(file, folder / name)
        parts.append("\n".join(f"![{file.stem}]({folder.name}/{name})" for name, file in pictures.items()))
    begin, end = f"<!-- {program}: {heading} -->\n", f"\n<!-- end of {program} -->\n"
    block = begin + "\n\n".join(parts) + end
    old = document.read_text()
    pattern = re.compile(re.escape(begin) + r".*?" + re.escape(end), re.DOTALL)
    document.write_text(pattern.sub(lambda _: block, old) if begin in old else f"{old.rstrip()}\n\n{block}")


def machine() -> str:
    """Processors, memory and operating system of this machine."""
    model = "unknown processor"
    with suppress(OSError, StopIteration):
        model = next(
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        )
    return (
        f"{psutil.cpu_count()} × {model}, {psutil.virtual_memory().total >> 30} GiB, "
        f"{platform.system()} {platform.release()}"
    )
