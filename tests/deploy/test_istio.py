"""The mesh's objects: valid to Istio, in step with the manifests, and each policy in step with the code it allows."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.common import clients
from tests.conftest import ROOT
from tests.deploy import grpc_calls, istio_schemas, render
from tests.deploy.envoy.pods import Pod, pods, selector, services

Object = dict[str, Any]

FOLDER = ROOT / "istio"
MESH = "cluster.local/ns/"
INGRESS = f"{MESH}istio-ingress/sa/istio-ingressgateway"
PROMETHEUS = f"{MESH}monitoring/sa/prometheus"
PROGRAMS = ("gateway", "library", "account", "book", "imdb", "anime", "spark-connector")


@pytest.fixture(scope="module", params=render.OVERLAYS)
def objects(request: pytest.FixtureRequest) -> list[Object]:
    """All that an overlay sets up, Istio's objects among it."""
    return render.overlay(request.param)


def of_istio(objects: list[Object], *kinds: str) -> list[Object]:
    found = [rendered for rendered in objects if ".istio.io/" in rendered["apiVersion"]]
    return [rendered for rendered in found if not kinds or rendered["kind"] in kinds]


def rules(objects: list[Object], pod: Pod) -> Iterator[tuple[str, Object]]:
    """The rules of all policies for a pod, each with its policy's name."""
    for policy in of_istio(objects, "AuthorizationPolicy"):
        if pod.selected_by(policy):
            for rule in policy["spec"].get("rules", []):
                yield policy["metadata"]["name"], rule


def allowed(objects: list[Object], pod: Pod, port: int) -> dict[str, set[str]]:
    """The paths that each caller may use on a port."""
    found: dict[str, set[str]] = {}
    for _, rule in rules(objects, pod):
        for operation in (entry["operation"] for entry in rule.get("to", [{"operation": {}}])):
            if str(port) in operation.get("ports", [str(port)]):
                sources = [entry["source"] for entry in rule.get("from", [{"source": {}}])]
                for caller in (name for source in sources for name in source.get("principals", ["anybody"])):
                    found.setdefault(caller, set()).update(operation.get("paths", ["*"]))
    return found


def seen_pods(objects: list[Object]) -> list[Pod]:
    return [pod for pod in pods(objects) if pod.namespace == "seen"]


# The objects themselves


def test_every_object_is_one_that_istio_accepts_with_no_unknown_field(objects: list[Object]) -> None:
    faults = [fault for rendered in of_istio(objects) for fault in istio_schemas.faults(rendered)]
    assert not faults, "\n".join(faults)


def test_the_overlay_has_every_object_of_the_folder(objects: list[Object]) -> None:
    def names(some: list[Object]) -> set[tuple[str, ...]]:
        return {(one["kind"], one["metadata"]["namespace"], one["metadata"]["name"]) for one in of_istio(some)}

    assert names(render.istio()) <= names(objects)


def test_objects_are_of_the_first_stable_version_where_there_is_one(objects: list[Object]) -> None:
    versions = {rendered["kind"]: rendered["apiVersion"].partition("/")[2] for rendered in of_istio(objects)}
    assert versions.pop("EnvoyFilter") == "v1alpha3"
    assert set(versions.values()) == {"v1"}


def test_the_operators_values_are_put_in_everywhere(objects: list[Object]) -> None:
    settings = next(
        one["data"] for one in objects if one["kind"] == "ConfigMap" and one["metadata"]["name"].startswith("operator")
    )
    hosts = [server["hosts"] for gateway in of_istio(objects, "Gateway") for server in gateway["spec"]["servers"]]
    hosts += [one["spec"]["hosts"] for one in of_istio(objects, "VirtualService") if "gateways" in one["spec"]]
    assert hosts == [[settings["SEEN_DOMAIN"]]] * 3
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


def test_nothing_is_allowed_unless_a_policy_says_so(objects: list[Object]) -> None:
    policies = of_istio(objects, "AuthorizationPolicy")
    empty = [policy["metadata"]["namespace"] for policy in policies if policy["spec"] == {}]
    assert sorted(empty) == ["istio-ingress", "seen"]


