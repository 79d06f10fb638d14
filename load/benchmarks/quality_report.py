"""Tables and plots of bench_quality."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure

from load.benchmarks.quality_metrics import Figures
from load.locust_users.plots import DPI

# Numbers of marks that new people have given.
NEW_MARKS = (0, 1, 3, 10, 20)


@dataclass
class Measured:
    """`known`: by type and method. `new`: NDCG, standard error and people by type, method and number of marks."""

    known: dict[tuple[int, str], Figures] = field(default_factory=dict)
    new: dict[tuple[int, str, int], tuple[float, float, int]] = field(default_factory=dict)


def tables(names: Mapping[int, str], measured: Measured) -> str:
    return (
        f"**80 % of each person's marks known**\n\n{known_table(names, measured)}\n\n"
        f"**New people, NDCG@10 by the number of their marks**\n\n{new_table(names, measured)}"
    )


def known_table(names: Mapping[int, str], measured: Measured) -> str:
    rows = [
        "| dataset | method | people | NDCG@10 | Recall@20 | titles | novelty, bits | diversity | repeat rate |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for (kind, method), found in sorted(measured.known.items(), key=lambda entry: entry[0][0]):
        rows.append(
            f"| {names[kind]} | {method} | {found.people:,} | {found.ndcg:.3f} ± {found.error:.3f} "
            f"| {found.recall:.3f} | {found.titles:,} | {found.novelty:.1f} | {found.diversity:.2f} "
            f"| {found.repeats:.2f} |"
        )
    return "\n".join(rows)


def new_table(names: Mapping[int, str], measured: Measured) -> str:
    rows = [
        f"| dataset | method, by marks | {' | '.join(f'{marks}' for marks in NEW_MARKS)} |",
        "|---|---|" + "--:|" * len(NEW_MARKS),
    ]
    for kind, method in dict.fromkeys((kind, method) for kind, method, _ in sorted_by_type(measured)):
        cells = []
        for marks in NEW_MARKS:
            mean, error, _ = measured.new[kind, method, marks]
            cells.append(f"{mean:.3f} ± {error:.3f}")
        rows.append(f"| {names[kind]} | {method} | {' | '.join(cells)} |")
    return "\n".join(rows)


def sorted_by_type(measured: Measured) -> list[tuple[int, str, int]]:
    return sorted(measured.new, key=lambda key: key[0])


def plot_known(names: Mapping[int, str], measured: Measured, path: Path) -> None:
    """A bar with its standard error for each method, in axes of their own for each dataset."""
    kinds = [kind for kind in names if any(key[0] == kind for key in measured.known)]
    figure = Figure(figsize=(11, 3.6), dpi=DPI, layout="constrained")
    for axes, kind in zip(figure.subplots(1, len(kinds), squeeze=False).flat, kinds, strict=True):
        entries = [(method, found) for (its_kind, method), found in measured.known.items() if its_kind == kind]
        for method, found in entries:
            colour = "tab:blue" if method.startswith("taste") else "lightgray"
            axes.barh(method, found.ndcg, xerr=found.error, color=colour)
        axes.invert_yaxis()
        axes.set_title(names[kind], loc="left")
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle("NDCG@10 and its standard error, 80 % of the marks known", x=0.01, ha="left")
    figure.savefig(path)


def plot_new(names: Mapping[int, str], measured: Measured, path: Path) -> None:
    """A line for each method over the number of marks, in axes of their own for each dataset."""
    kinds = [kind for kind in names if any(key[0] == kind for key in measured.new)]
    figure = Figure(figsize=(11, 3.6), dpi=DPI, layout="constrained")
    lines: list[ErrorbarContainer] = []
    for axes, kind in zip(figure.subplots(1, len(kinds), squeeze=False).flat, kinds, strict=True):
        methods = dict.fromkeys(method for its_kind, method, _ in sorted_by_type(measured) if its_kind == kind)
        lines = []
        for method in methods:
            points = [measured.new[kind, method, marks] for marks in NEW_MARKS]
            lines.append(
                axes.errorbar(
                    [str(marks) for marks in NEW_MARKS],
                    [mean for mean, _, _ in points],
                    yerr=[error for _, error, _ in points],
                    label=method,
                    capsize=2,
                )
            )
        axes.set_title(names[kind], loc="left")
        axes.set_xlabel("marks")
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle("NDCG@10 for new people", x=0.01, ha="left")
    if lines:
        figure.legend(handles=lines, loc="outside right center", frameon=False)
    figure.savefig(path)
