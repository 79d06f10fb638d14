"""Validates objects against the schemas of Kubernetes, strictly: unknown fields are errors."""

from collections.abc import Iterable

import kubernetes_validate

from tests.deploy.render import Object

VERSION = "1.34"


def faults(objects: Iterable[Object]) -> list[str]:
    """A line for each invalid object, with its name and the field."""
    return [fault for one in objects for fault in _faults(one)]


def _faults(one: Object) -> list[str]:
    name = f"{one['kind']} {one['metadata']['name']}"
    try:
        kubernetes_validate.validate(one, VERSION, strict=True)
    except kubernetes_validate.SchemaNotFoundError:
        return [f"{name}: Kubernetes {VERSION} has no {one['kind']} in {one['apiVersion']}"]
    except kubernetes_validate.ValidationError as error:
        return [f"{name}: {'.'.join(map(str, error.absolute_path))}: {error.message}"]
    return []
