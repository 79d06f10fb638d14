"""What programs import, read from their source; and what the extras of pyproject.toml bring, read from .venv."""

import ast
import importlib.metadata
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# What is generated from protos/, jobs of which each engine runs some, and a name that a dozen distributions share.
LEFT_OUT = ("seen", "spark_jobs", "google")


def imported(*starts: str) -> set[str]:
    """The distributions whose modules are imported by these of our modules, and by those of ours that they import."""
    owners = importlib.metadata.packages_distributions()
    found: set[str] = set()
    known: set[str] = set()
    waiting = list(starts)
    while waiting:
        name = waiting.pop()
        source = _source(name)
        if name in known or source is None:
            continue
        known.add(name)
        for wanted in _imports(source):
            top = wanted.partition(".")[0]
            if top == "services":
                waiting.append(wanted)
            elif top not in LEFT_OUT and top not in sys.stdlib_module_names:
                found.update(map(canonicalize_name, owners.get(top, [top])))
    return found


def brought(extras: Iterable[str]) -> set[str]:
    """All that is installed with the project's own dependencies and these extras."""
    found: set[tuple[str, str]] = set()
    for wanted in (PROJECT["dependencies"], *(PROJECT["optional-dependencies"][extra] for extra in extras)):
        for requirement in wanted:
            _add(Requirement(requirement), "", found)
    return {name for name, _ in found}


def _add(requirement: Requirement, extra_of_parent: str, found: set[tuple[str, str]]) -> None:
    if requirement.marker and not requirement.marker.evaluate({"extra": extra_of_parent}):
        return
    name = canonicalize_name(requirement.name)
    for extra in ("", *requirement.extras):
        if (name, extra) not in found:
            found.add((name, extra))
            for needed in importlib.metadata.requires(name) or ():
                _add(Requirement(needed), extra, found)


def _source(module: str) -> Path | None:
    path = ROOT.joinpath(*module.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def _imports(source: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
