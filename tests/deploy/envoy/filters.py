"""Applies EnvoyFilter and Telemetry to Envoy's HTTP connection manager."""

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

Object = dict[str, Any]


def apply(envoy_filters: Sequence[Object], manager: Object) -> Object:
    """The connection manager with the patches of all filters, in order."""
    patched = deepcopy(manager)
    for envoy_filter in envoy_filters:
        for entry in envoy_filter["spec"]["configPatches"]:
            patch = entry["patch"]
            match entry["applyTo"], entry["match"]["context"], patch["operation"]:
                case "NETWORK_FILTER", "GATEWAY", "MERGE":
                    _merge(patched, patch["value"]["typed_config"])
                case "HTTP_FILTER", "GATEWAY", "INSERT_FIRST":
                    patched["http_filters"].insert(0, patch["value"])
                case other:
                    raise ValueError(f"not supported: {other}")
    return patched


def _merge(into: Object, other: Object) -> None:
    """Like a protobuf merge: messages are merged field by field, lists are concatenated."""
    for field, value in other.items():
        if isinstance(value, dict) and field in into:
            _merge(into[field], value)
        elif isinstance(value, list) and field in into:
            into[field] += value
        else:
            into[field] = value


def access_logs(telemetries: Sequence[Object], file: Path) -> list[Object]:
    """Loggers that write a line for each request that a Telemetry logs."""
    return [
        {
            "name": "envoy.access_loggers.file",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
                "path": str(file),
                "log_format": {
                    "text_format_source": {"inline_string": "%REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_CODE_DETAILS%\n"}
                },
            },
            "filter": {
                "extension_filter": {
                    "name": "envoy.access_loggers.extension_filters.cel",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter",
                        "expression": logging["filter"]["expression"],
                    },
                }
            },
        }
        for telemetry in telemetries
        for logging in telemetry["spec"]["accessLogging"]
    ]
