"""The committed Grafana dashboards, and the metrics in their queries."""

import json
import re
from dataclasses import dataclass
from typing import Any

from tests.deploy.prometheus import MONITORING

FOLDER = MONITORING / "grafana" / "dashboards"
Json = dict[str, Any]

_TEXT_LABELS_AND_RANGES = re.compile(r'"[^"]*"|\{[^}]*\}|\[[^\]]*\]')
_GROUPINGS = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
_NAMES = re.compile(r"[a-zA-Z_:][\w:]*(?![\w:]|\s*\()")
_WORDS = {"and", "or", "unless", "on", "by", "group_left", "group_right"}


@dataclass(frozen=True)
class Panel:
    dashboard: str
    title: str
    json: Json

    @property
    def id(self) -> str:
        return f"{self.dashboard}: {self.title}"

    @property
    def queries(self) -> list[str]:
        return [target["expr"] for target in self.json["targets"]]


def all_dashboards() -> dict[str, Json]:
    """By file name, without the extension."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}


def panels() -> list[Panel]:
    return [
        Panel(name, panel["title"], panel)
        for name, dashboard in all_dashboards().items()
        for panel in dashboard["panels"]
    ]


def metrics(query: str) -> set[str]:
    """The names of the metrics in a PromQL query."""
    bare = _TEXT_LABELS_AND_RANGES.sub(" ", query)
    bare = _TEXT_LABELS_AND_RANGES.sub(" ", bare)  # again, for braces around a string that contained braces
    return set(_NAMES.findall(_GROUPINGS.sub(" ", bare))) - _WORDS
