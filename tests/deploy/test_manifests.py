"""The manifests of each overlay: objects that Kubernetes takes, pods that start, stop and stay within their bounds."""

import re
from collections.abc import Mapping

import kubernetes_validate
import pytest

from services.common import health
from services.gateway.settings import GatewaySettings
from tests.conftest import ROOT
from tests.deploy.render import Object
from tests.deploy.workloads import ISTIO, Cluster, Workload, overlay, references, selects

KUBERNETES = "1.34"
# What scripts/create_secrets.sh makes, with the keys in each; k8s/README.md tells of them.
SECRETS = {
    "mongo-book": {"uris"},
    "mongo-imdb": {"uris"},
    "mongo-anime": {"uris"},
    "account-database": {"url", "ca.pem", "client-cert.pem", "client-key.pem"},
    "mysql-server": {"ca.pem", "server-cert.pem", "server-key.pem"},
}
# From the end of a program's own grace to that of its last child, a Spark job on the same machine.
LAST_WORDS_S = 5
SPREAD = {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}
HASH = re.compile(r".+-[a-z0-9]{10}")


def test_kubernetes_knows_every_object_and_every_field(cluster: Cluster) -> None:
    faults = [fault for found in cluster.objects if ISTIO not in found["apiVersion"] for fault in _faults(found)]
    assert faults == []


def _faults(found: Object) -> list[str]:
    name = f"{found['kind']} {found['metadata']['name']}"
    try:
        kubernetes_validate.validate(found, KUBERNETES, strict=True)
    except kubernetes_validate.SchemaNotFoundError:
        return [f"{name}: Kubernetes {KUBERNETES} has no {found['kind']} in {found['apiVersion']}"]
    except kubernetes_validate.ValidationError as error:
        return [f"{name}: {'.'.join(map(str, error.absolute_path))}: {error.message}"]
    return []


