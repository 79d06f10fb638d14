"""The Istio objects are valid, match the manifests, and allow exactly the calls that the code makes."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.common import clients
from services.gateway.http.website import FILES_PREFIX
from tests.conftest import ROOT
from tests.deploy import declared_services, grpc_calls, istio_schemas, render
from tests.deploy.envoy.pods import Pod, pods, selector, services
from tests.deploy.workloads import Cluster

Object = dict[str, Any]

FOLDER = ROOT / "istio"
MESH = "cluster.local/ns/"
INGRESS = f"{MESH}istio-ingress/sa/istio-ingressgateway"
PROMETHEUS = f"{MESH}monitoring/sa/prometheus"


@pytest.fixture
def objects(cluster: Cluster) -> list[Object]:
    """All objects of an overlay, including Istio's."""
    return list(cluster.objects)


def of_istio(objects: list[Object], *kinds: str) -> list[Object]:
    selected = [rendered for rendered in objects if ".istio.io/" in rendered["apiVersion"]]
    return [rendered for rendered in selected if not kinds or rendered["kind"] in kinds]


def rules(objects: list[Object], pod: Pod) -> Iterator[tuple[str, Object]]:
    """(policy, rule) for each rule of the policies that select the pod."""
    for policy in of_istio(objects, "AuthorizationPolicy"):
        if pod.selected_by(policy):
            for rule in policy["spec"].get("rules", []):
                yield policy["metadata"]["name"], rule


def allowed(objects: list[Object], pod: Pod, port: int) -> dict[str, set[str]]:
    """The paths that each caller may call on the port."""
    paths: dict[str, set[str]] = {}
    for _, rule in rules(objects, pod):
        for operation in (entry["operation"] for entry in rule.get("to", [{"operation": {}}])):
            if str(port) in operation.get("ports", [str(port)]):
                sources = [entry["source"] for entry in rule.get("from", [{"source": {}}])]
                for caller in (name for source in sources for name in source.get("principals", ["anybody"])):
                    paths.setdefault(caller, set()).update(operation.get("paths", ["*"]))
    return paths


def seen_pods(objects: list[Object]) -> list[Pod]:
    return [pod for pod in pods(objects) if pod.namespace == "seen"]


# The objects themselves


def test_objects_are_valid(objects: list[Object]) -> None:
    faults = [fault for rendered in of_istio(objects) for fault in istio_schemas.faults(rendered)]
    assert not faults, "\n".join(faults)


def test_the_overlay_contains_every_object_of_the_folder_istio(objects: list[Object]) -> None:
    def names(rendered: list[Object]) -> set[tuple[str, ...]]:
        return {(one["kind"], one["metadata"]["namespace"], one["metadata"]["name"]) for one in of_istio(rendered)}

    assert names(render.istio()) <= names(objects)


def test_objects_use_stable_api_versions(objects: list[Object]) -> None:
    versions = {rendered["kind"]: rendered["apiVersion"].partition("/")[2] for rendered in of_istio(objects)}
    assert versions.pop("EnvoyFilter") == "v1alpha3"
    assert set(versions.values()) == {"v1"}


def test_the_operators_values_replace_all_placeholders(objects: list[Object]) -> None:
    settings = next(
        one["data"] for one in objects if one["kind"] == "ConfigMap" and one["metadata"]["name"].startswith("operator")
    )
    hosts = [server["hosts"] for gateway in of_istio(objects, "Gateway") for server in gateway["spec"]["servers"]]
    hosts += [one["spec"]["hosts"] for one in of_istio(objects, "VirtualService") if "gateways" in one["spec"]]
    assert hosts == [[settings["SEEN_DOMAIN"]]] * 4
    (authentication,) = of_istio(objects, "RequestAuthentication")
    assert authentication["spec"]["jwtRules"] == [
        {
            "issuer": f"{settings['SEEN_AUTH0_URL']}/",
            "jwksUri": f"{settings['SEEN_AUTH0_URL']}/.well-known/jwks.json",
            "audiences": [settings["SEEN_AUTH0_AUDIENCE"]],
            "forwardOriginalToken": True,
        }
    ]


# Policies


def test_both_namespaces_deny_by_default(objects: list[Object]) -> None:
    policies = of_istio(objects, "AuthorizationPolicy")
    empty = [policy["metadata"]["namespace"] for policy in policies if policy["spec"] == {}]
    assert sorted(empty) == ["istio-ingress", "seen"]