def test_each_rule_in_the_mesh_names_its_callers_and_ports(objects: list[Object]) -> None:
    for pod in seen_pods(objects):
        for policy, rule in rules(objects, pod):
            sources = [entry["source"] for entry in rule.get("from", [])]
            operations = [entry["operation"] for entry in rule.get("to", [])]
            assert sources, f"{policy} admits everybody"
            assert operations, f"{policy} admits to everything"
            callers = [name for source in sources for name in source.get("principals", ["*"])]
            assert not [name for name in callers if "*" in name], f"{policy} admits {callers}"
            assert all(operation.get("ports") for operation in operations), f"{policy} admits to every port"


@pytest.mark.parametrize("callee", [name for name in PROGRAMS if name != "gateway"])
def test_a_service_allows_each_caller_the_methods_that_its_code_calls(objects: list[Object], callee: str) -> None:
    pod = next(pod for pod in seen_pods(objects) if pod.name == callee)
    called = {f"{MESH}seen/sa/{caller}": grpc_calls.edges(caller).get(callee, set()) for caller in PROGRAMS}
    port = pod.ports["grpc"]
    may = allowed(objects, pod, port)
    unknown = set().union(*may.values()) - grpc_calls.all_paths()
    assert not unknown, f"{callee}: no proto has {unknown}"
    for caller in sorted(may.keys() | called.keys()):
        does, allows = called.get(caller, set()), may.get(caller, set())
        assert not allows - does, f"{callee}:{port} allows {caller} what it never calls: {sorted(allows - does)}"
        assert not does - allows, f"{callee}:{port} refuses {caller} what it calls: {sorted(does - allows)}"


def test_the_gateway_is_called_by_the_ingress_alone(objects: list[Object]) -> None:
    pod = next(pod for pod in seen_pods(objects) if pod.name == "gateway")
    assert allowed(objects, pod, pod.ports["http"]) == {INGRESS: {"*"}}


def test_prometheus_alone_reads_metrics_and_nothing_else(objects: list[Object]) -> None:
    for pod in seen_pods(objects):
        may = allowed(objects, pod, pod.ports["http-metrics"])
        assert may == {PROMETHEUS: {"/metrics"}}, f"{pod.name} allows {may}"
        others = [port for name, port in pod.ports.items() if name != "http-metrics"]
        assert not [port for port in others if PROMETHEUS in allowed(objects, pod, port)], f"{pod.name}: Prometheus"


def test_policies_and_filters_are_for_pods_that_there_are(objects: list[Object]) -> None:
    there = [pod.labels for pod in pods(objects)] + [{"istio": "ingressgateway"}]
    for rendered in of_istio(objects, "AuthorizationPolicy", "RequestAuthentication", "EnvoyFilter"):
        name, labels = rendered["metadata"]["name"], selector(rendered)
        assert any(labels.items() <= others.items() for others in there), f"{name}: no pod has {labels}"


def test_policies_name_ports_and_accounts_that_there_are(objects: list[Object]) -> None:
    ports = {str(port) for pod in seen_pods(objects) for port in pod.ports.values()}
    accounts = {
        f"{MESH}{one['metadata']['namespace']}/sa/{one['metadata']['name']}"
        for one in [*objects, *render.monitoring()]
        if one["kind"] == "ServiceAccount"
    }
    for pod in seen_pods(objects):
        for policy, rule in rules(objects, pod):
            named = {port for entry in rule.get("to", []) for port in entry["operation"].get("ports", [])}
            assert named <= ports, f"{policy} names {named - ports}"
            callers = {name for entry in rule.get("from", []) for name in entry["source"].get("principals", [])}
            assert callers - {INGRESS} <= accounts, f"{policy} names {callers - accounts}"


def test_each_program_has_a_service_account_of_its_own(objects: list[Object]) -> None:
    assert {pod.name: pod.account for pod in seen_pods(objects)} == {name: name for name in PROGRAMS}


