"""Which distributions services import, read from their source, and which the extras of pyproject.toml install."""

import ast
import importlib.metadata
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# Not followed: generated code, jobs whose imports depend on the engine, and a namespace of a dozen distributions.
IGNORED = ("seen", "spark_jobs", "google")


def imported(*modules: str) -> set[str]:
    """The distributions that these modules of ours import, directly or through other modules of ours."""
    owners = importlib.metadata.packages_distributions()
    distributions: set[str] = set()
    visited: set[str] = set()
    queue = list(modules)
    while queue:
        name = queue.pop()
        source = _source(name)
        if name in visited or source is None:
            continue
        visited.add(name)
        for module in _imports(source):
            top = module.partition(".")[0]
            if top == "services":
                queue.append(module)
            elif top not in IGNORED and top not in sys.stdlib_module_names:
                distributions.update(map(canonicalize_name, owners.get(top, [top])))
    return distributions


def installed(extras: Iterable[str]) -> set[str]:
    """The distributions that the project's dependencies and these extras install."""
    distributions: set[tuple[str, str]] = set()
    for requirements in (PROJECT["dependencies"], *(PROJECT["optional-dependencies"][extra] for extra in extras)):
        for requirement in requirements:
            _add(Requirement(requirement), "", distributions)
    return {name for name, _ in distributions}


def _add(requirement: Requirement, parent_extra: str, distributions: set[tuple[str, str]]) -> None:
    if requirement.marker and not requirement.marker.evaluate({"extra": parent_extra}):
        return
    name = canonicalize_name(requirement.name)
    for extra in ("", *requirement.extras):
        if (name, extra) not in distributions:
            distributions.add((name, extra))
            for dependency in importlib.metadata.requires(name) or ():
                _add(Requirement(dependency), extra, distributions)


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