def test_rules_restrict_callers_and_ports(objects: list[Object]) -> None:
    for pod in seen_pods(objects):
        for policy, rule in rules(objects, pod):
            sources = [entry["source"] for entry in rule.get("from", [])]
            operations = [entry["operation"] for entry in rule.get("to", [])]
            assert sources, f"{policy} admits all callers"
            assert operations, f"{policy} admits all operations"
            callers = [name for source in sources for name in source.get("principals", ["*"])]
            assert not [name for name in callers if "*" in name], f"{policy} admits {callers}"
            assert all(operation.get("ports") for operation in operations), f"{policy} admits all ports"


def test_a_service_allows_each_caller_the_methods_that_its_code_calls(cluster: Cluster, objects: list[Object]) -> None:
    datasets = [one.name for one in cluster.datasets()]
    calls = {f"{MESH}seen/sa/{one.name}": grpc_calls.calls(one.name, datasets) for one in cluster.deployments}
    for pod in seen_pods(objects):
        if pod.name == "gateway":
            continue
        paths, port = allowed(objects, pod, pod.ports["grpc"]), pod.ports["grpc"]
        unknown = set().union(*paths.values()) - grpc_calls.all_paths()
        assert not unknown, f"{pod.name}: no proto has {unknown}"
        for caller in sorted(paths.keys() | calls.keys()):
            called, admitted = calls.get(caller, {}).get(pod.name, set()), paths.get(caller, set())
            unused, missing = sorted(admitted - called), sorted(called - admitted)
            assert not unused, f"{pod.name}:{port} allows {caller} methods that it never calls: {unused}"
            assert not missing, f"{pod.name}:{port} does not allow {caller} methods that it calls: {missing}"


def test_only_the_ingress_may_call_the_gateway(objects: list[Object]) -> None:
    pod = next(pod for pod in seen_pods(objects) if pod.name == "gateway")
    assert allowed(objects, pod, pod.ports["http"]) == {INGRESS: {"*"}}


def test_only_prometheus_may_read_metrics_and_nothing_else(objects: list[Object]) -> None:
    for pod in seen_pods(objects):
        paths = allowed(objects, pod, pod.ports["http-metrics"])
        assert paths == {PROMETHEUS: {"/metrics"}}, f"{pod.name} allows {paths}"
        others = [port for name, port in pod.ports.items() if name != "http-metrics"]
        assert not [port for port in others if PROMETHEUS in allowed(objects, pod, port)], f"{pod.name}: Prometheus"


def test_policies_and_filters_select_existing_pods(objects: list[Object]) -> None:
    existing = [pod.labels for pod in pods(objects)] + [{"istio": "ingressgateway"}]
    for rendered in of_istio(objects, "AuthorizationPolicy", "RequestAuthentication", "EnvoyFilter"):
        name, labels = rendered["metadata"]["name"], selector(rendered)
        assert any(labels.items() <= others.items() for others in existing), f"{name}: no pod has {labels}"


def test_policies_name_existing_ports_and_service_accounts(objects: list[Object]) -> None:
    ports = {str(port) for pod in seen_pods(objects) for port in pod.ports.values()}
    accounts = {
        f"{MESH}{one['metadata']['namespace']}/sa/{one['metadata']['name']}"
        for one in [*objects, *render.monitoring()]
        if one["kind"] == "ServiceAccount"
    }
    for pod in seen_pods(objects):
        for policy, rule in rules(objects, pod):
            rule_ports = {port for entry in rule.get("to", []) for port in entry["operation"].get("ports", [])}
            assert rule_ports <= ports, f"{policy} names {rule_ports - ports}"
            callers = {name for entry in rule.get("from", []) for name in entry["source"].get("principals", [])}
            assert callers - {INGRESS} <= accounts, f"{policy} names {callers - accounts}"


# Routes and connections


