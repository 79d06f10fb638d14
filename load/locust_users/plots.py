"""The plots of a run as PNG files: requests, latency, and the processor time and memory of each service."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from load.locust_users.locust_csv import Second
from load.locust_users.resources import OTHERS, Sample

NAMES = ("requests.png", "latency.png", "resources.png")
SIZE = (9.0, 4.8)  # inches
DPI = 110
GREEN, RED, BLUE, ORANGE, BLACK, GREY = "#2a7f3f", "#c62828", "#1f5fa8", "#e08a00", "#333333", "#d0d0d0"
# Assigned in the order of the services' names, so that they are the same in every run; safe for colour-blind readers.
SERVICE_COLOURS = (
    *("#332288", "#88ccee", "#44aa99", "#117733", "#999933", "#ddcc77"),
    *("#cc6677", "#882255", "#aa4499", "#e6550d", "#4477aa", "#000000"),
)


def draw_all(folder: Path, arrival_s: float, seconds: Sequence[Second], samples: Sequence[Sample]) -> list[Path]:
    """Draws the plots for which there is data; returns their files."""
    if not seconds:
        return []
    begin = seconds[0].time
    requests, latency, resources = (folder / name for name in NAMES)
    _save(requests, arrival_s, lambda figure: _requests(figure, seconds, begin))
    _save(latency, arrival_s, lambda figure: _latency(figure, seconds, begin))
    if not samples:
        return [requests, latency]
    _save(resources, arrival_s, lambda figure: _resources(figure, samples, begin))
    return [requests, latency, resources]


def _save(path: Path, arrival_s: float, draw: Callable[[Figure], None]) -> None:
    figure = Figure(figsize=SIZE, dpi=DPI, layout="constrained")
    draw(figure)
    for axes in figure.axes:
        axes.margins(x=0)
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.axvspan(0, arrival_s, color="#000000", alpha=0.06, linewidth=0)
        axes.grid(axis="y", alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[-1].set_xlabel("seconds since the first user; grey: users are arriving, not in the table")
    figure.savefig(path)


def _requests(figure: Figure, seconds: Sequence[Second], begin: float) -> None:
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    times = [second.time - begin for second in seconds]
    upper.plot(times, [second.per_second for second in seconds], color=BLUE, label="answered")
    upper.plot(times, [second.failures_per_second for second in seconds], color=RED, linestyle="--", label="failed")
    _label(upper, "Requests per second", "requests / s", legend=True)
    lower.plot(times, [second.users for second in seconds], color=BLACK)
    _label(lower, "", "users")


def _latency(figure: Figure, seconds: Sequence[Second], begin: float) -> None:
    axes = figure.subplots()
    times = [second.time - begin for second in seconds]
    for label, colour, style, values in (
        ("p99", RED, ":", [second.p99 for second in seconds]),
        ("p95", ORANGE, "--", [second.p95 for second in seconds]),
        ("p50 (median)", GREEN, "-", [second.p50 for second in seconds]),
    ):
        axes.plot(times, values, color=colour, linestyle=style, linewidth=2, label=label)
    _label(axes, "Latency: percentiles of the last 10 s", "milliseconds", legend=True)


def _resources(figure: Figure, samples: Sequence[Sample], begin: float) -> None:
    upper, lower = figure.subplots(2, 1, sharex=True)
    services = sorted({sample.service for sample in samples if sample.service != OTHERS})
    colours = dict(zip(services, SERVICE_COLOURS, strict=False)) | {OTHERS: GREY}
    # The busiest service at the bottom of the stack, where it is easiest to read.
    services.sort(key=lambda service: -sum(sample.cores for sample in samples if sample.service == service))
    _stack(upper, samples, [*services, OTHERS], colours, begin, lambda sample: sample.cores)
    _stack(lower, samples, services, colours, begin, lambda sample: sample.mib)
    _label(upper, "Processor, by service", "processors busy")
    _label(lower, "Memory, by service", "MiB resident")
    handles, labels = upper.get_legend_handles_labels()
    # In the order of the stack, from its top.
    figure.legend(handles[::-1], labels[::-1], loc="outside right upper", frameon=False)


def _stack(
    axes: Axes,
    samples: Sequence[Sample],
    services: Iterable[str],
    colours: dict[str, str],
    begin: float,
    value: Callable[[Sample], float],
) -> None:
    by_service = {service: [sample for sample in samples if sample.service == service] for service in services}
    times = [sample.at - begin for sample in next(iter(by_service.values()))]
    axes.stackplot(
        times,
        [[value(sample) for sample in service_samples] for service_samples in by_service.values()],
        labels=list(by_service),
        colors=[colours[service] for service in by_service],
        edgecolor="white",
        linewidth=0.4,
    )


def _label(axes: Axes, title: str, unit: str, legend: bool = False) -> None:
    axes.set_title(title, loc="left", fontsize="medium")
    axes.set_ylabel(unit)
    if legend:
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
