"""Starts a suite, watches it, and stops it in reverse order."""

import asyncio
import itertools
import signal
import time
from collections.abc import Callable, Coroutine

from scripts.local import children, sample
from scripts.local.children import Child, StartFailed
from scripts.local.state import Started, State
from scripts.local.suite import DATASETS, Process, Suite

# All of it takes seconds; a machine that is busy with something else may take longer.
START_UP_S = 180.0
POLL_S = 0.1


class Supervisor:
    def __init__(self, suite: Suite, processes: list[Process], state: State, say: Callable[[str], None]) -> None:
        self._suite = suite
        self._processes = processes
        self._state = state
        self._say = say
        self._children: dict[str, Child] = {}
        self._watchers: list[asyncio.Task[None]] = []
        self._stop = asyncio.Event()
        self._impatient = False
        self._began = time.monotonic()
        self._failed = False
        self._not_joined = ""

    async def run(self, ready: Callable[[float], None]) -> int:
        """Runs until SIGTERM, SIGINT or SIGHUP; calls `ready` with the seconds it took. Returns the exit code."""
        self._listen_to_signals()
        try:
            if await self._unless_stopped(self._start_all()):
                self._state.ready = True
                self._state.write(self._suite.folder)
                self._watchers = [asyncio.create_task(self._watch(process.name)) for process in self._processes]
                ready(time.monotonic() - self._began)
                await self._stop.wait()
        finally:
            await self._stop_all()
        return 1 if self._failed else 0

    def _listen_to_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup means what it says
                asyncio.get_running_loop().add_signal_handler(number, self._asked_to_stop)

    def _asked_to_stop(self) -> None:
        if self._stop.is_set():  # asked twice: now, and not in order; everything acknowledged is on disk
            self._impatient = True
            for child in self._children.values():
                child.kill()
        self._stop.set()

    async def _unless_stopped(self, work: Coroutine[None, None, None]) -> bool:
        """Whether the work was finished before anyone asked to stop."""
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

    async def _start_all(self) -> None:
        try:
            async with asyncio.timeout(START_UP_S), asyncio.TaskGroup() as together:
                bringing_up = [together.create_task(self._bring_up(process)) for process in self._processes]
                await asyncio.gather(*bringing_up)
                await self._until_joined()
        except* StartFailed as failures:
            raise failures.exceptions[0] from None
        except* TimeoutError:
            raise StartFailed(f"not healthy after {START_UP_S:.0f} s: {self._unwell}; the logs say why") from None

    @property
    def _unwell(self) -> str:
        well = {name for name, started in self._state.processes.items() if started.ready_s is not None}
        slow = [process.name for process in self._processes if process.name not in well]
        return ", ".join(slow) or self._not_joined

    async def _bring_up(self, process: Process) -> None:
        if process.first:
            log = self._suite.log(f"{process.name}-first")
            await children.run_to_end(process.first, log, f"the preparation of {process.name}")
        child = await children.start(process.command, self._suite.log(process.name))
        self._children[process.name] = child
        started = self._state.processes[process.name] = Started(child.pid, child.created)
        self._state.write(self._suite.folder)
        await self._until_healthy(process, child)
        await self._fill(process)
        started.ready_s = round(time.monotonic() - self._began, 2)

    async def _until_healthy(self, process: Process, child: Child) -> None:
        while True:
            if child.process.returncode is not None:
                raise child.died_at_start(process.name)
            if await process.probe.ask() is None:
                return
            await asyncio.sleep(POLL_S)

    async def _until_joined(self) -> None:
        probe = self._suite.as_a_whole()
        while wrong := await probe.ask():
            self._not_joined = wrong
            await asyncio.sleep(POLL_S)

    async def _fill(self, process: Process) -> None:
        """Loads the sample library into a dataset that has nothing yet."""
        for dataset in DATASETS:
            if dataset.name == process.name and await sample.is_wanted(self._suite, dataset, process.address):
                await sample.load(self._suite, dataset)

    async def _watch(self, name: str) -> None:
        """Says it when a process ends by itself. It is not restarted: a fault that comes back must not be hidden."""
        child = self._children[name]
        code = await child.process.wait()
        if self._stop.is_set():
            return
        self._failed = True
        how = children.how_it_ended(code)
        self._state.processes[name].ended = how
        self._state.write(self._suite.folder)
        self._say(
            f"{name} died ({how}); the rest goes on. --stop and start again to have it back; its log: {child.log}"
        )

    async def _stop_all(self) -> None:
        """The gateway first and the databases last, each when nothing stands on it any more."""
        self._stop.set()
        for watcher in self._watchers:
            watcher.cancel()
        by_tier = sorted(self._processes, key=lambda process: -process.tier)
        for tier, group in itertools.groupby(by_tier, key=lambda process: process.tier):
            seconds = children.STOP_S if tier else children.MONGOD_STOP_S
            names = [process.name for process in group if process.name in self._children]
            await asyncio.gather(*(self._stop_one(name, seconds) for name in names))

    async def _stop_one(self, name: str, seconds: float) -> None:
        child = self._children[name]
        if not await child.stop(0 if self._impatient else seconds) and not self._impatient:
            self._say(f"{name} did not stop within {seconds:.0f} s and was killed; its log: {child.log}")
