"""Which modules of the project import which, read from their source."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.conftest import ROOT

FOLDERS = ("services", "spark_jobs", "scripts", "load")


def _name(source: Path) -> str:
    parts = source.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {_name(source): source for folder in FOLDERS for source in (ROOT / folder).rglob("*.py")}


def imports(module: str) -> Iterator[str]:
    """The modules that a module imports when it is loaded: not those in the body of a function."""
    for node in ast.parse(SOURCES[module].read_text("utf-8")).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            members = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (member if member in SOURCES else node.module for member in members)


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {module: {name for name in imports(module) if name in SOURCES} for module in SOURCES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" <- ".join(error.args[1]))


# Services call each other over gRPC only. These share code, as ARCHITECTURE.md says.
SHARED = {
    "account": {"common"},
    "anime": {"catalog"},
    "book": {"catalog"},
    "catalog": {"common"},
    "common": set[str](),
    "gateway": {"common"},
    "imdb": {"catalog"},
    "library": {"common", "taste"},
    "local_auth0": {"common"},
    "spark_connector": {"catalog", "common", "taste"},
    "taste": {"common"},
}


@pytest.mark.parametrize("service", SHARED)
def test_a_service_imports_no_other_service(service: str) -> None:
    used = {
        name.split(".")[1]
        for module in SOURCES
        if module.startswith(f"services.{service}.")
        for name in imports(module)
        if name.startswith("services.")
    }
    assert used - {service} <= SHARED[service]


# The library's modules that speak gRPC. Its other modules, and the suggestion model, are rules.
SPEAK_GRPC = {f"services.library.{name}" for name in ("__main__", "clients", "service", "servicer")}
RULES = sorted(name for name in SOURCES if name.startswith(("services.library.", "services.taste.")))


@pytest.mark.parametrize("module", [module for module in RULES if module not in SPEAK_GRPC])
def test_rules_import_neither_grpc_nor_protobuf(module: str) -> None:
    assert not [name for name in imports(module) if name.split(".")[0] in ("grpc", "google", "seen")]
