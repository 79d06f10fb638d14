"""Validates objects against the schemas in Istio's CRDs, strictly: unknown fields are errors."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.conftest import ROOT

CRDS = ROOT.parent / "shared" / "k8s" / "istio-crds-1.30.3.yaml"

Object = dict[str, Any]


def faults(manifest: Object) -> Iterator[str]:
    """A line for each error in the object, with its name and the field."""
    version, kind, name = manifest["apiVersion"], manifest["kind"], manifest["metadata"]["name"]
    validator = _validators().get((version, kind))
    if validator is None:
        yield f"{kind} {name}: Istio has no {kind} in {version}"
        return
    for error in validator.iter_errors(manifest.get("spec", {})):
        yield f"{kind} {name}: {error.json_path.replace('$', 'spec', 1)}: {error.message}"


@cache
def _validators() -> Mapping[tuple[str, str], Any]:
    """By version and kind. The CEL rules of the CRDs are not evaluated."""
    return {
        (f"{crd['spec']['group']}/{version['name']}", crd["spec"]["names"]["kind"]): jsonschema.Draft202012Validator(
            _strict(version["schema"]["openAPIV3Schema"]["properties"]["spec"])
        )
        for crd in yaml.load_all(_text(CRDS), yaml.CSafeLoader)
        if crd
        for version in crd["spec"]["versions"]
    }


def _text(file: Path) -> str:
    if not file.is_file():
        pytest.skip(f"Istio's CRDs are missing: there is no {file}")
    return file.read_text(encoding="utf-8")


def _strict(schema: Object) -> Object:
    """The schema with unknown fields forbidden.

    Schemas in oneOf, anyOf and not stay unchanged, because they only state conditions on a few fields.
    """
    strict = dict(schema)
    if "properties" in schema:
        strict["properties"] = {name: _strict(field) for name, field in schema["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            strict["additionalProperties"] = False
    elif isinstance(schema.get("additionalProperties"), dict):
        strict["additionalProperties"] = _strict(schema["additionalProperties"])
    if isinstance(schema.get("items"), dict):
        strict["items"] = _strict(schema["items"])
    if schema.get("x-kubernetes-int-or-string"):
        strict["type"] = ["integer", "string"]
    elif schema.get("nullable") and "type" in schema:
        strict["type"] = [schema["type"], "null"]
    return strict
