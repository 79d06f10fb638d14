"""The report of a run: a table in Markdown, plots, and one HTML page with both."""

import base64
import html
import json
import math
import string
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from load import results
from load.locust_users import locust_csv, plots, resources
from load.locust_users.locust_csv import Endpoint, Failure
from load.locust_users.resources import OTHERS, Sample

TEMPLATE = Path(__file__).with_name("report.html")
RUN, RESOURCES, TABLE, PAGE = "run.json", "resources.csv", "table.md", "report.html"
COLUMNS = ("request", "requests", "failures", "requests/s", "p50 ms", "p95 ms", "p99 ms", "max ms")
MAX_FAILURES = 20


@dataclass(frozen=True)
class Run:
    """The parameters and conditions of a run."""

    users: int
    seconds: int
    arrival_s: int
    date: str
    machine: str
    compact: bool = False  # the services ran in one process
    hit_rate: float | None = None  # of the response cache; None if no request was cacheable

    @property
    def title(self) -> str:
        return f"{self.users:,} users, services in {'one process' if self.compact else 'seven processes'}"

    def save(self, folder: Path) -> None:
        (folder / RUN).write_text(json.dumps(asdict(self), indent=1))

    @classmethod
    def load(cls, folder: Path) -> Self:
        return cls(**json.loads((folder / RUN).read_text()))


def write(folder: Path) -> None:
    """Reads the folder's run.json, Locust's CSV files, and resources.csv if it exists."""
    run = Run.load(folder)
    endpoints, failures = locust_csv.endpoints(folder), locust_csv.failures(folder)
    samples = resources.read(folder / RESOURCES) if (folder / RESOURCES).exists() else []
    pictures = plots.draw_all(folder, run.arrival_s, locust_csv.seconds(folder), samples)
    conditions = _conditions(run, samples)
    (folder / TABLE).write_text(_markdown(conditions, endpoints, failures))
    (folder / PAGE).write_text(_page(run, conditions, endpoints, failures, pictures))


def _conditions(run: Run, samples: Sequence[Sample]) -> str:
    text = (
        f"{run.date}: {run.users:,} users for {run.seconds} s, after {run.arrival_s} s in which they arrived. "
        f"Services, databases and Locust together on {run.machine}."
    )
    others = [sample.cores for sample in samples if sample.service == OTHERS]
    if others:
        text += f" Other programs kept {sum(others) / len(others):.1f} processors busy meanwhile."
    if run.hit_rate is not None:
        text += f" The response cache answered {run.hit_rate:.0%} of the requests that it may answer."
    return text


def _cells(endpoint: Endpoint) -> list[str]:
    times = (endpoint.p50, endpoint.p95, endpoint.p99, endpoint.longest)
    return [
        endpoint.name,
        f"{endpoint.requests:,}",
        f"{endpoint.failures:,}",
        f"{endpoint.per_second:.1f}",
        *("" if math.isnan(time) else f"{time:,.0f}" for time in times),
    ]


def _markdown(conditions: str, endpoints: Sequence[Endpoint], failures: Sequence[Failure]) -> str:
    rows = [[f"`{name}`" if name != "all" else name, *numbers] for name, *numbers in map(_cells, endpoints)]
    parts = [conditions, results.table("l" + "r" * (len(COLUMNS) - 1), COLUMNS, rows)]
    if failures:
        listed = [f"- {failure.count:,} × `{failure.request}`: {failure.reason}" for failure in failures[:MAX_FAILURES]]
        parts.append("Failures:\n\n" + "\n".join(listed))
    return "\n\n".join(parts) + "\n"


def _page(
    run: Run,
    conditions: str,
    endpoints: Sequence[Endpoint],
    failures: Sequence[Failure],
    pictures: Sequence[Path],
) -> str:
    rows = [
        f"<tr{' class=all' if endpoint.name == 'all' else ''}>"
        + "".join(f"<td>{html.escape(cell)}</td>" for cell in _cells(endpoint))
        + "</tr>"
        for endpoint in endpoints
    ]
    listed = [
        f"<li>{failure.count:,} × <code>{html.escape(failure.request)}</code>: {html.escape(failure.reason)}</li>"
        for failure in failures[:MAX_FAILURES]
    ]
    return string.Template(TEMPLATE.read_text()).substitute(
        title=f"Load test: {run.title}",
        conditions=html.escape(conditions),
        columns="".join(f"<th>{column}</th>" for column in COLUMNS),
        rows="\n".join(rows),
        failures=f"<h2>Failures</h2><ul>{''.join(listed)}</ul>" if listed else "",
        plots="\n".join(map(_inline_image, pictures)),
    )


def _inline_image(path: Path) -> str:
    content = base64.b64encode(path.read_bytes()).decode()
    return f'<img alt="{path.stem}" src="data:image/png;base64,{content}">'
