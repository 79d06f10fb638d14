"""scripts/deploy.sh: what it applies, in which order, and how it rolls back. Uses fakes instead of a cluster."""

import base64
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.deploy.fake_commands import OPERATOR, FakeCommands, Result
from tests.deploy.render import OVERLAYS

DIGEST = "sha256:" + "5ee" * 21 + "5"
# A cluster in which every step succeeds and nothing has been deployed before.
SUCCESS = {
    "gcloud artifacts docker tags list */seen/* --filter=tag~/tags/abc$ *": f"echo {DIGEST}",
    "kubectl --namespace=seen get secret *": "exit 0",
    "kubectl *get configmap release *": "exit 0",
    "kubectl *get service istio-ingressgateway *": "echo 192.0.2.1",
    "curl *seen.demo.org/": r"printf '<title>Seen</title>\n200'",
    "curl *seen.demo.org/user": r"printf '{}\n401'",
    "curl *https://seen.demo.org/*": r"""printf '{"missing": []}\n200'""",
}
ROLLOUT = "kubectl rollout status *deployment_gateway*"
MIGRATION = "kubectl *wait job/account-migrate *"


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> FakeCommands:
    return FakeCommands(tmp_path_factory.mktemp("deploy"))


@pytest.fixture(scope="module")
def previous(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Responses of a cluster with a previous release, which has a Service `retired` that the manifests do not have."""
    release = tmp_path_factory.mktemp("previous")
    for folder in ("first", "deployments"):
        (release / folder).mkdir()
    old = {"kind": "Service", "apiVersion": "v1", "metadata": {"name": "retired", "namespace": "seen"}}
    gateway = {"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "gateway", "labels": {"is": "old"}}}
    (release / "first" / "seen_v1_service_retired.yaml").write_text(yaml.dump(old))
    (release / "first" / "v1_namespace_retired.yaml").write_text("{}")
    (release / "deployments" / "seen_apps_v1_deployment_gateway.yaml").write_text(yaml.dump(gateway))
    packed = release / "packed"
    subprocess.run(["tar", "-czf", packed, "-C", release, "first", "deployments"], check=True)
    text = base64.b64encode(packed.read_bytes()).decode()
    return {"kubectl *get configmap release *": f"echo {text}"}


def deploy(
    commands: FakeCommands, *overlay: str, responses: Mapping[str, str] | None = None, **variables: str
) -> Result:
    return commands.run(
        "deploy.sh",
        *(overlay or ("gke", "--tag", "abc")),
        variables={**OPERATOR, **variables},
        responses={**(responses or {}), **SUCCESS, **(responses or {})},
    )


def objects(texts: Sequence[str]) -> list[list[dict[str, Any]]]:
    return [[manifest for manifest in yaml.load_all(text, yaml.CSafeLoader) if manifest] for text in texts]


def kinds(manifests: list[dict[str, Any]]) -> set[str]:
    return {manifest["kind"] for manifest in manifests}


@dataclass(frozen=True)
class Deployment:
    """The result of deploying an overlay, and the manifests of each call of kubectl apply."""

    overlay: str
    result: Result
    applied: Sequence[str]


@pytest.fixture(scope="module", params=OVERLAYS)
def deployed(request: pytest.FixtureRequest, commands: FakeCommands) -> Deployment:
    result = deploy(commands, request.param, "--tag", "abc").succeeded()
    return Deployment(request.param, result, commands.applied())


def test_deployments_are_applied_after_the_migration(deployed: Deployment) -> None:
    first, job, deployments, release = objects(deployed.applied)
    assert "ConfigMap" in kinds(first)
    assert "Job" not in kinds(first)
    assert [manifest["metadata"]["name"] for manifest in job] == ["account-migrate"]
    assert kinds(deployments) == {"Deployment"}
    assert kinds(release) == {"ConfigMap"}
    pods = next(call for call in reversed(deployed.result.calls) if call.endswith("/deployments"))
    order = ["delete job account-migrate", "wait job/account-migrate", pods, "deployment_gateway", "curl"]
    assert sorted(order, key=deployed.result.last) == order


def test_the_migration_waits_for_databases_in_the_cluster(deployed: Deployment) -> None:
    waits = [call for call in deployed.result.calls if "rollout status" in call and "statefulset" in call]
    assert len(waits) == sum(manifest["kind"] == "StatefulSet" for manifest in objects(deployed.applied)[0])
    assert all(deployed.result.last(call) < deployed.result.last("delete job account-migrate") for call in waits)


def test_every_image_is_referenced_by_its_digest_in_the_registry(deployed: Deployment) -> None:
    images = set(re.findall(r"image: (\S*seen/\S+)", "".join(deployed.applied)))
    assert images
    for image in images:
        assert re.fullmatch(rf"europe-west1-docker\.pkg\.dev/demo/seen/[a-z-]+@{DIGEST}", image)


def test_applied_manifests_contain_the_operators_values(deployed: Deployment) -> None:
    file = ROOT / "k8s" / "overlays" / deployed.overlay / "operator.env"
    placeholders = dict(re.findall(r"^(SEEN_\w+)=(.*)$", file.read_text(), re.MULTILINE))
    settings = next(
        manifest["data"]
        for manifest in objects(deployed.applied)[0]
        if manifest["kind"] == "ConfigMap" and manifest["metadata"]["name"].startswith("operator")
    )
    assert settings == {name: OPERATOR[name] for name in placeholders}


def test_the_checkout_is_not_changed(commands: FakeCommands) -> None:
    files = {file: file.read_bytes() for file in (ROOT / "k8s" / "overlays").rglob("*.env")}
    deploy(commands).succeeded()
    assert files == {file: file.read_bytes() for file in (ROOT / "k8s" / "overlays").rglob("*.env")}


def test_without_a_tag_the_overlays_images_are_used(commands: FakeCommands) -> None:
    deploy(commands, "small", SEEN_CONTEXT="kind").succeeded()
    assert re.search(r"image: seen/gateway\n", "".join(commands.applied()))


@pytest.mark.parametrize(
    ("responses", "words"),
    [
        pytest.param({"gcloud artifacts docker tags list */seen/imdb *": "exit 0"}, "seen/imdb:abc", id="no image"),
        pytest.param({"kubectl *get secret mongo-imdb": "exit 1"}, "mongo-imdb", id="no secret"),
        pytest.param({"kubectl apply --dry-run=server *": "exit 1"}, "rejected the manifests", id="rejected by server"),
        pytest.param({"kubectl version *": "exit 1"}, "does not answer", id="no cluster"),
    ],
)
def test_a_failed_check_changes_nothing(responses: dict[str, str], words: str, commands: FakeCommands) -> None:
    result = deploy(commands, responses=responses).failed(words)
    assert result.changes() == []


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({ROLLOUT: "[[ -e $TMPDIR/again ]] || { >$TMPDIR/again; exit 1; }"}, id="rollout"),
        pytest.param({"curl *seen.demo.org/readyz": r"printf '\n503'"}, id="not ready"),
        pytest.param({"curl *seen.demo.org/": r"printf '{}\n404'"}, id="no website"),
        pytest.param({"curl *seen.demo.org/lib/1*": r"""printf '{"missing": ["BOOK"]}\n200'"""}, id="partial answer"),
        pytest.param({"curl *seen.demo.org/user": r"printf '{}\n200'"}, id="no token required"),
        pytest.param({"curl *https://seen.demo.org/*": "exit 7"}, id="no connection"),
        pytest.param({"kubectl *get service istio-ingressgateway *": "echo"}, id="no ingress"),
    ],
)
def test_a_failed_deployment_is_rolled_back(
    fault: dict[str, str], previous: dict[str, str], commands: FakeCommands
) -> None:
    (commands.folder / "again").unlink(missing_ok=True)
    deploy(commands, responses={**fault, **previous}).failed("the previous release is running again")
    *_, last = applied = objects(commands.applied())
    assert [manifest["metadata"]["labels"] for manifest in last] == [{"is": "old"}]
    assert "release" not in [manifest["metadata"]["name"] for manifests in applied for manifest in manifests]


@pytest.fixture(scope="module")
def after_failed_migration(commands: FakeCommands, previous: dict[str, str]) -> Deployment:
    result = deploy(commands, responses={MIGRATION: "exit 1", **previous})
    return Deployment("gke", result.failed("the previous release is running again"), commands.applied())


def test_a_failed_migration_starts_no_new_pods(after_failed_migration: Deployment) -> None:
    applied = [manifest for manifests in objects(after_failed_migration.applied) for manifest in manifests]
    started = [manifest for manifest in applied if manifest["kind"] == "Deployment"]
    assert [manifest["metadata"]["labels"] for manifest in started] == [{"is": "old"}]


def test_a_rollback_deletes_the_new_objects_of_the_failed_release(after_failed_migration: Deployment) -> None:
    calls = after_failed_migration.result.calls
    assert any("kubectl delete" in call and "service_library" in call for call in calls)
    assert not any("kubectl delete" in call and "namespace_seen" in call for call in calls)


def test_a_deployment_deletes_objects_that_were_removed_from_the_manifests(
    previous: dict[str, str], commands: FakeCommands
) -> None:
    result = deploy(commands, responses=previous).succeeded()
    deleted = [call for call in result.calls if call.startswith("kubectl delete")]
    assert len(deleted) == 1
    assert "seen_v1_service_retired.yaml" in deleted[0]


def test_without_a_previous_release_the_error_says_so(commands: FakeCommands) -> None:
    result = deploy(commands, responses={ROLLOUT: "exit 1"}).failed("there is no previous release")
    assert not any("kubectl delete --" in call for call in result.calls)


def test_a_failed_rollback_is_reported(previous: dict[str, str], commands: FakeCommands) -> None:
    deploy(commands, responses={ROLLOUT: "exit 1", **previous}).failed("and so did the rollback")


def test_the_error_for_an_unknown_overlay_lists_the_overlays(commands: FakeCommands) -> None:
    deploy(commands, "prod").rejected(*OVERLAYS)


def test_the_current_context_of_kubectl_is_not_used(commands: FakeCommands) -> None:
    responses = {"kubectl *": 'echo "$KUBECONFIG" >>$TMPDIR/configs', **SUCCESS}
    result = deploy(commands, responses=responses, KUBECONFIG="/home/me/.kube/config")
    configs = set((commands.folder / "configs").read_text().split())
    assert any("get-credentials seen --project=demo" in call for call in result.calls)
    assert configs
    assert "/home/me/.kube/config" not in configs
