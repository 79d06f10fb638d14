"""The manifests of each overlay and of monitoring: valid objects, restricted pods, probes, shutdown, references."""

import re
from collections.abc import Mapping

from services.common import health
from services.gateway.settings import GatewaySettings
from tests.deploy import kubernetes_schemas
from tests.deploy.render import Object
from tests.deploy.workloads import ISTIO, Cluster, Workload, overlay, references, selects

# The time that a child process, such as a Spark job, has to stop after its parent's grace period.
CHILD_STOP_S = 5
SPREAD = {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}
HASH = re.compile(r".+-[a-z0-9]{10}")


def test_objects_are_valid(any_cluster: Cluster) -> None:
    objects = [manifest for manifest in any_cluster.objects if ISTIO not in manifest["apiVersion"]]
    assert kubernetes_schemas.faults(objects) == []


def test_the_namespace_requires_restricted_pods_and_injects_sidecars(cluster: Cluster) -> None:
    (namespace,) = cluster.of_kind("Namespace")
    labels = namespace["metadata"]["labels"]
    assert (labels["pod-security.kubernetes.io/enforce"], labels["istio-injection"]) == ("restricted", "enabled")


def test_every_pod_is_restricted(any_cluster: Cluster) -> None:
    faults = []
    for workload in any_cluster.workloads:
        pod = workload.pod
        context = pod.get("securityContext", {})
        faults += _unless(workload, "securityContext.runAsNonRoot is true", context.get("runAsNonRoot") is True)
        faults += _unless(workload, "securityContext.runAsUser is not root", context.get("runAsUser", 0) > 0)
        seccomp = context.get("seccompProfile", {}).get("type")
        faults += _unless(workload, "securityContext.seccompProfile is RuntimeDefault", seccomp == "RuntimeDefault")
        faults += _unless(workload, "no host namespaces", not {"hostNetwork", "hostPID", "hostIPC"} & set(pod))
        allowed = {"configMap", "emptyDir", "persistentVolumeClaim", "secret"}
        kinds = {kind for volume in pod.get("volumes", ()) for kind in volume if kind != "name"}
        faults += _unless(workload, f"volumes are of {allowed}", kinds <= allowed)
        for container in workload.containers:
            faults += _container_faults(workload, container)
    assert faults == []


def _container_faults(workload: Workload, container: Object) -> list[str]:
    name, context = container["name"], container.get("securityContext", {})
    return [
        *_unless(workload, f"{name}: no privilege escalation", context.get("allowPrivilegeEscalation") is False),
        *_unless(workload, f"{name}: read-only root file system", context.get("readOnlyRootFilesystem") is True),
        *_unless(workload, f"{name}: no capabilities", context.get("capabilities") == {"drop": ["ALL"]}),
        *_unless(workload, f"{name}: nothing overrides the pod's user", not {"runAsUser", "privileged"} & set(context)),
        *_unless(workload, f"{name}: /tmp is writable", "/tmp" in _mounts(container)),
        *_unless(workload, f"{name}: no host port", not any("hostPort" in port for port in _ports(container))),
    ]


def test_no_pod_mounts_a_token_for_the_kubernetes_api(cluster: Cluster) -> None:
    tokens = {
        manifest["metadata"]["name"]: manifest.get("automountServiceAccountToken", True)
        for manifest in cluster.of_kind("ServiceAccount")
    }
    mounted = [
        str(workload)
        for workload in cluster.workloads
        if workload.pod.get("automountServiceAccountToken", tokens.get(workload.pod.get("serviceAccountName"), True))
    ]
    assert mounted == []


def test_every_service_has_its_own_service_account(cluster: Cluster) -> None:
    assert {workload.name: workload.pod.get("serviceAccountName") for workload in cluster.deployments} == {
        workload.name: workload.name for workload in cluster.deployments
    }


def test_every_container_has_requests_and_a_memory_limit(any_cluster: Cluster) -> None:
    faults = []
    for workload in any_cluster.workloads:
        for container in workload.containers:
            requests, limits = (container.get("resources", {}).get(kind, {}) for kind in ("requests", "limits"))
            complete = {"cpu", "memory"} <= set(requests) and "memory" in limits
            faults += _unless(workload, f"{container['name']}: requests cpu and memory, and limits memory", complete)
    assert faults == []


def test_every_deployment_has_either_replicas_or_an_autoscaler(cluster: Cluster) -> None:
    scaled = {manifest["spec"]["scaleTargetRef"]["name"] for manifest in cluster.of_kind("HorizontalPodAutoscaler")}
    fixed = {workload.name for workload in cluster.deployments if "replicas" in workload.manifest["spec"]}
    assert scaled & fixed == set(), "these Deployments have both"
    assert scaled | fixed == {workload.name for workload in cluster.deployments}


