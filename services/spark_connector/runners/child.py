"""A job as a child process: its log kept, its time limited, its end certain."""

import asyncio
import contextlib
import logging
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from services.spark_connector.runners import SEE_LOG, JobFailed, took_too_long

log = logging.getLogger(__name__)

GUARD = Path(__file__).with_name("guard.py")
# What a job gets between SIGTERM and SIGKILL; less than what a connector gets that is told to stop.
GRACE_S = 2.0
TAIL_BYTES = 4000  # of a job's log, for ours, when it has failed
KILLED = 128 + 9


@dataclass(frozen=True)
class Bench:
    """Where jobs run on this machine, one folder a question: its log, and scratch space that is emptied each time."""

    folder: Path
    time_limit_s: float
    grace_s: float = GRACE_S

    @asynccontextmanager
    async def place(self, name: str) -> AsyncIterator["Place"]:
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        for left_by_a_killed_one in folder.glob("scratch-*"):
            await asyncio.to_thread(shutil.rmtree, left_by_a_killed_one, ignore_errors=True)
        scratch = Path(tempfile.mkdtemp(dir=folder, prefix="scratch-"))
        try:
            yield Place(folder / "job.log", scratch, self.time_limit_s, self.grace_s)
        finally:
            await asyncio.to_thread(shutil.rmtree, scratch, ignore_errors=True)


@dataclass(frozen=True)
class Place:
    log: Path
    scratch: Path
    time_limit_s: float
    grace_s: float

    async def run(self, command: Sequence[str], environment: Mapping[str, str], on_line: Callable[[str], None]) -> None:
        """Runs it to its end, giving each line of its standard output to `on_line`. Raises JobFailed."""
        with self.log.open("wb") as output:
            guarded = [sys.executable, "-I", "-S", str(GUARD), str(self.grace_s), *command]
            process = await asyncio.create_subprocess_exec(
                *guarded,
                cwd=self.scratch,  # what it drops where it stands, as Spark does, goes with the rest
                env=dict(environment),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=output,
                start_new_session=True,  # Ctrl-C in a terminal reaches the connector alone
            )
        try:
            async with asyncio.timeout(self.time_limit_s):
                await _lines(process, on_line)
                code = await process.wait()
        except TimeoutError:
            raise JobFailed(took_too_long(self.time_limit_s), self.tail()) from None
        finally:
            await _end(process, self.grace_s)
        if code == KILLED:
            raise JobFailed("the job was killed, most likely for want of memory", self.tail())
        if code:
            raise JobFailed(SEE_LOG, f"exit code {code}; {self.log} ends: {self.tail()}")

    def tail(self) -> str:
        with self.log.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - TAIL_BYTES))
            return file.read().decode(errors="replace")


async def _lines(process: asyncio.subprocess.Process, on_line: Callable[[str], None]) -> None:
    assert process.stdout is not None
    left = b""
    while chunk := await process.stdout.read(65536):
        *lines, left = (left + chunk).split(b"\n")
        left = left[:65536]  # a line without end is none of ours
        for line in lines:
            on_line(line.decode(errors="replace"))


async def _end(process: asyncio.subprocess.Process, grace_s: float) -> None:
    if process.returncode is not None:
        return
    assert process.stdin is not None
    process.stdin.close()  # the guard ends the job
    try:
        async with asyncio.timeout(grace_s + 3):
            await process.wait()
    except TimeoutError:
        log.error("a job's guard does not end; killing it", extra={"guard": process.pid})
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
