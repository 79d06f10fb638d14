"""What a run leaves for people: a table in Markdown, plots, and one HTML page that holds both."""

import base64
import html
import json
import math
import string
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from load.locust_users import locust_csv, plots, resources
from load.locust_users.locust_csv import Endpoint, Failure
from load.locust_users.resources import OTHERS, Sample

TEMPLATE = Path(__file__).with_name("report.html")
RUN, TABLE, PAGE = "run.json", "table.md", "report.html"
COLUMNS = ("request", "requests", "failures", "requests/s", "p50 ms", "p95 ms", "p99 ms", "max ms")
MOST_FAILURES = 20


@dataclass(frozen=True)
class Run:
    """What was asked for, and where it was run."""

    users: int
    seconds: int
    arrival_s: int
    date: str
    machine: str

    def save(self, folder: Path) -> None:
        (folder / RUN).write_text(json.dumps(asdict(self), indent=1))

    @classmethod
    def of(cls, folder: Path) -> "Run":
        return cls(**json.loads((folder / RUN).read_text()))


def write(folder: Path) -> None:
    """Of the files in the folder: run.json, Locust's CSV files, and resources.csv if there is one."""
    run = Run.of(folder)
    endpoints, failures = locust_csv.endpoints(folder), locust_csv.failures(folder)
    recorded = folder / "resources.csv"
    samples = resources.read(recorded) if recorded.exists() else []
    pictures = plots.all_of(folder, run.arrival_s, locust_csv.seconds(folder), samples)
    facts = [_measured(run), _others(samples)]
    (folder / TABLE).write_text(_markdown(facts, endpoints, failures))
    (folder / PAGE).write_text(_page(run, facts, endpoints, failures, pictures))


def _measured(run: Run) -> str:
    return (
        f"{run.date}: {run.users:,} users for {run.seconds} s, after {run.arrival_s} s in which they arrived. "
        f"Services, databases and Locust together on {run.machine}."
    )


def _others(samples: Sequence[Sample]) -> str:
    """How quiet the machine was."""
    cores = [sample.cores for sample in samples if sample.service == OTHERS]
    if not cores:
        return ""
    return f"Other programs kept {sum(cores) / len(cores):.1f} processors busy meanwhile."


def _cells(endpoint: Endpoint) -> list[str]:
    times = (endpoint.p50, endpoint.p95, endpoint.p99, endpoint.longest)
    return [
        endpoint.name,
        f"{endpoint.requests:,}",
        f"{endpoint.failures:,}",
        f"{endpoint.per_second:.1f}",
        *("" if math.isnan(time) else f"{time:,.0f}" for time in times),
    ]


def _markdown(facts: Sequence[str], endpoints: Sequence[Endpoint], failures: Sequence[Failure]) -> str:
    rows = [f"| {' | '.join(COLUMNS)} |", "|---|" + "--:|" * (len(COLUMNS) - 1)]
    for endpoint in endpoints:
        name, *numbers = _cells(endpoint)
        rows.append(f"| {f'`{name}`' if name != 'all' else name} | {' | '.join(numbers)} |")
    parts = [" ".join(filter(None, facts)), "\n".join(rows)]
    if failures:
        listed = [f"- {one.times:,} × `{one.request}`: {one.why}" for one in failures[:MOST_FAILURES]]
        parts.append("Failures:\n\n" + "\n".join(listed))
    return "\n\n".join(parts) + "\n"


def _page(
    run: Run,
    facts: Sequence[str],
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
    failed = [
        f"<li>{one.times:,} × <code>{html.escape(one.request)}</code>: {html.escape(one.why)}</li>"
        for one in failures[:MOST_FAILURES]
    ]
    return string.Template(TEMPLATE.read_text()).substitute(
        title=f"Seen under {run.users:,} users",
        facts="".join(f"<p>{html.escape(fact)}</p>" for fact in facts if fact),
        columns="".join(f"<th>{column}</th>" for column in COLUMNS),
        rows="\n".join(rows),
        failures=f"<h2>Failures</h2><ul>{''.join(failed)}</ul>" if failed else "",
        plots="\n".join(map(_picture, pictures)),
    )


def _picture(path: Path) -> str:
    inline = base64.b64encode(path.read_bytes()).decode()
    return f'<img alt="{path.stem}" src="data:image/png;base64,{inline}">'
