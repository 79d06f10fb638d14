"""Which gRPC methods each service calls, read from its source code."""

import ast
from collections.abc import Iterable, Iterator

from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2

from seen.v1 import account_pb2, catalog_pb2, library_pb2, spark_pb2
from tests.conftest import ROOT

SERVICES: dict[str, ServiceDescriptor] = {
    name: service
    for module in (account_pb2, catalog_pb2, library_pb2, spark_pb2, health_pb2)
    for name, service in module.DESCRIPTOR.services_by_name.items()
}
# The services that implement each protocol; the datasets implement Catalog.
SERVED_BY = {"Account": ("account",), "Library": ("library",), "Spark": ("spark-connector",)}
HEALTH = ("Health", "Check")


def path(service: str, method: str) -> str:
    """The HTTP/2 path of a method, such as /seen.v1.Library/GetItem."""
    return f"/{SERVICES[service].full_name}/{method}"


def all_paths() -> set[str]:
    return {path(name, method) for name, service in SERVICES.items() for method in service.methods_by_name}


def calls(caller: str, datasets: Iterable[str]) -> dict[str, set[str]]:
    """The paths that a service calls, by the called service."""
    methods = set(_methods(caller))
    called: dict[str, set[str]] = {}
    for protocol, method in methods:
        for callee in datasets if protocol == "Catalog" else SERVED_BY.get(protocol, ()):
            called.setdefault(callee, set()).add(path(protocol, method))
    if HEALTH in methods:  # of every service that it calls, see services/gateway
        for paths in called.values():
            paths.add(path(*HEALTH))
    return called


def _methods(caller: str) -> Iterator[tuple[str, str]]:
    """(protocol, method) of each call in the source."""
    for file in (ROOT / "services" / caller.replace("-", "_")).rglob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        functions = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
        attributes = [function for function in functions if isinstance(function, ast.Attribute)]
        stubs = {attribute.attr.removesuffix("Stub") for attribute in attributes if attribute.attr.endswith("Stub")}
        # services/common/clients.py calls the health service.
        if any(attribute.attr == "is_serving" for attribute in attributes):
            yield HEALTH
        for attribute in attributes:
            having = {name for name, service in SERVICES.items() if attribute.attr in service.methods_by_name}
            if having:
                receiver = ast.unparse(attribute.value).rpartition(".")[2].strip("_").capitalize()
                yield _service(having, stubs, receiver, f"{file.name}: {ast.unparse(attribute)}"), attribute.attr


def _service(having: set[str], stubs: set[str], receiver: str, where: str) -> str:
    """The only protocol that has the method; else the only one whose stub the file uses; else the receiver's name."""
    for candidates in (having, having & stubs, having & {receiver}):
        if len(candidates) == 1:
            return candidates.pop()
    raise AssertionError(f"{where}: cannot determine which of {sorted(having)} is called")
