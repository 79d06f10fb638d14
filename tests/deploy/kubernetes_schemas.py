"""Validates objects against the schemas of Kubernetes, strictly: unknown fields are errors."""

import json
from collections.abc import Iterable
from functools import cache

import kubernetes_validate

from tests.deploy.render import Object

VERSION = "1.34"


def faults(objects: Iterable[Object]) -> list[str]:
    """A line for each invalid object, with its name and the field."""
    return [fault for manifest in objects for fault in _faults(json.dumps(manifest))]


@cache  # most objects are the same in several overlays, and a validation takes 20 ms
def _faults(text: str) -> list[str]:
    manifest = json.loads(text)
    name = f"{manifest['kind']} {manifest['metadata']['name']}"
    try:
        kubernetes_validate.validate(manifest, VERSION, strict=True)
    except kubernetes_validate.SchemaNotFoundError:
        return [f"{name}: Kubernetes {VERSION} has no {manifest['kind']} in {manifest['apiVersion']}"]
    except kubernetes_validate.ValidationError as error:
        return [f"{name}: {'.'.join(map(str, error.absolute_path))}: {error.message}"]
    return []
