"""The places that speak of the same services: code, one machine, Compose, the build, the cluster, mesh, monitoring."""

import re
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import yaml

from scripts.local.suite import Process, Suite
from tests.conftest import ROOT
from tests.deploy import render
from tests.deploy.workloads import overlay

NEVER_DEPLOYED = "local-auth0"
_PRINCIPAL = re.compile(r"cluster\.local/ns/seen/sa/(.+)")
_HOST = re.compile(r"([a-z0-9-]+)\.seen\.svc\.cluster\.local")

# By service: the port of its protocol, and that of its metrics.
Ports = Mapping[str, tuple[int, int]]


@cache
def one_machine() -> Mapping[str, Process]:
    """By the name that it has in a cluster."""
    processes = Suite(Path("/suite"), 0).processes()
    named = {process.name.replace("_", "-"): process for process in processes}
    return {name: process for name, process in named.items() if not name.startswith("mongod")}


@cache
def compose() -> Mapping[str, Any]:
    services: Mapping[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    return services


def programs() -> set[str]:
    """The folders of services/ that can be run, but for the one that is never deployed."""
    found = {path.parent.name.replace("_", "-") for path in (ROOT / "services").glob("*/__main__.py")}
    return found - {NEVER_DEPLOYED}


def _of_one_machine() -> set[str]:
    return set(one_machine()) - {NEVER_DEPLOYED}


def _of_compose() -> set[str]:
    tools = {NEVER_DEPLOYED, "test", "locust"}
    return {name for name, service in compose().items() if "build" in service} - tools


def _of_the_build() -> set[str]:
    (images,) = re.findall(r"image = \[(.*?)\]", (ROOT / "docker-bake.hcl").read_text(), re.DOTALL)
    return set(re.findall(r'"([a-z0-9-]+)"', images)) - {NEVER_DEPLOYED, "test", "locust"}


def _of_the_mesh() -> set[str]:
    return {service(found["spec"]["host"]) for found in render.istio() if found["kind"] == "DestinationRule"}


def _of_routes() -> set[str]:
    routes = [found for found in render.istio() if found["kind"] == "VirtualService"]
    return {service(destination["host"]) for found in routes for destination in destinations(found)}


def destinations(virtual_service: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [route["destination"] for http in virtual_service["spec"]["http"] for route in http.get("route", ())]


def service(host: str) -> str:
    """library.seen.svc.cluster.local: library."""
    return _HOST.sub(r"\1", host)


def scraped() -> Mapping[str, int]:
    """What Prometheus asks in Compose, by name."""
    text = (ROOT / "k8s" / "monitoring" / "prometheus" / "compose.yaml").read_text()
    (seen,) = (job for job in yaml.safe_load(text)["scrape_configs"] if job["job_name"] == "seen")
    targets = [target for config in seen["static_configs"] for target in config["targets"]]
    return {name: int(port) for name, _, port in (target.partition(":") for target in targets)}


def _of_overlay(name: str, kind: str) -> set[str]:
    return {one for one in overlay(name).names(kind) if not one.startswith(("mongo-", "mysql"))}


NAMES: Mapping[str, Callable[[], set[str]]] = {
    "scripts/local/suite.py": _of_one_machine,
    "docker-compose.yml": _of_compose,
    "docker-bake.hcl": _of_the_build,
    "istio/destination-rules": _of_the_mesh,
    "istio/routes": _of_routes,
    "k8s/monitoring/prometheus/compose.yaml": lambda: set(scraped()),
    **{
        f"k8s/overlays/{name}: {kind}": partial(_of_overlay, name, kind)
        for name in render.OVERLAYS
        for kind in ("Deployment", "Service", "PodDisruptionBudget")
    },
}


def ports_of_one_machine() -> Ports:
    return {
        name: (process.ports[0], process.ports[1]) for name, process in one_machine().items() if name != NEVER_DEPLOYED
    }


def _ports_of_compose() -> Ports:
    return {name: _two(compose()[name]["environment"]) for name in _of_compose()}


def _ports_of_settings(name: str) -> Ports:
    return {one.name: _two(one.environment) for one in overlay(name).deployments}


def _two(settings: Mapping[str, Any]) -> tuple[int, int]:
    return int(settings["SEEN_PORT"]), int(settings["SEEN_METRICS_PORT"])


def _ports_of_containers(name: str) -> Ports:
    return {
        one.name: (one.ports["http" if one.name == "gateway" else "grpc"], one.ports["http-metrics"])
        for one in overlay(name).deployments
    }


PORTS: Mapping[str, Callable[[], Ports]] = {
    "docker-compose.yml": _ports_of_compose,
    **{f"k8s/overlays/{name}: settings": partial(_ports_of_settings, name) for name in render.OVERLAYS},
    **{f"k8s/overlays/{name}: containers": partial(_ports_of_containers, name) for name in render.OVERLAYS},
}


def principals(rule: Mapping[str, Any]) -> set[str]:
    """Of an AuthorizationPolicy's rule: service accounts of ours by name, others in full; * for everybody."""
    sources = [source["source"] for source in rule.get("from", ())]
    found = {principal for source in sources for principal in source.get("principals", ["*"])}
    return {_PRINCIPAL.sub(r"\1", principal) for principal in found} or {"*"}


def ports(rule: Mapping[str, Any]) -> set[int] | None:
    """None for any."""
    operations = [to["operation"] for to in rule.get("to", ())]
    if not operations or any("ports" not in operation for operation in operations):
        return None
    return {int(port) for operation in operations for port in operation["ports"]}
