"""A job as a child process: its output and failures, and how its processes and files are removed."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

from services.spark_connector.runners.job import JobFailed, Report
from services.spark_connector.runners.process import GUARD, WorkDir, WorkDirs

# A job that ignores SIGTERM and starts another process in a session of its own. Its stage is both process ids.
STUBBORN = """
    import json, os, signal, subprocess, sys, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    print(json.dumps({"stage": f"{os.getpid()} {left.pid}", "progress": 0}), flush=True)
    time.sleep(600)
"""


async def run(
    folder: Path,
    program: str,
    report: Report = lambda stage, share: None,
    time_limit_s: float = 60,
    grace_s: float = 0.3,
) -> WorkDir:
    async with WorkDirs(folder, time_limit_s, grace_s).open("best_director") as work_dir:
        command = [sys.executable, "-c", textwrap.dedent(program)]
        await work_dir.run(command, {"SCRATCH": str(work_dir.scratch)}, "the inputs", report)
    return work_dir


async def until_gone(pids: list[int]) -> None:
    async with asyncio.timeout(60):
        while any(alive(pid) for pid in pids):
            await asyncio.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Pids:
    """The process ids in the stage that a job reports."""

    def __init__(self) -> None:
        self.pids: list[int] = []

    def report(self, stage: str, share: float) -> None:
        self.pids = [int(pid) for pid in stage.split()]


async def started(task: "asyncio.Task[WorkDir]", reported: Pids) -> list[int]:
    async with asyncio.timeout(60):
        while not reported.pids and not task.done():
            await asyncio.sleep(0.02)
    if task.done():
        await task
    pids = reported.pids
    assert all(map(alive, pids))
    return pids


async def test_progress_is_reported_and_other_lines_are_ignored(tmp_path: Path) -> None:
    program = """
        print("not JSON")
        print('{"stage": "reading", "progress": 0.5}')
        print("x" * 200_000)
        print('{"stage": "counting", "progress": 1}')
    """
    reported: list[tuple[str, float]] = []
    await run(tmp_path, program, lambda stage, share: reported.append((stage, share)))
    assert reported == [("reading", 0.5), ("counting", 1)]


async def test_the_log_is_kept(tmp_path: Path) -> None:
    work_dir = await run(tmp_path, "import sys; print('a warning', file=sys.stderr)")
    assert work_dir.log.read_text() == "a warning\n"


async def test_scratch_files_are_removed_including_those_of_killed_jobs(tmp_path: Path) -> None:
    left_behind = tmp_path / "best_director" / "scratch-of-a-killed-job"
    left_behind.mkdir(parents=True)
    await run(tmp_path, "import os; open(os.environ['SCRATCH'] + '/spill', 'w').close()")
    assert [path.name for path in (tmp_path / "best_director").iterdir()] == ["job.log"]


async def test_a_failure_has_a_sentence_for_users_and_the_end_of_the_log(tmp_path: Path) -> None:
    with pytest.raises(JobFailed) as failed:
        await run(tmp_path, "import sys; sys.exit('the end of the log')")
    assert failed.value.message == "the job failed; the Spark connector's log says why"
    assert "the end of the log" in failed.value.detail


async def test_a_killed_job_is_reported_as_out_of_memory(tmp_path: Path) -> None:
    with pytest.raises(JobFailed, match="memory"):
        await run(tmp_path, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")


async def test_a_job_over_its_time_limit_ends_with_all_its_processes(tmp_path: Path) -> None:
    reported = Pids()
    with pytest.raises(JobFailed, match="exceeded its time limit of 5 seconds"):
        await run(tmp_path, STUBBORN, reported.report, time_limit_s=5)
    await until_gone(reported.pids)


async def test_cancelling_ends_a_stubborn_job_with_all_its_processes(tmp_path: Path) -> None:
    reported = Pids()
    task = asyncio.create_task(run(tmp_path, STUBBORN, reported.report))
    pids = await started(task, reported)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until_gone(pids)


async def test_a_cancelled_job_has_time_to_clean_up(tmp_path: Path) -> None:
    program = f"""
        import json, os, signal, sys, time
        def end(*_):
            open({str(tmp_path / "cleaned_up")!r}, "w").close()
            sys.exit()
        signal.signal(signal.SIGTERM, end)
        print(json.dumps({{"stage": str(os.getpid()), "progress": 0}}), flush=True)
        time.sleep(600)
    """
    reported = Pids()
    task = asyncio.create_task(run(tmp_path, program, reported.report, grace_s=20))
    await started(task, reported)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (tmp_path / "cleaned_up").exists()


async def test_when_the_caller_is_killed_the_job_ends_with_all_its_processes() -> None:
    program = f"""
        import subprocess, sys
        command = [sys.executable, "-I", "-S", {str(GUARD)!r}, "0.2", sys.executable, "-c", sys.argv[1]]
        subprocess.Popen(command, stdin=subprocess.PIPE).wait()
    """
    caller = subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-c", textwrap.dedent(program), textwrap.dedent(STUBBORN)], stdout=subprocess.PIPE
    )
    assert caller.stdout is not None
    line = await asyncio.to_thread(caller.stdout.readline)
    pids = [int(pid) for pid in json.loads(line)["stage"].split()]
    assert len(pids) == 2
    assert all(map(alive, pids))
    caller.kill()
    caller.wait()
    await until_gone(pids)
    caller.stdout.close()


async def test_when_the_guard_is_killed_the_job_ends(tmp_path: Path) -> None:
    reported = Pids()
    task = asyncio.create_task(run(tmp_path, STUBBORN, reported.report))
    job, left = await started(task, reported)
    os.kill(psutil.Process(job).ppid(), signal.SIGKILL)
    try:
        await until_gone([job])
    finally:
        os.kill(left, signal.SIGKILL)  # nothing else ends it, and it holds the job's standard output
    with pytest.raises(JobFailed):
        await task
