"""Prometheus and Grafana in the cluster: the same files, names and images as in Compose.

test_manifests.py checks the objects like those of the overlays.
"""

import json
import re
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT
from tests.deploy import dashboards, workloads
from tests.deploy.declared_services import scraped_ports
from tests.deploy.prometheus import CLUSTER, MONITORING, RULES, Yaml, job, promtool, read
from tests.deploy.workloads import Cluster, Workload, overlay, selects

PROVISIONING = MONITORING / "grafana" / "provisioning"


@pytest.fixture
def monitoring() -> Cluster:
    return workloads.monitoring()


def test_the_namespace_requires_restricted_pods(monitoring: Cluster) -> None:
    (namespace,) = monitoring.of_kind("Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_every_policy_selects_a_pod(monitoring: Cluster) -> None:
    for policy in monitoring.of_kind("NetworkPolicy"):
        selector = policy["spec"]["podSelector"]
        assert any(selects(selector, workload.labels) for workload in monitoring.workloads), policy["metadata"]["name"]


def test_grafana_uses_the_address_of_prometheus_in_the_cluster_and_in_compose(monitoring: Cluster) -> None:
    (source,) = read(PROVISIONING / "datasources" / "prometheus.yaml")["datasources"]
    addresses = [
        f"http://{service['metadata']['name']}:{port['port']}"
        for service in monitoring.of_kind("Service")
        for port in service["spec"]["ports"]
    ]
    assert source["url"] in addresses
    assert source["url"] == "http://prometheus:9090"
    assert "prometheus" in read(ROOT / "docker-compose.yml")["services"]


def test_prometheus_presents_the_certificate_that_its_sidecar_writes(monitoring: Cluster) -> None:
    (prometheus,) = [workload for workload in monitoring.workloads if workload.name == "prometheus"]
    proxy = yaml.safe_load(prometheus.template["metadata"]["annotations"]["proxy.istio.io/config"])
    folder = proxy["proxyMetadata"]["OUTPUT_CERTS"]
    tls = job(read(CLUSTER), "seen")["tls_config"]
    assert {Path(tls[key]).parent.as_posix() for key in ("ca_file", "cert_file", "key_file")} == {folder}
    (mount,) = json.loads(prometheus.template["metadata"]["annotations"]["sidecar.istio.io/userVolumeMount"])
    mounts = {
        (volume_mount["name"], volume_mount["mountPath"]) for volume_mount in prometheus.containers[0]["volumeMounts"]
    }
    assert (mount["name"], mount["mountPath"]) in mounts
    assert mount["mountPath"] == folder


def test_service_discovery_finds_the_services_and_ports_of_compose(tmp_path: Path) -> None:
    config = read(CLUSTER)
    scraped = job(config, "seen")
    del scraped["kubernetes_sd_configs"]
    scraped["static_configs"] = [
        discovered for workload in overlay("gke").deployments for discovered in _discovered(workload)
    ]
    config_file = tmp_path / "prometheus.yaml"
    config_file.write_text(yaml.safe_dump({"scrape_configs": [scraped]}))
    targets = json.loads(promtool("check", "service-discovery", "--timeout=1s", config_file, "seen"))
    kept = {target["labels"]["job"]: target["labels"]["__address__"] for target in targets if target.get("labels")}
    assert kept == {name: f"{name}:{port}" for name, port in scraped_ports().items()}


def _discovered(workload: Workload) -> list[Yaml]:
    """A pod as Prometheus discovers it in Kubernetes: one target per port."""
    labels = {
        f"__meta_kubernetes_pod_label_{re.sub(r'[^a-zA-Z0-9]', '_', key)}": value
        for key, value in workload.labels.items()
    }
    return [
        {
            "targets": [f"{workload.name}:{port}"],
            "labels": labels
            | {
                "__meta_kubernetes_pod_name": f"{workload.name}-1",
                "__meta_kubernetes_pod_phase": "Running",
                "__meta_kubernetes_pod_container_port_name": name,
            },
        }
        for name, port in workload.ports.items()
    ]


def test_the_network_policy_lets_prometheus_reach_every_metrics_port(monitoring: Cluster, cluster: Cluster) -> None:
    (policy,) = [policy for policy in monitoring.of_kind("NetworkPolicy") if policy["metadata"]["name"] == "prometheus"]
    (to_seen,) = [
        rule["ports"]
        for rule in policy["spec"]["egress"]
        if {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "seen"}}} in rule.get("to", ())
    ]
    allowed = {port for rule in to_seen for port in range(rule["port"], rule.get("endPort", rule["port"]) + 1)}
    assert {workload.ports["http-metrics"] for workload in cluster.deployments} <= allowed


def test_the_config_maps_contain_every_rule_file_and_dashboard_unchanged(monitoring: Cluster) -> None:
    in_cluster = {key: text for config in monitoring.of_kind("ConfigMap") for key, text in config["data"].items()}
    files = {path.name: path for path in (*RULES, *dashboards.FOLDER.iterdir(), MONITORING / "grafana" / "grafana.ini")}
    files |= {
        "prometheus.yaml": CLUSTER,
        "datasources.yaml": PROVISIONING / "datasources" / "prometheus.yaml",
        "dashboards.yaml": PROVISIONING / "dashboards" / "seen.yaml",
    }
    assert in_cluster == {name: path.read_text() for name, path in files.items()}


@pytest.mark.parametrize("name", ["prometheus", "grafana"])
def test_compose_and_the_cluster_run_the_same_image(name: str, monitoring: Cluster) -> None:
    compose = read(ROOT / "docker-compose.yml")["services"][name]["image"]
    (in_cluster,) = [workload.containers[0]["image"] for workload in monitoring.workloads if workload.name == name]
    assert in_cluster == compose
