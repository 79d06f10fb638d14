"""The expiry of the ingress's certificate: Prometheus stores Envoy's value under the metric name of the alert."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509

from tests.deploy import prometheus
from tests.deploy.envoy.certificates import Authority, Certificate
from tests.deploy.envoy.running import command
from tests.deploy.prometheus import CLUSTER, HOST, Yaml, job, read
from tests.end_to_end.suites import wait_for
from tests.ports import free_port

TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"
NOTHING = "type.googleapis.com/envoy.extensions.filters.network.direct_response.v3.Config"


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return Authority(tmp_path / "tls", "public").for_host("api.example.com")


@pytest.fixture
def envoy(tmp_path: Path, certificate: Certificate) -> Iterator[int]:
    """The admin port of an Envoy that has the certificate as Istio would configure it."""
    admin = free_port()
    config = tmp_path / "envoy.json"
    config.write_text(json.dumps(_config(admin, free_port(), certificate)))
    process = subprocess.Popen([*command(config), "--use-dynamic-base-id", "--concurrency", "1"])
    try:
        yield admin
    finally:
        process.terminate()
        process.wait(10)


def _config(admin: int, port: int, certificate: Certificate) -> Yaml:
    # Istio's name for a Kubernetes Secret, and its tag regex. The rest of a statistic's name becomes the metric name.
    name = "kubernetes://seen-tls"
    tags = [{"tag_name": "listener_address", "regex": r"^listener\.([_.[:digit:]]*\.)"}]
    secret = {
        "name": name,
        "tls_certificate": {
            "certificate_chain": {"filename": str(certificate.chain)},
            "private_key": {"filename": str(certificate.key)},
        },
    }
    tls = {"@type": TLS, "common_tls_context": {"tls_certificate_sds_secret_configs": [{"name": name}]}}
    chain = {
        "transport_socket": {"name": "envoy.transport_sockets.tls", "typed_config": tls},
        "filters": [{"name": "envoy.filters.network.direct_response", "typed_config": {"@type": NOTHING}}],
    }
    listener = {"name": "https", "address": _address(port), "filter_chains": [chain]}
    return {
        "admin": {"address": _address(admin)},
        "stats_config": {"use_all_default_tags": False, "stats_tags": tags},
        "static_resources": {"secrets": [secret], "listeners": [listener]},
    }


def _address(port: int) -> Yaml:
    return {"socket_address": {"address": HOST, "port_value": port}}


def test_the_expiry_is_stored_for_the_ingress_but_not_for_sidecars(
    envoy: int, certificate: Certificate, tmp_path: Path
) -> None:
    port = free_port()
    scraped = job(read(CLUSTER), "istio-proxies")
    del scraped["kubernetes_sd_configs"]
    scraped["static_configs"] = [_discovered(envoy, "istio-ingress"), _discovered(envoy, "seen")]
    config = {"global": {"scrape_interval": "200ms"}, "scrape_configs": [scraped]}
    with prometheus.running(tmp_path, port, config) as running:
        # The listener starts shortly after the statistics.
        wait_for(lambda: running.query("seen_certificate_expiry_timestamp_seconds"))
        wait_for(lambda: len(running.query("scrape_samples_scraped > 0")) == 2)
        expiries = running.query("seen_certificate_expiry_timestamp_seconds")
        names = running.get("label/__name__/values")
    assert [(labels["namespace"], labels["certificate"]) for labels, _ in expiries] == [("istio-ingress", "ingress")]
    not_after = x509.load_pem_x509_certificate(certificate.chain.read_bytes()).not_valid_after_utc
    assert expiries[0][1] == not_after.timestamp()
    assert [name for name in names if name.startswith("envoy_")] == []


def _discovered(port: int, namespace: str) -> Yaml:
    """A proxy as Prometheus discovers it in Kubernetes, without the pod's IP, which would replace this address."""
    labels = {"namespace": namespace, "pod_name": f"a-pod-of-{namespace}", "pod_container_name": "istio-proxy"}
    return {
        "targets": [f"{HOST}:{port}"],
        "labels": {f"__meta_kubernetes_{name}": value for name, value in labels.items()},
    }
