"""The workloads of rendered manifests: their pods, containers and environment variables."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from tests.conftest import ROOT
from tests.deploy import render
from tests.deploy.render import Object

SERVERS = ("Deployment", "StatefulSet")
ISTIO = ".istio.io/"
# An address, or an entry of SEEN_CATALOG_ADDRESSES.
_ADDRESS = re.compile(r"(?:^|[=,])([a-z0-9-]+):(\d+)")
_REFERENCE = re.compile(r"\$\(([A-Z0-9_]+)\)")


@dataclass(frozen=True)
class Workload:
    """A Deployment, StatefulSet, Job or CronJob, and its pod template."""

    manifest: Object
    config_maps: Mapping[str, Object]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"

    @property
    def kind(self) -> str:
        return str(self.manifest["kind"])

    @property
    def name(self) -> str:
        return str(self.manifest["metadata"]["name"])

    @cached_property
    def template(self) -> Object:
        spec: Object = self.manifest["spec"]
        template: Object = (spec["jobTemplate"]["spec"] if self.kind == "CronJob" else spec)["template"]
        return template

    @property
    def pod(self) -> Object:
        spec: Object = self.template["spec"]
        return spec

    @property
    def labels(self) -> Mapping[str, str]:
        """Labels of its pods."""
        labels: Mapping[str, str] = self.template["metadata"]["labels"]
        return labels

    @property
    def containers(self) -> Sequence[Object]:
        return [*self.pod.get("initContainers", ()), *self.pod["containers"]]

    @property
    def app(self) -> Object:
        """The main container."""
        return next(container for container in self.pod["containers"] if container["name"] == "app")

    @property
    def ports(self) -> Mapping[str, int]:
        return {port["name"]: port["containerPort"] for port in self.app.get("ports", ())}

    @property
    def is_server(self) -> bool:
        return self.kind in SERVERS

    @cached_property
    def environment(self) -> Mapping[str, str]:
        """Of the main container. The value of a variable from a Secret is SECRET/KEY."""
        return environment(self.app, self.config_maps)


def environment(container: Object, config_maps: Mapping[str, Object]) -> Mapping[str, str]:
    values: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        values |= config_maps.get(source["configMapRef"]["name"], {}).get("data", {})
    for variable in container.get("env", ()):
        if "valueFrom" in variable:
            reference = variable["valueFrom"]["secretKeyRef"]
            values[variable["name"]] = f"{reference['name']}/{reference['key']}"
        else:
            values[variable["name"]] = expanded(variable["value"], values)
    return values


def expanded(text: str, values: Mapping[str, str]) -> str:
    """Replaces $(NAME) like the kubelet, which leaves unknown names unchanged."""
    return _REFERENCE.sub(lambda reference: values.get(reference[1], reference[0]), text)


class Cluster:
    """The objects of one overlay."""

    def __init__(self, objects: Sequence[Object]) -> None:
        self.objects = objects
        config_maps = {manifest["metadata"]["name"]: manifest for manifest in self.of_kind("ConfigMap")}
        self.config_maps = config_maps
        self.workloads = [
            Workload(manifest, config_maps) for manifest in self.of_kind("Deployment", "StatefulSet", "Job", "CronJob")
        ]

    def of_kind(self, *kinds: str) -> Sequence[Object]:
        return [manifest for manifest in self.objects if manifest["kind"] in kinds]

    def names(self, *kinds: str) -> set[str]:
        return {manifest["metadata"]["name"] for manifest in self.of_kind(*kinds)}

    @property
    def operator_values(self) -> Mapping[str, str]:
        """The content of the overlay's operator.env."""
        (values,) = (manifest["data"] for name, manifest in self.config_maps.items() if name.startswith("operator-"))
        operator_values: Mapping[str, str] = values
        return operator_values

    @property
    def deployments(self) -> Sequence[Workload]:
        """The services of Seen."""
        return [workload for workload in self.workloads if workload.kind == "Deployment"]

    @property
    def servers(self) -> Sequence[Workload]:
        return [workload for workload in self.workloads if workload.is_server]

    def deployment(self, name: str) -> Workload:
        return next(workload for workload in self.deployments if workload.name == name)

    @property
    def datasets(self) -> Sequence[str]:
        """The names of the services that serve a dataset."""
        component = "app.kubernetes.io/component"
        return [service.name for service in self.deployments if service.labels.get(component) == "dataset"]

    def needed_calls(self) -> set[tuple[str, str, int]]:
        """(caller, callee, port) of every address in a service's settings."""
        return {
            (caller.name, callee, int(port))
            for caller in self.deployments
            for variable, value in caller.environment.items()
            if re.search("_ADDRESS(ES)?$", variable)
            for callee, port in _ADDRESS.findall(value)
        }


@cache
def overlay(name: str, root: Path = ROOT) -> Cluster:
    return Cluster(render.overlay(name, root))


@cache
def monitoring() -> Cluster:
    return Cluster(render.monitoring())


def references(workload: Workload) -> Iterator[tuple[str, str, str]]:
    """(field, kind, name) of the objects that a pod refers to. A key of a Secret is SECRET/KEY."""
    pod = workload.pod
    yield "serviceAccountName", "ServiceAccount", pod.get("serviceAccountName", "default")
    for container in workload.containers:
        for source in container.get("envFrom", ()):
            yield "envFrom", "ConfigMap", source["configMapRef"]["name"]
        for variable in container.get("env", ()):
            if reference := variable.get("valueFrom", {}).get("secretKeyRef"):
                yield f"env {variable['name']}", "Secret", f"{reference['name']}/{reference['key']}"
    for volume in pod.get("volumes", ()):
        field = f"volumes {volume['name']}"
        if "configMap" in volume:
            yield field, "ConfigMap", volume["configMap"]["name"]
        if "persistentVolumeClaim" in volume:
            yield field, "PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]
        if secret := volume.get("secret"):
            yield field, "Secret", secret["secretName"]
            for item in secret.get("items", ()):
                yield field, "Secret", f"{secret['secretName']}/{item['key']}"


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a Kubernetes label selector matches; an empty selector matches everything."""
    if any(labels.get(key) != value for key, value in selector.get("matchLabels", {}).items()):
        return False
    return all(_matches(rule, labels) for rule in selector.get("matchExpressions", ()))


def _matches(rule: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    values: Sequence[str] = rule.get("values", ())
    value, operator = labels.get(rule["key"]), str(rule["operator"])
    if operator in ("In", "NotIn"):
        return (value in values) == (operator == "In")
    return (value is not None) == (operator == "Exists")


def strings(value: object) -> Iterator[str]:
    """Every string in a nested object."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, Sequence):
        for inner in value:
            yield from strings(inner)
