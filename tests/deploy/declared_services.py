"""What each deployment file declares about the services: their names, ports and settings.

Functions take the root of the checkout, so that they also work for a copy with an added dataset.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import yaml

from scripts.local import suite
from scripts.local.suite import Process, Suite
from services.account.settings import AccountSettings, DatabaseSettings
from services.catalog import datasets
from services.catalog.settings import CatalogSettings
from services.common.settings import ENV_PREFIX, ProgramSettings
from services.gateway.settings import GatewaySettings
from services.library.settings import LibrarySettings
from services.local_auth0.settings import LocalAuth0Settings
from services.spark_connector.settings import SparkSettings
from tests.conftest import ROOT
from tests.deploy import render
from tests.deploy.workloads import overlay

DATASETS = tuple(datasets.names())
# Runs the services in one process; docker-compose.compact.yml has tests of its own.
COMPACT = "compact"
# Runs on developers' machines only.
LOCAL_ONLY = "local-auth0"
# Images that are no service of a cluster.
OTHER_IMAGES = {LOCAL_ONLY, COMPACT, "test", "locust"}
SETTINGS: Mapping[str, type[ProgramSettings]] = {
    "gateway": GatewaySettings,
    "library": LibrarySettings,
    "account": AccountSettings,
    "account-migrate": DatabaseSettings,
    "spark-connector": SparkSettings,
    LOCAL_ONLY: LocalAuth0Settings,
    **dict.fromkeys(DATASETS, CatalogSettings),
}
# By service: its own port and its metrics port.
Ports = Mapping[str, tuple[int, int]]

_HOST = re.compile(r"([a-z0-9-]+)\.seen\.svc\.cluster\.local")


def services() -> set[str]:
    """The folders of services/ with a __main__.py, except the one that is never deployed."""
    return all_services() - {LOCAL_ONLY}


def all_services() -> set[str]:
    folders = {path.parent.name.replace("_", "-") for path in (ROOT / "services").glob("*/__main__.py")}
    return folders - {COMPACT}


def settings_class(service: str) -> type[ProgramSettings]:
    """A service without an entry in SETTINGS is an added dataset."""
    return SETTINGS.get(service, CatalogSettings)


def variables(service: str) -> Mapping[str, str]:
    """The environment variables of a service's settings, with the field that each one sets."""
    return {f"{ENV_PREFIX}{field.upper()}": field for field in settings_class(service).model_fields}


@cache
def local_processes() -> Mapping[str, Process]:
    """The services of scripts/local/suite.py, by the name that they have in a cluster."""
    processes = Suite(Path("/suite"), 0).processes()
    by_name = {process.name.replace("_", "-"): process for process in processes}
    return {name: process for name, process in by_name.items() if not name.startswith("mongod")}


def settings_with_service_names(service: str) -> Mapping[str, str]:
    """The settings of a service of the local suite, with the names that other containers have instead of this host."""
    hosts = {str(port): f"{name}:{port}" for name, (port, _) in local_ports().items()}
    for dataset in suite.DATASETS:
        names = (name.replace("mongod", "mongo") for name in dataset.mongods())
        hosts |= dict(zip(map(str, dataset.shard_ports), names, strict=True))
    settings = local_processes()[service].command.environment
    return {
        variable: re.sub(rf"{suite.HOST}:(\d+)", lambda address: hosts[address[1]], value)
        for variable, value in settings.items()
    }


@cache
def compose(root: Path = ROOT) -> Mapping[str, Any]:
    declared: Mapping[str, Any] = yaml.safe_load((root / "docker-compose.yml").read_text())["services"]
    return declared


def baked_images(root: Path = ROOT) -> set[str]:
    (images,) = re.findall(r"image = \[(.*?)\]", (root / "docker-bake.hcl").read_text(), re.DOTALL)
    return set(re.findall(r'"([a-z0-9-]+)"', images))


def dockerfile_extras(root: Path = ROOT) -> dict[str, list[str]]:
    """The extras that the Dockerfile installs for each value of SERVICE."""
    branches = re.findall(r"^\s+([a-z0-9 |-]+)\) set -- ?(.*) ;;", (root / "Dockerfile").read_text(), re.MULTILINE)
    return {
        service: re.findall(r"--extra (\S+)", options.replace('"$SERVICE"', service))
        for names, options in branches
        for service in names.split(" | ")
    }


