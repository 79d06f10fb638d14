"""Starts a suite, watches it, restarts processes on request, and stops everything in reverse order."""

import asyncio
import itertools
import signal
import time
from collections.abc import Callable, Coroutine, Sequence

from scripts.local import child_process, control, sample
from scripts.local.child_process import ChildProcess
from scripts.local.state import State, SuiteError
from scripts.local.suite import DATASETS, Process, Suite

START_TIMEOUT_S = 180.0  # usually a start takes a few seconds
POLL_S = 0.1
MONGOD_STOP_S = 60.0  # a mongod may have much to write before it ends


class Supervisor:
    def __init__(self, suite: Suite, processes: Sequence[Process], state: State, say: Callable[[str], None]) -> None:
        self._suite = suite
        self._processes = {process.name: process for process in processes}
        self._state = state
        self._say = say
        self._children: dict[str, ChildProcess] = {}
        self._watchers: dict[str, asyncio.Task[None]] = {}
        self._waiting_for: dict[str, str] = {}
        self._stop = asyncio.Event()
        self._stop_now = False
        self._any_died = False

    async def run(self, on_ready: Callable[[float], None]) -> int:
        """Runs until SIGTERM, SIGINT or SIGHUP. Calls `on_ready` with the duration of the start in seconds.

        Returns the exit code: 1 if a process died. Raises SuiteError.
        """
        began = time.monotonic()
        self._handle_signals()
        try:
            if await self._unless_stopped(self._start([*self._processes.values()], load_samples=True)):
                self._state.ready = True
                self._write_state()
                for name in self._processes:
                    self._watch(name)
                on_ready(time.monotonic() - began)
                await self._unless_stopped(control.answer_requests(self._suite.folder, self._restart))
        finally:
            await self._stop_all()
        return 1 if self._any_died else 0

    def _handle_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup ignores SIGHUP
                asyncio.get_running_loop().add_signal_handler(number, self._on_signal)

    def _on_signal(self) -> None:
        if self._stop.is_set():  # the second signal kills; acknowledged writes are on disk
            self._stop_now = True
            for child in self._children.values():
                child.kill()
        self._stop.set()

    async def _unless_stopped(self, work: Coroutine[None, None, None]) -> bool:
        """Returns True when the work has finished, False if a signal cancelled it."""
        working = asyncio.create_task(work)
        stopping = asyncio.create_task(self._stop.wait())
        await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if working.done():
            working.result()
            return True
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        return False

    async def _start(self, processes: Sequence[Process], *, load_samples: bool = False) -> None:
        """Starts the processes together; returns when all are healthy and connected. Raises SuiteError."""
        self._waiting_for = {process.name: "not healthy" for process in processes}
        try:
            async with asyncio.timeout(START_TIMEOUT_S), asyncio.TaskGroup() as group:
                starting = [group.create_task(self._start_one(process)) for process in processes]
                if load_samples:
                    starting += [group.create_task(sample.load_if_empty(self._suite, dataset)) for dataset in DATASETS]
                await asyncio.gather(*starting)
                await self._until_connected()
        except* SuiteError as failures:
            raise failures.exceptions[0] from None
        except* TimeoutError:
            waiting = ", ".join(f"{name}: {problem}" for name, problem in self._waiting_for.items())
            raise SuiteError(f"not healthy after {START_TIMEOUT_S:.0f} s: {waiting}; see the logs") from None

    async def _start_one(self, process: Process) -> None:
        if process.preparation:
            log = self._suite.log(f"{process.name}-preparation")
            await child_process.run(process.preparation, log, f"the preparation of {process.name}")
        child = await child_process.start(process.command, self._suite.log(process.name))
        self._children[process.name] = child
        self._state.processes[process.name] = child.started
        self._write_state()
        while problem := await process.probe():
            if child.process.returncode is not None:
                raise child.start_failure(process.name)
            self._waiting_for[process.name] = problem
            await asyncio.sleep(POLL_S)
        del self._waiting_for[process.name]

    async def _until_connected(self) -> None:
        """Waits until the services reach one another, unless one of them is dead."""
        if not any(process.ended for process in self._state.processes.values()):
            while problem := await self._suite.connections():
                self._waiting_for["connections"] = problem
                await asyncio.sleep(POLL_S)

    def _watch(self, name: str) -> None:
        self._watchers[name] = asyncio.create_task(self._report_death(name))

    async def _report_death(self, name: str) -> None:
        """Does not restart the process, so that a repeated fault stays visible."""
        child = self._children[name]
        how = child_process.describe_exit(await child.process.wait())
        if self._stop.is_set():
            return
        self._any_died = True
        child.started.ended = how
        self._write_state()
        self._say(f"{name} died ({how}); the rest still runs. --restart {name} starts it again; its log: {child.log}")

    async def _restart(self, names: list[str]) -> list[str]:
        """Restarts the processes one after the other, databases first. Returns error messages."""
        if unknown := [name for name in names if name not in self._processes]:
            return [f"no process is named {' or '.join(unknown)}; the names are {', '.join(self._processes)}"]
        errors = []
        for process in sorted((self._processes[name] for name in set(names)), key=lambda process: process.tier):
            self._watchers.pop(process.name).cancel()
            try:
                await self._stop_one(process)
                await self._start([process])
                self._say(f"{process.name} was restarted")
            except SuiteError as failure:
                errors.append(str(failure))
            finally:
                self._watch(process.name)
        return errors

    async def _stop_all(self) -> None:
        """Stops the gateway first and the databases last: nothing stops before what depends on it."""
        self._stop.set()
        for watcher in self._watchers.values():
            watcher.cancel()
        started = [process for process in self._processes.values() if process.name in self._children]
        by_tier = sorted(started, key=lambda process: -process.tier)
        for _, group in itertools.groupby(by_tier, key=lambda process: process.tier):
            await asyncio.gather(*map(self._stop_one, group))

    async def _stop_one(self, process: Process) -> None:
        child = self._children[process.name]
        seconds = child_process.STOP_S if process.tier else MONGOD_STOP_S
        if not await child.stop(0 if self._stop_now else seconds) and not self._stop_now:
            self._say(f"{process.name} did not stop within {seconds:.0f} s and was killed; its log: {child.log}")

    def _write_state(self) -> None:
        self._state.write(self._suite.folder)
