"""Tables and plots of the measurements."""

from collections.abc import Collection, Mapping
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure

from load import results
from load.benchmarks.quality.metrics import Figures
from load.locust_users.plots import DPI

# By type and method.
Known = Mapping[tuple[int, str], Figures]
# Numbers of marks that new people have given.
NEW_MARKS = (0, 1, 3, 10, 20)
# NDCG, its standard error and the number of people, by type, method and number of marks.
NewPeople = Mapping[tuple[int, str, int], tuple[float, float, int]]


def tables(names: Mapping[int, str], known: Known, new: NewPeople) -> str:
    return (
        f"**80 % of each person's marks known**\n\n{known_table(names, known)}\n\n"
        f"**New people, NDCG@10 by the number of their marks**\n\n{new_table(names, new)}"
    )


def known_table(names: Mapping[int, str], known: Known) -> str:
    header = ("dataset", "method", "people", "NDCG@10", "Recall@20", "titles", "novelty, bits", "diversity")
    rows = [
        [
            names[item_type],
            method,
            f"{figures.people:,}",
            f"{figures.ndcg:.3f} ± {figures.error:.3f}",
            f"{figures.recall:.3f}",
            f"{figures.titles:,}",
            f"{figures.novelty:.1f}",
            f"{figures.diversity:.2f}",
            f"{figures.repeats:.2f}",
        ]
        for (item_type, method), figures in sorted(known.items(), key=lambda entry: entry[0][0])
    ]
    return results.table("llrrrrrrr", (*header, "repeat rate"), rows)


def new_table(names: Mapping[int, str], new: NewPeople) -> str:
    rows = []
    for item_type, method in dict.fromkeys((item_type, method) for item_type, method, _ in sorted_by_type(new)):
        values = (new[item_type, method, marks] for marks in NEW_MARKS)
        rows.append([names[item_type], method, *(f"{mean:.3f} ± {error:.3f}" for mean, error, _ in values)])
    return results.table("ll" + "r" * len(NEW_MARKS), ("dataset", "method, by marks", *map(str, NEW_MARKS)), rows)


def sorted_by_type(new: NewPeople) -> list[tuple[int, str, int]]:
    return sorted(new, key=lambda key: key[0])


def plot_known(names: Mapping[int, str], known: Known, path: Path) -> None:
    """A bar with its standard error for each method."""
    figure, axes_by_type = axes_for(names, {item_type for item_type, _ in known})
    for item_type, axes in axes_by_type.items():
        for (its_type, method), figures in known.items():
            if its_type == item_type:
                colour = "tab:blue" if method.startswith("taste") else "lightgray"
                axes.barh(method, figures.ndcg, xerr=figures.error, color=colour)
        axes.invert_yaxis()
    figure.suptitle("NDCG@10 and its standard error, 80 % of the marks known", x=0.01, ha="left")
    figure.savefig(path)


def plot_new(names: Mapping[int, str], new: NewPeople, path: Path) -> None:
    """A line for each method over the number of marks."""
    figure, axes_by_type = axes_for(names, {item_type for item_type, _, _ in new})
    lines: list[ErrorbarContainer] = []
    for item_type, axes in axes_by_type.items():
        lines = []
        for method in dict.fromkeys(method for its_type, method, _ in sorted_by_type(new) if its_type == item_type):
            points = [new[item_type, method, marks] for marks in NEW_MARKS]
            means, errors, _ = zip(*points, strict=True)
            lines.append(axes.errorbar([str(marks) for marks in NEW_MARKS], means, errors, label=method, capsize=2))
        axes.set_xlabel("marks")
    figure.suptitle("NDCG@10 for new people", x=0.01, ha="left")
    if lines:
        figure.legend(handles=lines, loc="outside right center", frameon=False)
    figure.savefig(path)


def axes_for(names: Mapping[int, str], measured: Collection[int]) -> tuple[Figure, dict[int, Axes]]:
    """A figure with axes for each measured type."""
    figure = Figure(figsize=(11, 3.6), dpi=DPI, layout="constrained")
    types = [item_type for item_type in names if item_type in measured]
    axes_by_type = dict(zip(types, figure.subplots(1, len(types), squeeze=False).flat, strict=True))
    for item_type, axes in axes_by_type.items():
        axes.set_title(names[item_type], loc="left")
        axes.spines[["top", "right"]].set_visible(False)
    return figure, axes_by_type
