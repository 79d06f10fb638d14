"""Which gRPC methods each program calls, read from its source: the truth that policies are held against."""

import ast
from collections.abc import Iterator

from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2

from seen.v1 import account_pb2, catalog_pb2, library_pb2, spark_pb2
from tests.conftest import ROOT

SERVICES: dict[str, ServiceDescriptor] = {
    name: service
    for module in (account_pb2, catalog_pb2, library_pb2, spark_pb2, health_pb2)
    for name, service in module.DESCRIPTOR.services_by_name.items()
}
# Which programs serve a protocol of ours; the others are named like theirs.
DATASETS = ("book", "imdb", "anime")
SERVED_BY = {"Account": ("account",), "Catalog": DATASETS, "Library": ("library",), "Spark": ("spark-connector",)}


def path(service: str, method: str) -> str:
    """As it is on the wire: /seen.v1.Library/GetItem."""
    return f"/{SERVICES[service].full_name}/{method}"


def all_paths() -> set[str]:
    return {path(name, method) for name, service in SERVICES.items() for method in service.methods_by_name}


def edges(program: str) -> dict[str, set[str]]:
    """The paths that a program calls, by the program that it calls there."""
    made = set(_calls(program))
    called: dict[str, set[str]] = {}
    for service, method in made:
        for callee in SERVED_BY.get(service, ()):
            called.setdefault(callee, set()).add(path(service, method))
    if ("Health", "Check") in made:  # of all it calls; see services/gateway/backends.py
        for paths in called.values():
            paths.add(path("Health", "Check"))
    return called


def _calls(program: str) -> Iterator[tuple[str, str]]:
    """Service and method of each call."""
    for file in (ROOT / "services" / program.replace("-", "_")).rglob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        functions = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
        attributes = [function for function in functions if isinstance(function, ast.Attribute)]
        stubs = {attribute.attr.removesuffix("Stub") for attribute in attributes if attribute.attr.endswith("Stub")}
        for attribute in attributes:
            having = {name for name, service in SERVICES.items() if attribute.attr in service.methods_by_name}
            if having:
                receiver = ast.unparse(attribute.value).rpartition(".")[2].strip("_").capitalize()
                yield _service(having, stubs, receiver, f"{file.name}: {ast.unparse(attribute)}"), attribute.attr


def _service(having: set[str], stubs: set[str], receiver: str, where: str) -> str:
    """Whose method it is: the only service that has one of that name, or that the file or the receiver names."""
    for candidates in (having, having & stubs, having & {receiver}):
        if len(candidates) == 1:
            return candidates.pop()
    raise AssertionError(f"{where}: cannot tell which of {sorted(having)} is called")
