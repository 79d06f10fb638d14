"""A job as a process on this machine, with a log, a time limit and scratch space. None of its processes outlive it."""

import asyncio
import contextlib
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from services.spark_connector.runners.job import (
    SEE_LOG,
    JobFailed,
    ProgressEvent,
    Report,
    time_limit_message,
    user_message,
)

log = logging.getLogger(__name__)

GUARD = Path(__file__).with_name("guard.py")
# Seconds from SIGTERM to SIGKILL; less than the connector's own SEEN_GRACE_S.
GRACE_S = 2.0
TAIL_BYTES = 4000  # of a failed job's log, copied to ours
KILLED = 128 + 9
MAX_LINE_BYTES = 65536


@dataclass(frozen=True)
class WorkDir:
    """The folder of one run: the job's log, and scratch space."""

    log: Path
    scratch: Path
    time_limit_s: float
    grace_s: float

    @property
    def result(self) -> Path:
        return self.scratch / "result.json"

    async def run(self, command: Sequence[str], environment: Mapping[str, str], inputs: str, report: Report) -> None:
        """Runs a command that writes its progress as spark_jobs/steps.py describes. Returns when it has succeeded.

        `environment` is added to the environment of this process. Raises JobFailed: if users may see the command's own
        error, with this error, without the location of the `inputs`.
        """
        error = ""

        def read_line(line: str) -> None:
            nonlocal error
            if event := ProgressEvent.parse(line):
                error = event.error
                report(event.stage, event.progress)

        def failed(message: str, detail: str) -> JobFailed:
            return JobFailed(user_message(error, inputs) or message, f"{error}; {detail}" if error else detail)

        with self.log.open("wb") as output:
            guarded = [sys.executable, "-I", "-S", str(GUARD), str(self.grace_s), *command]
            process = await asyncio.create_subprocess_exec(
                *guarded,
                cwd=self.scratch,  # Spark leaves files in its working directory
                env={**os.environ, "TMPDIR": str(self.scratch), **environment},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=output,
                start_new_session=True,  # Ctrl-C in a terminal reaches the connector alone
            )
        try:
            async with asyncio.timeout(self.time_limit_s):
                await _read_lines(process, read_line)
                code = await process.wait()
        except TimeoutError:
            raise failed(time_limit_message(self.time_limit_s), self._log_tail()) from None
        finally:
            await _end(process, self.grace_s)
        if code == KILLED:
            raise failed("the job was killed, probably because memory ran out", self._log_tail())
        if code:
            raise failed(SEE_LOG, f"exit code {code}; {self.log} ends: {self._log_tail()}")

    def _log_tail(self) -> str:
        with self.log.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - TAIL_BYTES))
            return file.read().decode(errors="replace")


@dataclass(frozen=True)
class WorkDirs:
    """The work directories of all jobs."""

    folder: Path
    time_limit_s: float
    grace_s: float = GRACE_S

    @asynccontextmanager
    async def open(self, name: str) -> AsyncIterator[WorkDir]:
        """Removes the scratch space at the end, and at the start the scratch space of killed runs of the same job."""
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        for left_behind in folder.glob("scratch-*"):
            await asyncio.to_thread(shutil.rmtree, left_behind, ignore_errors=True)
        scratch = Path(tempfile.mkdtemp(dir=folder, prefix="scratch-"))
        try:
            yield WorkDir(folder / "job.log", scratch, self.time_limit_s, self.grace_s)
        finally:
            await asyncio.to_thread(shutil.rmtree, scratch, ignore_errors=True)


async def _read_lines(process: asyncio.subprocess.Process, on_line: Callable[[str], None]) -> None:
    assert process.stdout is not None
    rest = b""
    while chunk := await process.stdout.read(65536):
        *lines, rest = (rest + chunk).split(b"\n")
        rest = rest[:MAX_LINE_BYTES]  # no job of ours writes longer lines
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
        log.error("the guard of a job does not end and is killed", extra={"guard": process.pid})
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
