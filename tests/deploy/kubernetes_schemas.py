"""Validates objects against the schemas of Kubernetes, strictly: unknown fields are errors."""

from collections.abc import Iterable
from functools import cache

import kubernetes_validate
from kubernetes_validate import utils

from tests.deploy.render import Object

VERSION = "1.34"
# The library would read its files again for each object, which takes ten times as long as the validation.
utils.schema_contents = cache(utils.schema_contents)


def faults(objects: Iterable[Object]) -> list[str]:
    """A line for each invalid object, with its name and the field."""
    return [fault for manifest in objects for fault in _faults(manifest)]


def _faults(manifest: Object) -> list[str]:
    name = f"{manifest['kind']} {manifest['metadata']['name']}"
    try:
        kubernetes_validate.validate(manifest, VERSION, strict=True)
    except kubernetes_validate.SchemaNotFoundError:
        return [f"{name}: Kubernetes {VERSION} has no {manifest['kind']} in {manifest['apiVersion']}"]
    except kubernetes_validate.ValidationError as error:
        return [f"{name}: {'.'.join(map(str, error.absolute_path))}: {error.message}"]
    return []