def test_the_namespace_admits_restricted_pods_only_and_puts_them_into_the_mesh(cluster: Cluster) -> None:
    labels = {found["metadata"]["name"]: found["metadata"]["labels"] for found in cluster.of("Namespace")}
    assert labels["seen"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert labels["seen"]["istio-injection"] == "enabled"


def test_every_pod_is_restricted(cluster: Cluster) -> None:
    faults = []
    for workload in cluster.workloads:
        pod = workload.pod
        context = pod.get("securityContext", {})
        faults += _unless(workload, "securityContext.runAsNonRoot is true", context.get("runAsNonRoot") is True)
        faults += _unless(workload, "securityContext.runAsUser is no root", context.get("runAsUser", 0) > 0)
        seccomp = context.get("seccompProfile", {}).get("type")
        faults += _unless(workload, "securityContext.seccompProfile is RuntimeDefault", seccomp == "RuntimeDefault")
        faults += _unless(workload, "nothing is the host's", not {"hostNetwork", "hostPID", "hostIPC"} & set(pod))
        allowed = {"configMap", "emptyDir", "persistentVolumeClaim", "secret"}
        kinds = {kind for volume in pod.get("volumes", ()) for kind in volume if kind != "name"}
        faults += _unless(workload, f"volumes are of {allowed}", kinds <= allowed)
        for container in workload.containers:
            faults += _of_container(workload, container)
    assert faults == []


def _of_container(workload: Workload, container: Object) -> list[str]:
    name, context = container["name"], container.get("securityContext", {})
    return [
        *_unless(workload, f"{name}: no privilege escalation", context.get("allowPrivilegeEscalation") is False),
        *_unless(workload, f"{name}: read-only root file system", context.get("readOnlyRootFilesystem") is True),
        *_unless(workload, f"{name}: no capabilities", context.get("capabilities") == {"drop": ["ALL"]}),
        *_unless(workload, f"{name}: nothing overrides the pod's user", not {"runAsUser", "privileged"} & set(context)),
        *_unless(workload, f"{name}: /tmp can be written to", "/tmp" in _mounts(container)),
        *_unless(workload, f"{name}: no port of the host", not any("hostPort" in one for one in _ports(container))),
    ]


def test_no_pod_can_talk_to_kubernetes(cluster: Cluster) -> None:
    tokens = {
        found["metadata"]["name"]: found.get("automountServiceAccountToken", True)
        for found in cluster.of("ServiceAccount")
    }
    mounted = [
        str(workload)
        for workload in cluster.workloads
        if workload.pod.get("automountServiceAccountToken", tokens.get(workload.pod.get("serviceAccountName"), True))
    ]
    assert mounted == []


def test_every_service_acts_as_itself(cluster: Cluster) -> None:
    assert {one.name: one.pod.get("serviceAccountName") for one in cluster.deployments} == {
        one.name: one.name for one in cluster.deployments
    }


def test_every_container_says_what_it_takes(cluster: Cluster) -> None:
    faults = []
    for workload in cluster.workloads:
        for container in workload.containers:
            requests, limits = (container.get("resources", {}).get(kind, {}) for kind in ("requests", "limits"))
            known = {"cpu", "memory"} <= set(requests) and "memory" in limits
            faults += _unless(workload, f"{container['name']}: requests cpu and memory, and limits memory", known)
    assert faults == []


def test_nothing_counts_replicas_where_an_autoscaler_does(cluster: Cluster) -> None:
    scaled = {one["spec"]["scaleTargetRef"]["name"] for one in cluster.of("HorizontalPodAutoscaler")}
    counted = {one.name for one in cluster.deployments if "replicas" in one.manifest["spec"]}
    assert scaled & counted == set(), "these Deployments have replicas and a HorizontalPodAutoscaler"
    assert scaled | counted == {one.name for one in cluster.deployments}, "each has the one or the other"


def test_an_autoscaler_can_measure_its_deployment_and_says_how_fast_it_goes(cluster: Cluster) -> None:
    faults = []
    for found in cluster.of("HorizontalPodAutoscaler"):
        name, spec = f"HorizontalPodAutoscaler {found['metadata']['name']}", found["spec"]
        target = next((one for one in cluster.deployments if one.name == spec["scaleTargetRef"]["name"]), None)
        if target is None or spec["scaleTargetRef"]["kind"] != "Deployment":
            faults.append(f"{name}: there is no {spec['scaleTargetRef']}")
            continue
        measured = {metric["containerResource"]["container"] for metric in spec["metrics"]}
        faults += _unless(name, f"containers {measured} are in {target}", measured <= {target.app["name"]})
        faults += _unless(name, "minReplicas < maxReplicas", 1 <= spec["minReplicas"] < spec["maxReplicas"])
        faults += _unless(name, "behavior of both ways", {"scaleUp", "scaleDown"} <= set(spec["behavior"]))
    assert faults == []


def test_the_gateway_may_become_a_hundred() -> None:
    autoscalers = overlay("gke").of("HorizontalPodAutoscaler")
    most = {found["metadata"]["name"]: found["spec"]["maxReplicas"] for found in autoscalers}
    assert most["gateway"] == 100


def test_every_service_keeps_running_while_nodes_are_drained(cluster: Cluster) -> None:
    budgets = {found["metadata"]["name"]: found["spec"] for found in cluster.of("PodDisruptionBudget")}
    assert set(budgets) == {one.name for one in cluster.deployments}
    faults = []
    for name, budget in budgets.items():
        chosen = [one.name for one in cluster.workloads if selects(budget["selector"], one.labels)]
        faults += _unless(f"PodDisruptionBudget {name}", f"selects {name} and not {chosen}", chosen == [name])
        # minAvailable would keep the only pod of a service from ever leaving its node.
        faults += _unless(f"PodDisruptionBudget {name}", "has maxUnavailable alone", "minAvailable" not in budget)
    assert faults == []


def test_the_pods_of_a_service_are_spread(cluster: Cluster) -> None:
    faults = []
    for workload in cluster.deployments:
        rules = workload.pod.get("topologySpreadConstraints", ())
        faults += _unless(workload, f"is spread over {SPREAD}", {rule["topologyKey"] for rule in rules} == SPREAD)
        for rule in rules:
            own = selects(rule["labelSelector"], workload.labels)
            faults += _unless(workload, f"{rule['topologyKey']}: labelSelector selects its own pods", own)
            per_name = "app.kubernetes.io/name" in rule.get("matchLabelKeys", ())
            faults += _unless(workload, f"{rule['topologyKey']}: matchLabelKeys tells services apart", per_name)
    assert faults == []


def test_probes_ask_a_port_that_the_container_has(cluster: Cluster) -> None:
    faults = []
    for workload in cluster.servers:
        for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
            probe = workload.app.get(kind, {})
            ports = [probe[way]["port"] for way in ("grpc", "httpGet", "tcpSocket") if way in probe]
            has = ports and ports[0] in (*workload.ports, *workload.ports.values()) and ports[0] != "http-metrics"
            faults += _unless(workload, f"{kind}: port {ports} is one of {workload.ports}", bool(has))
    assert faults == []


def test_only_readiness_depends_on_what_a_service_needs(cluster: Cluster) -> None:
    faults = []
    for workload in cluster.deployments:
        alive, ready = ("/healthz", "/readyz") if workload.name == "gateway" else (health.LIVENESS, "")
        for kind, expected in (("startupProbe", alive), ("readinessProbe", ready), ("livenessProbe", alive)):
            asked = _what(workload.app[kind])
            faults += _unless(workload, f"{kind} asks for {expected!r} and not {asked!r}", asked == expected)
    assert faults == []


def _what(probe: Object) -> str:
    return str(probe["httpGet"]["path"] if "httpGet" in probe else probe["grpc"].get("service", ""))


def test_a_pod_gets_the_time_that_it_needs_to_stop(cluster: Cluster) -> None:
    deadline_s = GatewaySettings.model_fields["deadline_s"].default
    faults = []
    for workload in cluster.deployments:
        before_s = workload.app.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        drain_s, grace_s = (float(workload.environment.get(name, 0)) for name in ("SEEN_DRAIN_S", "SEEN_GRACE_S"))
        needed_s = before_s + drain_s + grace_s + LAST_WORDS_S
        limit_s = workload.pod.get("terminationGracePeriodSeconds", 30)
        faults += _unless(workload, f"terminationGracePeriodSeconds {limit_s} fits {needed_s}", needed_s <= limit_s)
        faults += _unless(workload, "preStop waits until nobody sends it more", before_s >= 5)
        faults += _unless(workload, f"SEEN_GRACE_S {grace_s} outlasts a request's {deadline_s}", grace_s > deadline_s)
    assert faults == []


def test_a_service_leads_to_the_pods_of_one_workload_and_to_ports_that_they_have(cluster: Cluster) -> None:
    faults = []
    for found in cluster.of("Service"):
        name, spec = f"Service {found['metadata']['name']}", found["spec"]
        chosen = [one for one in cluster.workloads if selects({"matchLabels": spec["selector"]}, one.labels)]
        if [one.name for one in chosen] != [found["metadata"]["name"]]:
            faults.append(f"{name}: spec.selector selects {[str(one) for one in chosen]}")
            continue
        ports = {port["targetPort"]: port["port"] for port in spec["ports"]}
        faults += _unless(name, f"spec.ports {ports} are {chosen[0].ports}", ports == chosen[0].ports)
    assert faults == []
    assert cluster.names("Service") == {one.name for one in cluster.servers}


def test_a_workload_selects_its_own_pods_and_no_canary(cluster: Cluster) -> None:
    faults = []
    for workload in cluster.servers:
        selector = workload.manifest["spec"]["selector"]
        chosen = [str(one) for one in cluster.workloads if selects(selector, one.labels)]
        faults += _unless(workload, f"spec.selector selects it alone and not {chosen}", chosen == [str(workload)])
        canary = workload.kind == "Deployment" and selects(selector, {**workload.labels, "version": "canary"})
        faults += _unless(workload, "spec.selector selects no canary", not canary)
    assert faults == []


def test_whatever_a_pod_refers_to_exists(cluster: Cluster) -> None:
    there = {kind: cluster.names(kind) for kind in ("ConfigMap", "ServiceAccount", "PersistentVolumeClaim")}
    there["Secret"] = {f"{name}/{key}" for name, keys in SECRETS.items() for key in keys} | set(SECRETS)
    faults = [
        f"{workload}: {field}: there is no {kind} {name}"
        for workload in cluster.workloads
        for field, kind, name in references(workload)
        if name not in there[kind]
    ]
    assert faults == []


def test_no_config_map_is_left_over(cluster: Cluster) -> None:
    used = {name for workload in cluster.workloads for _, kind, name in references(workload) if kind == "ConfigMap"}
    assert cluster.names("ConfigMap") == used


def test_every_mount_has_its_volume(cluster: Cluster) -> None:
    faults = []
    for workload in cluster.workloads:
        claimed = [claim["metadata"]["name"] for claim in workload.manifest["spec"].get("volumeClaimTemplates", ())]
        volumes = {volume["name"] for volume in workload.pod.get("volumes", ())} | set(claimed)
        mounts = {mount["name"] for container in workload.containers for mount in container.get("volumeMounts", ())}
        faults += _unless(workload, f"volumes {volumes} are the mounted {mounts}", volumes == mounts)
    assert faults == []


def test_changed_settings_start_new_pods(cluster: Cluster) -> None:
    assert [name for name in cluster.config_maps if not HASH.fullmatch(name)] == []


def test_no_secret_is_among_the_manifests(cluster: Cluster) -> None:
    assert cluster.names("Secret") == set()


@pytest.mark.parametrize("secret", SECRETS)
def test_the_readme_tells_of_every_secret(secret: str) -> None:
    text = (ROOT / "k8s" / "README.md").read_text()
    assert [word for word in (secret, *SECRETS[secret]) if f"`{word}`" not in text] == []


def test_what_is_outside_of_the_mesh_gets_no_sidecar(cluster: Cluster) -> None:
    outside = {one.name for one in cluster.workloads if one.labels.get("sidecar.istio.io/inject") == "false"}
    assert outside == {one.name for one in cluster.workloads if one.kind != "Deployment"}


def test_a_load_waits_to_be_started_and_goes_with_no_other(cluster: Cluster) -> None:
    for found in cluster.of("CronJob"):
        name, spec = found["metadata"]["name"], found["spec"]
        assert (name, spec["suspend"], spec["concurrencyPolicy"]) == (name, True, "Forbid")


def _unless(subject: object, sentence: str, holds: bool) -> list[str]:
    return [] if holds else [f"{subject}: not so: {sentence}"]


def _mounts(container: Object) -> set[str]:
    return {mount["mountPath"] for mount in container.get("volumeMounts", ())}


def _ports(container: Object) -> list[Mapping[str, object]]:
    return list(container.get("ports", ()))
