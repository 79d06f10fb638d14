"""The tables and the plot of all measurements. Figures are medians of the rounds."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median

from matplotlib.figure import Figure
from matplotlib.patches import Patch

from load import results
from load.benchmarks.http.measure import Measurement
from load.locust_users.plots import DPI, SERVICE_COLOURS

MIN_SHOWN_MS = 0.005
COLUMNS = 3  # of the plot


class Results:
    def __init__(self, measurements: Sequence[Measurement], base: str) -> None:
        self._measurements = measurements
        self.base = base
        self.kinds = list(dict.fromkeys(measurement.kind for measurement in measurements))
        self.targets = list(dict.fromkeys(measurement.target for measurement in measurements))

    def rounds(self, kind: str, target: str) -> list[Measurement]:
        """One measurement for each round, in order."""
        return [entry for entry in self._measurements if (entry.kind, entry.target) == (kind, target)]

    def ratio(self, kind: str, target: str) -> float:
        """Processor time in relation to the base; both are of the same round."""
        pairs = zip(self.rounds(kind, target), self.rounds(kind, self.base), strict=True)
        return median(measured.total_ms / base.total_ms for measured, base in pairs)

    def total_ms(self, kind: str, target: str) -> float:
        return median(run.total_ms for run in self.rounds(kind, target))

    def by_process(self, kind: str, target: str) -> dict[str, float]:
        """Median processor ms of each process, largest first."""
        runs = self.rounds(kind, target)
        times = {name: median(run.processor_ms[name] for run in runs) for name in runs[0].processor_ms}
        return dict(sorted(times.items(), key=lambda time: -time[1]))

    def table(self) -> str:
        header = ("request", "target", "processor ms", f"÷ {self.base}", "requests/s", "p50 ms", "p99 ms", "failures")
        rows = [self._cells(kind, target) for kind in self.kinds for target in self.targets]
        return results.table("llrrrrrrrl", (*header, "cache hits", "processor ms by process"), rows)

    def _cells(self, kind: str, target: str) -> list[str]:
        runs = self.rounds(kind, target)
        rates = [run.hit_rate for run in runs if run.hit_rate is not None]
        parts = [f"{name} {ms:.2f}" for name, ms in self.by_process(kind, target).items() if ms >= MIN_SHOWN_MS]
        return [
            kind,
            target,
            f"{self.total_ms(kind, target):.2f}",
            f"{self.ratio(kind, target):.2f}",
            f"{median(run.per_second for run in runs):,.0f}",
            f"{median(run.p50_ms for run in runs):.1f}",
            f"{median(run.p99_ms for run in runs):.1f}",
            f"{sum(run.failures for run in runs)}",
            f"{median(rates):.0%}" if rates else "",
            ", ".join(parts),
        ]

    def memory_table(self) -> str:
        """The memory after each target's last measurement."""
        rows = []
        for target in self.targets:
            mib = [measurement for measurement in self._measurements if measurement.target == target][-1].mib
            own = {name: size for name, size in mib.items() if name != "mongod"}
            parts = ", ".join(f"{name} {size:.0f}" for name, size in own.items())
            rows.append([target, f"{sum(own.values()):.0f}", f"{mib.get('mongod', 0):.0f}", parts])
        return results.table("lrrl", ("target", "MiB without mongod", "mongod", "by process"), rows)

    def plot(self, path: Path) -> None:
        """Processor time: axes for each kind, with a bar for each target, stacked by process."""
        rows = -(-len(self.kinds) // COLUMNS)
        figure = Figure(figsize=(11, 0.8 + rows * (0.7 + 0.3 * len(self.targets))), dpi=DPI, layout="constrained")
        names = list(dict.fromkeys(name for measurement in self._measurements for name in measurement.processor_ms))
        colours = {name: SERVICE_COLOURS[number % len(SERVICE_COLOURS)] for number, name in enumerate(names)}
        for axes, kind in zip(figure.subplots(rows, COLUMNS, squeeze=False).flat, self.kinds, strict=False):
            for target in self.targets:
                left = 0.0
                for name, ms in self.by_process(kind, target).items():
                    axes.barh(target, ms, left=left, color=colours[name], edgecolor="white", linewidth=0.4)
                    left += ms
                axes.text(left, target, f" {self.total_ms(kind, target):.2f}", va="center", fontsize="small")
            axes.set_title(kind, loc="left", fontsize="medium")
            axes.set_xlim(0, 1.2 * max(self.total_ms(kind, target) for target in self.targets))  # room for the label
            axes.invert_yaxis()
            axes.spines[["top", "right"]].set_visible(False)
        for axes in figure.axes[len(self.kinds) :]:
            axes.remove()
        figure.suptitle("Processor ms per request, by process", x=0.01, ha="left")
        patches = [Patch(color=colours[name], label=name) for name in names]
        figure.legend(handles=patches, loc="outside right upper", frameon=False)
        figure.savefig(path)