def test_every_destination_has_a_service_with_the_port_and_pods_of_the_subset(objects: list[Object]) -> None:
    by_host = services(objects)
    subsets = {
        (rule["spec"]["host"], subset["name"]): subset["labels"]
        for rule in of_istio(objects, "DestinationRule")
        for subset in rule["spec"]["subsets"]
    }
    for route in of_istio(objects, "VirtualService"):
        for weighted in route["spec"]["http"][0]["route"]:
            destination = weighted["destination"]
            name = f"{route['metadata']['name']} {destination}"
            assert destination["host"] in by_host, f"{name}: there is no such Service"
            service = by_host[destination["host"]]
            port = destination.get("port", {}).get("number", service.ports.get("grpc", (0, 0))[0])
            assert port in [number for number, _ in service.ports.values()], f"{name}: the Service has no port {port}"
            labels = subsets[destination["host"], destination["subset"]] if "subset" in destination else {}
            if weighted.get("weight", 100):
                assert service.endpoints(pods(objects), port, labels), f"{name}: no pods have {labels}"


def test_routes_have_no_retries_and_no_timeouts(objects: list[Object]) -> None:
    for route in of_istio(objects, "VirtualService"):
        name = route["metadata"]["name"]
        if name == "website":
            continue
        for entry in route["spec"]["http"]:
            assert entry.get("retries") == {"attempts": 0}, f"{name}: without attempts: 0 Istio retries twice"
            assert "timeout" not in entry, f"{name}: the gateway sets the deadline"
    assert "retryPolicy" in Path(clients.__file__).read_text(encoding="utf-8")


def test_only_the_websites_files_are_looked_for_at_several_pods(objects: list[Object]) -> None:
    (route,) = (one for one in of_istio(objects, "VirtualService") if one["metadata"]["name"] == "website")
    (entry,) = route["spec"]["http"]
    assert entry["match"] == [{"uri": {"prefix": FILES_PREFIX}}]
    assert "404" in entry["retries"]["retryOn"].split(",")
    (destination,) = entry["route"]
    assert "subset" not in destination["destination"], "a canary's files are at the canary's pods only"


def test_mutual_tls_is_strict(objects: list[Object]) -> None:
    (policy,) = of_istio(objects, "PeerAuthentication")
    assert (policy["metadata"]["namespace"], policy["spec"]) == ("istio-system", {"mtls": {"mode": "STRICT"}})


def test_the_ingress_uses_tls_1_2_or_later_with_the_operators_certificate(objects: list[Object]) -> None:
    (gateway,) = of_istio(objects, "Gateway")
    servers = {server["port"]["number"]: server["tls"] for server in gateway["spec"]["servers"]}
    assert servers[443] == {"mode": "SIMPLE", "credentialName": "seen-tls", "minProtocolVersion": "TLSV1_2"}
    assert servers[80] == {"httpsRedirect": True}


# The canary


@pytest.mark.parametrize("program", sorted(declared_services.services()))
def test_the_canary_component_can_be_copied_for_any_service(program: str, tmp_path: Path) -> None:
    copy = tmp_path / "canary"
    copy.mkdir()
    for file in (FOLDER / "canary" / "library").iterdir():
        (copy / file.name).write_text(file.read_text(encoding="utf-8").replace("library", program), encoding="utf-8")
    overlay = os.path.relpath(ROOT / "k8s" / "overlays" / "gke", tmp_path)
    (tmp_path / "kustomization.yaml").write_text(f"resources: [{overlay}]\ncomponents: [canary]\n")
    objects = render.folder(tmp_path)

    stable, canary = (pod for pod in seen_pods(objects) if pod.labels["app.kubernetes.io/name"] == program)
    assert {**stable.labels, "version": "canary"} == canary.labels
    assert (canary.account, canary.ports) == (stable.account, stable.ports)
    (route,) = (one for one in of_istio(objects, "VirtualService") if one["metadata"]["name"] == program)
    destinations = route["spec"]["http"][0]["route"]
    assert [(one["destination"]["subset"], one["weight"]) for one in destinations] == [("stable", 90), ("canary", 10)]
    image = next(
        one["spec"]["template"]["spec"]["containers"][0]["image"]
        for one in objects
        if one["kind"] == "Deployment" and one["metadata"]["name"] == f"{program}-canary"
    )
    assert image == f"seen/{program}-canary"


# Documentation


@pytest.mark.parametrize("file", sorted(FOLDER.rglob("*.yaml")), ids=lambda file: str(file.relative_to(FOLDER)))
def test_every_file_begins_with_a_comment_and_is_in_the_readme(file: Path) -> None:
    assert file.read_text(encoding="utf-8").startswith("# ")
    if file.name != "kustomization.yaml":
        assert f"`{file.relative_to(FOLDER)}`" in (FOLDER / "README.md").read_text(encoding="utf-8")
