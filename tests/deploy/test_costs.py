"""k8s/COSTS.md contains the quantities of the manifests and of the scripts."""

import re
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.deploy import render

COSTS = (ROOT / "k8s" / "COSTS.md").read_text()
UNITS = {"Mi": 1 / 1024, "Gi": 1}


def vcpu(text: str) -> float:
    return float(text.removesuffix("m")) / (1000 if text.endswith("m") else 1)


def gib(text: str) -> float:
    return float(text[:-2]) * UNITS[text[-2:]]


def requests(overlay: str, limit: str) -> str:
    """A cell of the table; `limit` is the autoscalers' number of replicas: minReplicas or maxReplicas."""
    objects = render.overlay(overlay)
    replicas = {
        manifest["spec"]["scaleTargetRef"]["name"]: manifest["spec"][limit]
        for manifest in objects
        if manifest["kind"] == "HorizontalPodAutoscaler"
    }
    processors = memory = 0.0
    pods: dict[str, int] = {"Deployment": 0, "StatefulSet": 0}
    for manifest in (manifest for manifest in objects if manifest["kind"] in pods):
        number = replicas.get(manifest["metadata"]["name"], 1)
        pods[manifest["kind"]] += number
        containers: list[dict[str, Any]] = manifest["spec"]["template"]["spec"]["containers"]
        resources = [container["resources"]["requests"] for container in containers]
        processors += number * sum(vcpu(request["cpu"]) for request in resources)
        memory += number * sum(gib(request["memory"]) for request in resources)
    databases = f" and {pods['StatefulSet']} databases" if pods["StatefulSet"] else ""
    return f"{pods['Deployment']} pods{databases}: {processors:g} vCPU, {memory:.1f} GiB"


@pytest.mark.parametrize("overlay", render.OVERLAYS)
def test_the_requests_are_those_of_the_manifests(overlay: str) -> None:
    row = f"| {overlay} | {requests(overlay, 'minReplicas')} | {requests(overlay, 'maxReplicas')} |"
    assert row in COSTS


def test_the_sizes_are_those_of_create_cluster_sh() -> None:
    script = (ROOT / "scripts" / "create_cluster.sh").read_text()
    sizes = re.findall(r"^(\w+)\) machine=(\S+) nodes_min=(\d+) nodes_max=(\d+)", script, re.MULTILINE)
    assert [size for size, *_ in sizes] == ["small", "medium", "large"]
    for _, machine, minimum, maximum in sizes:
        assert f"| {minimum} to {maximum} × {machine}, " in COSTS
