"""The table that --status shows."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from scripts.local import children
from scripts.local.state import State
from scripts.local.suite import Process


@dataclass(frozen=True)
class Row:
    name: str
    pid: str
    address: str
    health: str
    healthy: bool = False


async def rows(processes: Sequence[Process], found: State) -> list[Row]:
    """Asks all processes at once how they are."""
    return list(await asyncio.gather(*(_row(process, found) for process in processes)))


async def _row(process: Process, found: State) -> Row:
    started = found.processes.get(process.name)
    if started is None:
        return Row(process.name, "", process.address, "not started yet")
    if started.ended or not children.alive(started.pid, started.created):
        return Row(process.name, str(started.pid), process.address, f"DIED ({started.ended or 'just now'})")
    wrong = await process.probe.ask()
    return Row(process.name, str(started.pid), process.address, wrong or "healthy", wrong is None)


def text(rows: Sequence[Row]) -> str:
    heading = Row("NAME", "PID", "ADDRESS", "HEALTH")
    lines = [f"{row.name:<16} {row.pid:>8}  {row.address:<24} {row.health}" for row in (heading, *rows)]
    died = [row.name for row in rows if row.health.startswith("DIED")]
    if died:
        lines.append(f"died: {', '.join(died)}; --stop and start again to have all of it back")
    return "\n".join(lines)
