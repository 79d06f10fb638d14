"""Prometheus and Grafana in the cluster: objects that Kubernetes takes, and the same files and names as in Compose."""

import json
import re
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from scripts.local.suite import ROOT
from tests.deploy import dashboards, render
from tests.deploy.prometheus import CLUSTER, MONITORING, RULES, Yaml, job, metrics_ports, promtool, read
from tests.deploy.workloads import Cluster, Workload, overlay, references, selects

KUBERNETES = "1.34"
PROVISIONING = MONITORING / "grafana" / "provisioning"


@pytest.fixture
def cluster() -> Cluster:
    return Cluster(render.monitoring())


def test_kubernetes_knows_every_object_and_every_field(cluster: Cluster) -> None:
    faults = []
    for found in cluster.objects:
        try:
            kubernetes_validate.validate(found, KUBERNETES, strict=True)
        except kubernetes_validate.ValidationError as error:
            faults.append(f"{found['kind']} {found['metadata']['name']}: {error.json_path}: {error.message}")
    assert faults == []


def test_pods_are_as_restricted_as_their_namespace_wants_them(cluster: Cluster) -> None:
    (namespace,) = cluster.of("Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for workload in cluster.workloads:
        pod = workload.pod["securityContext"]
        assert (pod["runAsNonRoot"], pod["seccompProfile"]) == (True, {"type": "RuntimeDefault"}), str(workload)
        for container in workload.containers:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, str(workload)


def test_pods_mount_what_there_is(cluster: Cluster) -> None:
    for workload in cluster.workloads:
        for field, kind, name in references(workload):
            assert name in cluster.names(kind), f"{workload}: {field}"
        claims = workload.manifest["spec"].get("volumeClaimTemplates", ())
        volumes = {volume["name"] for volume in workload.pod["volumes"]} | {one["metadata"]["name"] for one in claims}
        for container in workload.containers:
            assert {mount["name"] for mount in container["volumeMounts"]} == volumes, str(workload)


def test_services_and_policies_select_pods_and_their_ports(cluster: Cluster) -> None:
    for found in cluster.of("Service"):
        (workload,) = [one for one in cluster.workloads if found["spec"]["selector"].items() <= one.labels.items()]
        ports = {port["name"] for container in workload.containers for port in container["ports"]}
        assert {port["targetPort"] for port in found["spec"]["ports"]} <= ports
    for found in cluster.of("NetworkPolicy"):
        assert any(selects(found["spec"]["podSelector"], one.labels) for one in cluster.workloads), found["metadata"]


def test_grafana_asks_prometheus_at_its_address_in_the_cluster_and_in_compose(cluster: Cluster) -> None:
    (source,) = read(PROVISIONING / "datasources" / "prometheus.yaml")["datasources"]
    addresses = [
        f"http://{service['metadata']['name']}:{port['port']}"
        for service in cluster.of("Service")
        for port in service["spec"]["ports"]
    ]
    assert source["url"] in addresses
    assert source["url"] == "http://prometheus:9090"
    assert "prometheus" in read(ROOT / "docker-compose.yml")["services"]


def test_prometheus_shows_the_certificate_that_its_sidecar_writes(cluster: Cluster) -> None:
    (prometheus,) = [one for one in cluster.workloads if one.name == "prometheus"]
    proxy = yaml.safe_load(prometheus.template["metadata"]["annotations"]["proxy.istio.io/config"])
    folder = proxy["proxyMetadata"]["OUTPUT_CERTS"]
    tls = job(read(CLUSTER), "seen")["tls_config"]
    assert {Path(tls[key]).parent.as_posix() for key in ("ca_file", "cert_file", "key_file")} == {folder}
    (mount,) = json.loads(prometheus.template["metadata"]["annotations"]["sidecar.istio.io/userVolumeMount"])
    mounts = {(one["name"], one["mountPath"]) for one in prometheus.containers[0]["volumeMounts"]}
    assert (mount["name"], mount["mountPath"]) in mounts
    assert mount["mountPath"] == folder


def test_the_cluster_finds_the_pods_and_ports_that_compose_has(tmp_path: Path) -> None:
    config = read(CLUSTER)
    scraped = job(config, "seen")
    del scraped["kubernetes_sd_configs"]
    scraped["static_configs"] = [
        discovered for workload in overlay("gke").deployments for discovered in _discovered(workload)
    ]
    found = tmp_path / "prometheus.yaml"
    found.write_text(yaml.safe_dump({"scrape_configs": [scraped]}))
    said = json.loads(promtool("check", "service-discovery", "--timeout=1s", found, "seen"))
    kept = {target["labels"]["job"]: target["labels"]["__address__"] for target in said if target.get("labels")}
    assert kept == {name: f"{name}:{port}" for name, port in metrics_ports().items()}


def _discovered(workload: Workload) -> list[Yaml]:
    """A pod as Prometheus finds it in Kubernetes: once for each port."""
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


def test_prometheus_may_leave_its_namespace_for_every_port_that_it_scrapes(cluster: Cluster) -> None:
    (policy,) = [found for found in cluster.of("NetworkPolicy") if found["metadata"]["name"] == "prometheus"]
    (to_seen,) = [
        rule["ports"]
        for rule in policy["spec"]["egress"]
        if {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "seen"}}} in rule.get("to", ())
    ]
    open_to_it = {port for one in to_seen for port in range(one["port"], one.get("endPort", one["port"]) + 1)}
    assert set(metrics_ports().values()) <= open_to_it


def test_the_cluster_has_every_file_of_rules_and_dashboards_as_it_is(cluster: Cluster) -> None:
    in_cluster = {key: text for config in cluster.of("ConfigMap") for key, text in config["data"].items()}
    files = {path.name: path for path in (*RULES, *dashboards.FOLDER.iterdir(), MONITORING / "grafana" / "grafana.ini")}
    files |= {
        "prometheus.yaml": CLUSTER,
        "datasources.yaml": PROVISIONING / "datasources" / "prometheus.yaml",
        "dashboards.yaml": PROVISIONING / "dashboards" / "seen.yaml",
    }
    assert in_cluster == {name: path.read_text() for name, path in files.items()}


@pytest.mark.parametrize("name", ["prometheus", "grafana"])
def test_compose_and_the_cluster_run_the_same_image(name: str, cluster: Cluster) -> None:
    compose = read(ROOT / "docker-compose.yml")["services"][name]["image"]
    (in_cluster,) = [workload.containers[0]["image"] for workload in cluster.workloads if workload.name == name]
    assert in_cluster == compose