def scraped_ports(root: Path = ROOT) -> Mapping[str, int]:
    """The metrics port at which Prometheus scrapes each service in Compose."""
    text = (root / "k8s" / "monitoring" / "prometheus" / "compose.yaml").read_text()
    (seen,) = (job for job in yaml.safe_load(text)["scrape_configs"] if job["job_name"] == "seen")
    targets = [target for config in seen["static_configs"] for target in config["targets"]]
    return {name: int(port) for name, _, port in (target.partition(":") for target in targets)}


def destinations(virtual_service: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [route["destination"] for http in virtual_service["spec"]["http"] for route in http.get("route", ())]


def service_of(host: str) -> str:
    """library for library.seen.svc.cluster.local."""
    return _HOST.sub(r"\1", host)


def _in_suite(root: Path) -> set[str]:
    return set(local_processes()) - {LOCAL_ONLY}


def _in_compose(root: Path) -> set[str]:
    return {name for name, service in compose(root).items() if "build" in service} - OTHER_IMAGES


def _watched(root: Path) -> set[str]:
    rules = (root / "k8s" / "monitoring" / "prometheus" / "rules" / "services.yaml").read_text()
    return set(re.findall(r'absent\(up{job="(.+)"}\)', rules))


def _with_destination_rule(root: Path) -> set[str]:
    return {
        service_of(manifest["spec"]["host"]) for manifest in render.istio(root) if manifest["kind"] == "DestinationRule"
    }


def _with_route(root: Path) -> set[str]:
    routes = [manifest for manifest in render.istio(root) if manifest["kind"] == "VirtualService"]
    return {service_of(destination["host"]) for route in routes for destination in destinations(route)}


def _in_overlay(name: str, kind: str, root: Path) -> set[str]:
    return {
        object_name
        for object_name in overlay(name, root).names(kind)
        if not object_name.startswith(("mongo-", "mysql"))
    }


# Every list of services, by the file that contains it.
NAMES: Mapping[str, Callable[[Path], set[str]]] = {
    "scripts/local/suite.py": _in_suite,
    "docker-compose.yml": _in_compose,
    "docker-bake.hcl": lambda root: baked_images(root) - OTHER_IMAGES,
    "Dockerfile": lambda root: set(dockerfile_extras(root)) - OTHER_IMAGES,
    "istio/destination-rules": _with_destination_rule,
    "istio/routes": _with_route,
    "k8s/monitoring/prometheus/compose.yaml": lambda root: set(scraped_ports(root)),
    "k8s/monitoring/prometheus/rules/services.yaml": _watched,
    **{
        f"k8s/overlays/{name}: {kind}": partial(_in_overlay, name, kind)
        for name in render.OVERLAYS
        for kind in ("Deployment", "Service", "PodDisruptionBudget")
    },
}


def local_ports() -> Ports:
    return {
        name: (process.ports[0], process.ports[1]) for name, process in local_processes().items() if name != LOCAL_ONLY
    }


def _compose_ports(root: Path) -> Ports:
    return {name: _port_settings(compose(root)[name]["environment"]) for name in _in_compose(root)}


def _cluster_settings(name: str, root: Path) -> Ports:
    return {workload.name: _port_settings(workload.environment) for workload in overlay(name, root).deployments}


def _port_settings(environment: Mapping[str, Any]) -> tuple[int, int]:
    return int(environment["SEEN_PORT"]), int(environment["SEEN_METRICS_PORT"])


def _container_ports(name: str, root: Path) -> Ports:
    return {
        workload.name: (
            workload.ports["http" if workload.name == "gateway" else "grpc"],
            workload.ports["http-metrics"],
        )
        for workload in overlay(name, root).deployments
    }


# Every list of ports, by the file that contains it. The source is scripts/local/suite.py.
PORTS: Mapping[str, Callable[[Path], Ports]] = {
    "docker-compose.yml": _compose_ports,
    **{f"k8s/overlays/{name}: settings": partial(_cluster_settings, name) for name in render.OVERLAYS},
    **{f"k8s/overlays/{name}: containers": partial(_container_ports, name) for name in render.OVERLAYS},
}
