"""Writes measured figures into load/RESULTS.md, in one block per program and heading."""

import platform
import re
from contextlib import suppress
from pathlib import Path

import psutil

RESULTS = Path(__file__).with_name("RESULTS.md")


def put(file: Path, program: str, heading: str, text: str) -> None:
    """Replaces the block that an earlier run of the program wrote under this heading, or appends a new one."""
    old = file.read_text() if file.exists() else "# Results\n"
    begin, end = f"<!-- {program}: {heading} -->", f"<!-- end of {program} -->"
    block = f"{begin}\n### {heading}\n\n{text.strip()}\n{end}\n"
    pattern = re.compile(re.escape(begin) + r".*?" + re.escape(end) + "\n", re.DOTALL)
    file.write_text(pattern.sub(lambda _: block, old) if begin in old else f"{old.rstrip()}\n\n{block}")


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