# Routes and connections


def test_every_destination_is_a_service_with_that_port_and_pods_of_that_subset(objects: list[Object]) -> None:
    known = services(objects)
    subsets = {
        (rule["spec"]["host"], subset["name"]): subset["labels"]
        for rule in of_istio(objects, "DestinationRule")
        for subset in rule["spec"]["subsets"]
    }
    for route in of_istio(objects, "VirtualService"):
        for way in route["spec"]["http"][0]["route"]:
            destination, name = way["destination"], f"{route['metadata']['name']} {way['destination']}"
            assert destination["host"] in known, f"{name}: there is no such Service"
            service = known[destination["host"]]
            port = destination.get("port", {}).get("number", service.ports.get("grpc", (0, 0))[0])
            assert port in [number for number, _ in service.ports.values()], f"{name}: the Service has no port {port}"
            labels = subsets[destination["host"], destination["subset"]]
            if way["weight"]:
                assert service.endpoints(pods(objects), port, labels), f"{name}: no pods have {labels}"


def test_every_program_has_a_route_and_a_destination_rule(objects: list[Object]) -> None:
    hosts = {f"{name}.seen.svc.cluster.local" for name in PROGRAMS}
    routes = of_istio(objects, "VirtualService")
    assert {rule["spec"]["host"] for rule in of_istio(objects, "DestinationRule")} == hosts
    assert {way["destination"]["host"] for one in routes for way in one["spec"]["http"][0]["route"]} == hosts


def test_calls_are_tried_again_and_timed_in_the_programs_alone(objects: list[Object]) -> None:
    for route in of_istio(objects, "VirtualService"):
        for entry in route["spec"]["http"]:
            name = route["metadata"]["name"]
            assert entry.get("retries") == {"attempts": 0}, f"{name}: without attempts: 0 Istio tries twice more"
            assert "timeout" not in entry, f"{name}: the gateway gives the deadline"
    assert "retryPolicy" in Path(clients.__file__).read_text(encoding="utf-8")


def test_the_mesh_refuses_plain_connections(objects: list[Object]) -> None:
    (policy,) = of_istio(objects, "PeerAuthentication")
    assert (policy["metadata"]["namespace"], policy["spec"]) == ("istio-system", {"mtls": {"mode": "STRICT"}})


def test_the_ingress_speaks_tls_1_2_or_later_with_the_operators_certificate(objects: list[Object]) -> None:
    (gateway,) = of_istio(objects, "Gateway")
    servers = {server["port"]["number"]: server["tls"] for server in gateway["spec"]["servers"]}
    assert servers[443] == {"mode": "SIMPLE", "credentialName": "seen-tls", "minProtocolVersion": "TLSV1_2"}
    assert servers[80] == {"httpsRedirect": True}


# The canary


@pytest.mark.parametrize("program", PROGRAMS)
def test_any_service_gets_a_canary_by_copying_the_component_under_its_name(program: str, tmp_path: Path) -> None:
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
    ways = route["spec"]["http"][0]["route"]
    assert [(way["destination"]["subset"], way["weight"]) for way in ways] == [("stable", 90), ("canary", 10)]
    image = next(
        one["spec"]["template"]["spec"]["containers"][0]["image"]
        for one in objects
        if one["kind"] == "Deployment" and one["metadata"]["name"] == f"{program}-canary"
    )
    assert image == f"seen/{program}-canary"


# How they are written


@pytest.mark.parametrize("file", sorted(FOLDER.rglob("*.yaml")), ids=lambda file: str(file.relative_to(FOLDER)))
def test_every_file_begins_with_two_lines_on_why_and_is_in_the_readme(file: Path) -> None:
    first, second, *_ = file.read_text(encoding="utf-8").splitlines()
    assert first.startswith("# ")
    assert second.startswith("# ")
    if file.name != "kustomization.yaml":
        assert f"`{file.relative_to(FOLDER)}`" in (FOLDER / "README.md").read_text(encoding="utf-8")