def test_an_autoscaler_measures_its_deployment_and_limits_its_speed(cluster: Cluster) -> None:
    faults = []
    for manifest in cluster.of_kind("HorizontalPodAutoscaler"):
        name, spec = f"HorizontalPodAutoscaler {manifest['metadata']['name']}", manifest["spec"]
        target = next(
            (workload for workload in cluster.deployments if workload.name == spec["scaleTargetRef"]["name"]), None
        )
        if target is None or spec["scaleTargetRef"]["kind"] != "Deployment":
            faults.append(f"{name}: no Deployment matches {spec['scaleTargetRef']}")
            continue
        measured = {metric["containerResource"]["container"] for metric in spec["metrics"]}
        faults += _unless(name, f"containers {measured} are in {target}", measured <= {target.app["name"]})
        faults += _unless(name, "minReplicas < maxReplicas", 1 <= spec["minReplicas"] < spec["maxReplicas"])
        faults += _unless(name, "has scaleUp and scaleDown", {"scaleUp", "scaleDown"} <= set(spec["behavior"]))
    assert faults == []


def test_the_gateway_scales_to_a_hundred_pods() -> None:
    autoscalers = overlay("gke").of_kind("HorizontalPodAutoscaler")
    maximum = {manifest["metadata"]["name"]: manifest["spec"]["maxReplicas"] for manifest in autoscalers}
    assert maximum["gateway"] == 100


def test_every_service_has_a_disruption_budget(cluster: Cluster) -> None:
    budgets = {manifest["metadata"]["name"]: manifest["spec"] for manifest in cluster.of_kind("PodDisruptionBudget")}
    assert set(budgets) == {workload.name for workload in cluster.deployments}
    faults = []
    for name, budget in budgets.items():
        selected = [workload.name for workload in cluster.workloads if selects(budget["selector"], workload.labels)]
        faults += _unless(f"PodDisruptionBudget {name}", f"selects {name} and not {selected}", selected == [name])
        # minAvailable would block the drain of a node with a service's only pod.
        faults += _unless(f"PodDisruptionBudget {name}", "has no minAvailable", "minAvailable" not in budget)
    assert faults == []


def test_the_pods_of_a_service_are_spread_over_zones_and_nodes(cluster: Cluster) -> None:
    faults = []
    for workload in cluster.deployments:
        rules = workload.pod.get("topologySpreadConstraints", ())
        faults += _unless(workload, f"is spread over {SPREAD}", {rule["topologyKey"] for rule in rules} == SPREAD)
        for rule in rules:
            own = selects(rule["labelSelector"], workload.labels)
            faults += _unless(workload, f"{rule['topologyKey']}: labelSelector selects its own pods", own)
            per_name = "app.kubernetes.io/name" in rule.get("matchLabelKeys", ())
            faults += _unless(workload, f"{rule['topologyKey']}: matchLabelKeys separates services", per_name)
    assert faults == []


def test_probes_use_a_port_of_the_container(any_cluster: Cluster) -> None:
    faults = []
    for workload in any_cluster.servers:
        for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
            probe = workload.app.get(kind, {})
            ports = [probe[handler]["port"] for handler in ("grpc", "httpGet", "tcpSocket") if handler in probe]
            valid = ports and ports[0] in (*workload.ports, *workload.ports.values()) and ports[0] != "http-metrics"
            faults += _unless(workload, f"{kind}: port {ports} is one of {workload.ports}", bool(valid))
    assert faults == []


def test_only_readiness_depends_on_dependencies(cluster: Cluster) -> None:
    faults = []
    for workload in cluster.deployments:
        alive, ready = ("/healthz", "/readyz") if workload.name == "gateway" else (health.LIVENESS, "")
        for kind, expected in (("startupProbe", alive), ("readinessProbe", ready), ("livenessProbe", alive)):
            probe = workload.app[kind]
            checked = probe["httpGet"]["path"] if "httpGet" in probe else probe["grpc"].get("service", "")
            faults += _unless(workload, f"{kind} checks {expected!r} and not {checked!r}", checked == expected)
    assert faults == []


