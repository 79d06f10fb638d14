"""What became of the rows."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Joined:
    """What became of a joined file's rows."""

    rows: int = 0
    used: int = 0
    skipped: Counter[str] = field(default_factory=Counter)


@dataclass
class Report:
    """Every row read was added, updated, unchanged or skipped."""

    rows: int = 0
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    joined: dict[str, Joined] = field(default_factory=dict)
    seconds: float = 0

    def text(self, name: str) -> str:
        lines = [
            f"{name}: {self.rows:,} rows read in {self.seconds:.1f} s ({self.rows / max(self.seconds, 0.001):,.0f}/s)"
        ]
        lines += [f"  {what:<10}{getattr(self, what):>12,}" for what in ("added", "updated", "unchanged")]
        lines.append(f"  {'skipped':<10}{self.skipped.total():>12,}")
        lines += _reasons(self.skipped)
        for file, joined in self.joined.items():
            unused = joined.rows - joined.used - joined.skipped.total()
            lines.append(
                f"  {file}: {joined.rows:,} rows read, {joined.used:,} joined, {unused:,} of titles not in the file"
            )
            lines += _reasons(joined.skipped)
        return "\n".join(lines)


def _reasons(skipped: Counter[str]) -> list[str]:
    return [f"    {count:>18,}  {reason}" for reason, count in skipped.most_common()]
