"""A job as a child process: what it says, how it fails, and that nothing of it is left behind. Real processes."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from services.spark_connector.runners import JobFailed
from services.spark_connector.runners.child import GUARD, Bench, Place

# A job that leaves a process of its own behind, in a session of its own, and ignores being asked to end.
STUBBORN = """
    import os, signal, subprocess, sys, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    print(os.getpid(), left.pid, flush=True)
    time.sleep(600)
"""


async def run(
    folder: Path, program: str, on_line: Callable[[str], None] = lambda line: None, time_limit_s: float = 20
) -> Place:
    async with Bench(folder, time_limit_s, grace_s=0.3).place("best_director") as place:
        command = [sys.executable, "-c", textwrap.dedent(program)]
        await place.run(command, os.environ | {"SCRATCH": str(place.scratch)}, on_line)
    return place


async def until_gone(pids: list[int], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while any(alive(pid) for pid in pids):
            await asyncio.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def started(folder: Path, task: "asyncio.Task[Place]", lines: list[str]) -> list[int]:
    async with asyncio.timeout(10):
        while not lines and not task.done():
            await asyncio.sleep(0.02)
    if task.done():
        await task
    pids = [int(pid) for pid in lines[0].split()]
    assert all(map(alive, pids))
    return pids


async def test_each_line_of_its_output_is_heard_as_it_comes(tmp_path: Path) -> None:
    lines: list[str] = []
    await run(tmp_path, "print('one'); print('x' * 200_000, end=''); print(); print('three')", lines.append)
    assert (lines[0], lines[2]) == ("one", "three")


async def test_its_log_is_kept(tmp_path: Path) -> None:
    place = await run(tmp_path, "import sys; print('a warning', file=sys.stderr)")
    assert place.log.read_text() == "a warning\n"


async def test_its_scratch_files_go_with_it_and_those_of_one_that_was_killed_go_with_the_next(tmp_path: Path) -> None:
    left = tmp_path / "best_director" / "scratch-of-a-killed-one"
    left.mkdir(parents=True)
    await run(tmp_path, "import os; open(os.environ['SCRATCH'] + '/spill', 'w').close()")
    assert [path.name for path in (tmp_path / "best_director").iterdir()] == ["job.log"]


async def test_a_failure_tells_users_one_sentence_and_the_log_its_end(tmp_path: Path) -> None:
    with pytest.raises(JobFailed) as failed:
        await run(tmp_path, "import sys; sys.exit('the end of the story')")
    assert failed.value.message == "the job failed; the connector's log says why"
    assert "the end of the story" in failed.value.detail


async def test_a_killed_job_is_said_to_want_memory(tmp_path: Path) -> None:
    with pytest.raises(JobFailed, match="memory"):
        await run(tmp_path, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")


async def test_a_job_over_its_time_is_stopped_with_all_that_it_started(tmp_path: Path) -> None:
    lines: list[str] = []
    with pytest.raises(JobFailed, match="longer than the 1 seconds"):
        await run(tmp_path, STUBBORN, lines.append, time_limit_s=1)
    await until_gone([int(pid) for pid in lines[0].split()], seconds=1)


async def test_cancelling_ends_a_stubborn_job_with_all_that_it_started(tmp_path: Path) -> None:
    lines: list[str] = []
    task = asyncio.create_task(run(tmp_path, STUBBORN, lines.append))
    pids = await started(tmp_path, task, lines)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until_gone(pids, seconds=1)


async def test_a_job_that_can_end_by_itself_is_given_the_time(tmp_path: Path) -> None:
    program = f"""
        import signal, sys, time
        def end(*_):
            open({str(tmp_path / "tidied")!r}, "w").close()
            sys.exit()
        signal.signal(signal.SIGTERM, end)
        print(__import__("os").getpid(), flush=True)
        time.sleep(600)
    """
    lines: list[str] = []
    task = asyncio.create_task(run(tmp_path, program, lines.append))
    await started(tmp_path, task, lines)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (tmp_path / "tidied").exists()


async def test_when_the_starter_is_killed_the_job_ends_with_all_that_it_started() -> None:
    program = f"""
        import subprocess, sys
        command = [sys.executable, "-I", "-S", {str(GUARD)!r}, "0.2", sys.executable, "-c", sys.argv[1]]
        subprocess.Popen(command, stdin=subprocess.PIPE).wait()
    """
    starter = subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-c", textwrap.dedent(program), textwrap.dedent(STUBBORN)], stdout=subprocess.PIPE
    )
    assert starter.stdout is not None
    pids = [int(pid) for pid in (await asyncio.to_thread(starter.stdout.readline)).split()]
    assert len(pids) == 2
    assert all(map(alive, pids))
    starter.kill()
    starter.wait()
    await until_gone(pids)
    starter.stdout.close()


async def test_when_the_guard_is_killed_the_job_ends(tmp_path: Path) -> None:
    lines: list[str] = []
    task = asyncio.create_task(run(tmp_path, STUBBORN, lines.append, time_limit_s=2))
    job, left = await started(tmp_path, task, lines)
    os.kill(psutil.Process(job).ppid(), signal.SIGKILL)
    with pytest.raises(JobFailed):
        await task
    try:
        await until_gone([job])
    finally:
        os.kill(left, signal.SIGKILL)  # nobody is left who knows of it
        await asyncio.sleep(0.1)  # and it held the other end of our pipe