def test_a_pod_has_enough_time_to_stop(cluster: Cluster) -> None:
    deadline_s = GatewaySettings.model_fields["deadline_s"].default
    faults = []
    for workload in cluster.deployments:
        pre_stop_s = workload.app.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        drain_s, grace_s = (float(workload.environment.get(name, 0)) for name in ("SEEN_DRAIN_S", "SEEN_GRACE_S"))
        needed_s = pre_stop_s + drain_s + grace_s + CHILD_STOP_S
        limit_s = workload.pod.get("terminationGracePeriodSeconds", 30)
        faults += _unless(
            workload, f"terminationGracePeriodSeconds {limit_s} is {needed_s} or more", needed_s <= limit_s
        )
        faults += _unless(workload, "preStop waits until callers have removed the pod", pre_stop_s >= 5)
        faults += _unless(
            workload, f"SEEN_GRACE_S {grace_s} is more than a request's deadline {deadline_s}", grace_s > deadline_s
        )
    assert faults == []


def test_a_service_selects_one_workload_and_its_ports(any_cluster: Cluster) -> None:
    faults = []
    for manifest in any_cluster.of_kind("Service"):
        name, spec = f"Service {manifest['metadata']['name']}", manifest["spec"]
        selected = [
            workload
            for workload in any_cluster.workloads
            if selects({"matchLabels": spec["selector"]}, workload.labels)
        ]
        if [workload.name for workload in selected] != [manifest["metadata"]["name"]]:
            faults.append(f"{name}: spec.selector selects {[str(workload) for workload in selected]}")
            continue
        ports = {port["targetPort"]: port["port"] for port in spec["ports"]}
        faults += _unless(name, f"spec.ports {ports} are {selected[0].ports}", ports == selected[0].ports)
    assert faults == []
    assert any_cluster.names("Service") == {workload.name for workload in any_cluster.servers}


def test_a_workload_selects_its_own_pods_and_no_canary(cluster: Cluster) -> None:
    faults = []
    for workload in cluster.servers:
        selector = workload.manifest["spec"]["selector"]
        selected = [str(other) for other in cluster.workloads if selects(selector, other.labels)]
        faults += _unless(workload, f"spec.selector selects only it and not {selected}", selected == [str(workload)])
        canary = workload.kind == "Deployment" and selects(selector, {**workload.labels, "version": "canary"})
        faults += _unless(workload, "spec.selector selects no canary", not canary)
    assert faults == []


def test_references_of_pods_exist(any_cluster: Cluster) -> None:
    """Except Secrets, which test_secrets.py compares with scripts/create_secrets.sh."""
    faults = [
        f"{workload}: {field}: there is no {kind} {name}"
        for workload in any_cluster.workloads
        for field, kind, name in references(workload)
        if kind != "Secret" and name not in any_cluster.names(kind)
    ]
    assert faults == []


def test_every_config_map_is_used(any_cluster: Cluster) -> None:
    used = {name for workload in any_cluster.workloads for _, kind, name in references(workload) if kind == "ConfigMap"}
    assert any_cluster.names("ConfigMap") == used


def test_mounts_and_volumes_match(any_cluster: Cluster) -> None:
    faults = []
    for workload in any_cluster.workloads:
        claimed = [claim["metadata"]["name"] for claim in workload.manifest["spec"].get("volumeClaimTemplates", ())]
        volumes = {volume["name"] for volume in workload.pod.get("volumes", ())} | set(claimed)
        mounts = {mount["name"] for container in workload.containers for mount in container.get("volumeMounts", ())}
        faults += _unless(workload, f"volumes {volumes} are the mounted {mounts}", volumes == mounts)
    assert faults == []


def test_config_maps_have_a_hash_so_that_changed_settings_restart_pods(any_cluster: Cluster) -> None:
    assert [name for name in any_cluster.config_maps if not HASH.fullmatch(name)] == []


def test_the_manifests_contain_no_secret(any_cluster: Cluster) -> None:
    assert any_cluster.names("Secret") == set()


def test_databases_and_jobs_have_no_sidecar(cluster: Cluster) -> None:
    outside = {
        workload.name for workload in cluster.workloads if workload.labels.get("sidecar.istio.io/inject") == "false"
    }
    assert outside == {workload.name for workload in cluster.workloads if workload.kind != "Deployment"}


def test_loaders_are_suspended_and_never_run_twice_at_once(cluster: Cluster) -> None:
    for manifest in cluster.of_kind("CronJob"):
        name, spec = manifest["metadata"]["name"], manifest["spec"]
        assert (name, spec["suspend"], spec["concurrencyPolicy"]) == (name, True, "Forbid")


def _unless(subject: object, sentence: str, holds: bool) -> list[str]:
    return [] if holds else [f"{subject}: this is not true: {sentence}"]


def _mounts(container: Object) -> set[str]:
    return {mount["mountPath"] for mount in container.get("volumeMounts", ())}


def _ports(container: Object) -> list[Mapping[str, object]]:
    return list(container.get("ports", ()))
