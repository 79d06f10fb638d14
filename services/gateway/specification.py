"""The OpenAPI document: the files of openapi/ joined, with what only the running gateway knows."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from seen.v1 import types_pb2

FILES = Path(__file__).parent / "openapi"
ITEM_TYPES = [name for name, number in types_pb2.ItemType.items() if number != types_pb2.ITEM_TYPE_UNSPECIFIED]

Document = dict[str, Any]


def document(auth0_url: str) -> Document:
    """All of the API, with the datasets that there are and the addresses at which one signs in."""
    joined: Document = {}
    for file in sorted(FILES.glob("*.yaml")):
        _join(joined, yaml.safe_load(file.read_text(encoding="utf-8")))
    joined["components"]["schemas"]["ItemType"]["enum"] = ITEM_TYPES
    for flow in joined["components"]["securitySchemes"]["auth0"]["flows"].values():
        for key in flow.keys() & {"authorizationUrl", "tokenUrl"}:
            flow[key] = auth0_url + flow[key]
    return joined


def _join(into: Document, other: Mapping[str, Any]) -> None:
    for key, value in other.items():
        if isinstance(value, Mapping) and key in into:
            _join(into[key], value)
        elif key in into:
            raise ValueError(f"{key} is in two of the files")
        else:
            into[key] = value


def paths(joined: Document) -> dict[str, str]:
    """The path of each operation, by its id."""
    return {operation["operationId"]: path for path, operation in operations(joined)}


def operations(joined: Document) -> list[tuple[str, Document]]:
    return [(path, operation) for path, methods in joined["paths"].items() for operation in methods.values()]


def permissions(joined: Document) -> list[str]:
    return list(joined["components"]["securitySchemes"]["auth0"]["flows"]["implicit"]["scopes"])
