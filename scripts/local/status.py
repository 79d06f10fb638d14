"""The table that --status shows."""

import asyncio
from collections.abc import Sequence

from scripts.local.state import State
from scripts.local.suite import Process

HEALTHY, DIED = "healthy", "DIED"


async def table(processes: Sequence[Process], state: State) -> tuple[str, bool]:
    """Probes all processes at once. Returns the table, and whether all of them are healthy."""
    health = await asyncio.gather(*(_health(process, state) for process in processes))
    rows = [("NAME", "PID", "ADDRESS", "HEALTH")]
    for process, text in zip(processes, health, strict=True):
        started = state.processes.get(process.name)
        rows.append((process.name, str(started.pid) if started else "", process.address, text))
    lines = [f"{name:<16} {pid:>8}  {address:<24} {text}" for name, pid, address, text in rows]
    if dead := [process.name for process, text in zip(processes, health, strict=True) if text.startswith(DIED)]:
        lines.append(f"died: {', '.join(dead)}; --restart {' '.join(dead)} starts it again")
    return "\n".join(lines), set(health) == {HEALTHY}


async def _health(process: Process, state: State) -> str:
    started = state.processes.get(process.name)
    if started is None:
        return "not started yet"
    if started.ended or not started.is_alive():
        return f"{DIED} ({started.ended or 'just now'})"
    return await process.probe() or HEALTHY
