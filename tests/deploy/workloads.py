"""What a rendered overlay runs: its pods, with the settings that they would read."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from tests.deploy import render
from tests.deploy.render import Object

SERVERS = ("Deployment", "StatefulSet")
ISTIO = ".istio.io/"
_REFERENCE = re.compile(r"\$\(([A-Z0-9_]+)\)")


@dataclass(frozen=True)
class Workload:
    """A Deployment, StatefulSet, Job or CronJob, and the pods that it makes."""

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
        """Of its pods."""
        labels: Mapping[str, str] = self.template["metadata"]["labels"]
        return labels

    @property
    def containers(self) -> Sequence[Object]:
        return [*self.pod.get("initContainers", ()), *self.pod["containers"]]

    @property
    def app(self) -> Object:
        """The container that runs the program."""
        return next(container for container in self.pod["containers"] if container["name"] == "app")

    @property
    def ports(self) -> Mapping[str, int]:
        return {port["name"]: port["containerPort"] for port in self.app.get("ports", ())}

    @property
    def is_server(self) -> bool:
        return self.kind in SERVERS

    @cached_property
    def environment(self) -> Mapping[str, str]:
        """What the program reads; a variable from a Secret reads SECRET/KEY."""
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
    """As the kubelet does it: a reference to nothing stays as it is."""
    return _REFERENCE.sub(lambda reference: values.get(reference[1], reference[0]), text)


class Cluster:
    """The objects of one overlay, by what one asks of them."""

    def __init__(self, objects: Sequence[Object]) -> None:
        self.objects = objects
        config_maps = {found["metadata"]["name"]: found for found in self.of("ConfigMap")}
        self.config_maps = config_maps
        self.workloads = [
            Workload(found, config_maps) for found in self.of("Deployment", "StatefulSet", "Job", "CronJob")
        ]

    def of(self, *kinds: str) -> Sequence[Object]:
        return [found for found in self.objects if found["kind"] in kinds]

    def names(self, *kinds: str) -> set[str]:
        return {found["metadata"]["name"] for found in self.of(*kinds)}

    @property
    def deployments(self) -> Sequence[Workload]:
        """The services of Seen."""
        return [workload for workload in self.workloads if workload.kind == "Deployment"]

    @property
    def servers(self) -> Sequence[Workload]:
        return [workload for workload in self.workloads if workload.is_server]

    def deployment(self, name: str) -> Workload:
        return next(workload for workload in self.deployments if workload.name == name)

    def datasets(self) -> Sequence[Workload]:
        return [one for one in self.deployments if one.labels.get("app.kubernetes.io/component") == "dataset"]


@cache
def overlay(name: str) -> Cluster:
    return Cluster(render.overlay(name))


def references(workload: Workload) -> Iterator[tuple[str, str, str]]:
    """(field, kind, name) of what a pod needs; a Secret's key is named SECRET/KEY."""
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
    """Kubernetes' label selector; an empty one selects everything."""
    if any(labels.get(key) != value for key, value in selector.get("matchLabels", {}).items()):
        return False
    return all(_holds(rule, labels) for rule in selector.get("matchExpressions", ()))


def _holds(rule: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    values: Sequence[str] = rule.get("values", ())
    value, operator = labels.get(rule["key"]), str(rule["operator"])
    if operator in ("In", "NotIn"):
        return (value in values) == (operator == "In")
    return (value is not None) == (operator == "Exists")


def strings(value: object) -> Iterator[str]:
    """Every text inside of an object, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, Sequence):
        for inner in value:
            yield from strings(inner)
