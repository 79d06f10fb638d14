"""scripts/deploy.sh: what it brings into the cluster and in which order, and how it goes back. No cluster is needed."""

import base64
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.deploy.fake_commands import OPERATOR, Ran, StandIns, need_kubectl
from tests.deploy.render import OVERLAYS

DIGEST = "sha256:" + "5ee" * 21 + "5"
# A cluster in which everything goes well, and nothing has been deployed before.
WELL = {
    "gcloud artifacts docker tags list */seen/* --filter=tag~/tags/abc$ *": f"echo {DIGEST}",
    "kubectl --namespace=seen get secret *": "exit 0",
    "kubectl *get configmap release *": "exit 0",
    "kubectl *get service istio-ingressgateway *": "echo 192.0.2.1",
    "curl *seen.demo.org/user": r"printf '{}\n401'",
    "curl *https://seen.demo.org/*": r"""printf '{"missing": []}\n200'""",
}
ROLLED_OUT = "kubectl rollout status *deployment_gateway*"
MIGRATED = "kubectl *wait job/account-migrate *"


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> StandIns:
    need_kubectl()
    return StandIns(tmp_path_factory.mktemp("deploy"))


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a cluster answers that runs a version already: one with a Service that is no more in the manifests."""
    release = tmp_path_factory.mktemp("before")
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


def deploy(stand_ins: StandIns, *overlay: str, answers: Mapping[str, str] | None = None, **variables: str) -> Ran:
    return stand_ins.run(
        "deploy.sh",
        *(overlay or ("gke", "--tag", "abc")),
        variables={**OPERATOR, **variables},
        answers={**(answers or {}), **WELL, **(answers or {})},
    )


def objects(texts: Sequence[str]) -> list[list[dict[str, Any]]]:
    return [[found for found in yaml.load_all(text, yaml.CSafeLoader) if found] for text in texts]


def kinds(of: list[dict[str, Any]]) -> set[str]:
    return {found["kind"] for found in of}


@dataclass(frozen=True)
class Deployed:
    """An overlay that was deployed, and what each call of kubectl apply was given."""

    overlay: str
    ran: Ran
    applied: Sequence[str]


@pytest.fixture(scope="module", params=OVERLAYS)
def deployed(request: pytest.FixtureRequest, stand_ins: StandIns) -> Deployed:
    ran = deploy(stand_ins, request.param, "--tag", "abc").succeeded()
    return Deployed(request.param, ran, stand_ins.applied())


def test_the_tables_come_first_and_the_new_pods_only_when_they_are_there(deployed: Deployed) -> None:
    first, job, deployments, remembered = objects(deployed.applied)
    assert "ConfigMap" in kinds(first)
    assert "Job" not in kinds(first)
    assert [found["metadata"]["name"] for found in job] == ["account-migrate"]
    assert kinds(deployments) == {"Deployment"}
    assert kinds(remembered) == {"ConfigMap"}
    pods = next(call for call in reversed(deployed.ran.calls) if call.endswith("/deployments"))
    order = ["delete job account-migrate", "wait job/account-migrate", pods, "deployment_gateway", "curl"]
    assert sorted(order, key=deployed.ran.last) == order


def test_databases_in_the_cluster_are_waited_for_before_the_tables(deployed: Deployed) -> None:
    sets = [call for call in deployed.ran.calls if "rollout status" in call and "statefulset" in call]
    assert len(sets) == sum(found["kind"] == "StatefulSet" for found in objects(deployed.applied)[0])
    assert all(deployed.ran.last(call) < deployed.ran.last("delete job account-migrate") for call in sets)


def test_every_image_of_ours_is_the_registrys_by_its_digest(deployed: Deployed) -> None:
    images = set(re.findall(r"image: (\S*seen/\S+)", "".join(deployed.applied)))
    assert images
    for image in images:
        assert re.fullmatch(rf"europe-west1-docker\.pkg\.dev/demo/seen/[a-z-]+@{DIGEST}", image)


def test_the_operators_values_are_in_what_is_applied(deployed: Deployed) -> None:
    file = ROOT / "k8s" / "overlays" / deployed.overlay / "operator.env"
    placeholders = dict(re.findall(r"^(SEEN_\w+)=(.*)$", file.read_text(), re.MULTILINE))
    settings = next(
        found["data"]
        for found in objects(deployed.applied)[0]
        if found["kind"] == "ConfigMap" and found["metadata"]["name"].startswith("operator")
    )
    assert settings == {name: OPERATOR[name] for name in placeholders}


def test_the_checkout_keeps_its_placeholders(stand_ins: StandIns) -> None:
    files = {file: file.read_bytes() for file in (ROOT / "k8s" / "overlays").rglob("*.env")}
    deploy(stand_ins).succeeded()
    assert files == {file: file.read_bytes() for file in (ROOT / "k8s" / "overlays").rglob("*.env")}


def test_without_a_tag_the_images_are_the_overlays_own(stand_ins: StandIns) -> None:
    deploy(stand_ins, "small", SEEN_CONTEXT="kind").succeeded()
    assert re.search(r"image: seen/gateway\n", "".join(stand_ins.applied()))


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        pytest.param({"gcloud artifacts docker tags list */seen/imdb *": "exit 0"}, "seen/imdb:abc", id="no image"),
        pytest.param({"kubectl *get secret mongo-imdb": "exit 1"}, "mongo-imdb", id="no secret"),
        pytest.param({"kubectl apply --dry-run=server *": "exit 1"}, "would not take it", id="refused by the server"),
        pytest.param({"kubectl version *": "exit 1"}, "does not answer", id="no cluster"),
    ],
)
def test_what_cannot_work_changes_nothing(answers: dict[str, str], words: str, stand_ins: StandIns) -> None:
    ran = deploy(stand_ins, answers=answers).failed(words)
    assert ran.changes() == []


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({ROLLED_OUT: "[[ -e $TMPDIR/again ]] || { >$TMPDIR/again; exit 1; }"}, id="rollout"),
        pytest.param({MIGRATED: "exit 1"}, id="migration"),
        pytest.param({"curl *seen.demo.org/readyz": r"printf '\n503'"}, id="not ready"),
        pytest.param({"curl *seen.demo.org/lib/1*": r"""printf '{"missing": ["BOOK"]}\n200'"""}, id="half an answer"),
        pytest.param({"curl *seen.demo.org/user": r"printf '{}\n200'"}, id="open to everybody"),
        pytest.param({"curl *https://seen.demo.org/*": "exit 7"}, id="no connection"),
        pytest.param({"kubectl *get service istio-ingressgateway *": "echo"}, id="no ingress"),
    ],
)
def test_what_does_not_work_is_taken_back(fault: dict[str, str], before: dict[str, str], stand_ins: StandIns) -> None:
    (stand_ins.folder / "again").unlink(missing_ok=True)
    deploy(stand_ins, answers={**fault, **before}).failed("the one before runs again")
    *_, last = applied = objects(stand_ins.applied())
    assert [found["metadata"]["labels"] for found in last] == [{"is": "old"}]
    assert "release" not in [found["metadata"]["name"] for times in applied for found in times]


def test_new_pods_are_not_started_on_tables_that_are_not_there(before: dict[str, str], stand_ins: StandIns) -> None:
    deploy(stand_ins, answers={MIGRATED: "exit 1", **before}).failed("does not work")
    started = [found for times in objects(stand_ins.applied()) for found in times if found["kind"] == "Deployment"]
    assert [found["metadata"]["labels"] for found in started] == [{"is": "old"}]


def test_going_back_removes_what_came_with_the_version_that_does_not_work(
    before: dict[str, str], stand_ins: StandIns
) -> None:
    ran = deploy(stand_ins, answers={MIGRATED: "exit 1", **before}).failed("does not work")
    assert any("kubectl delete" in call and "service_library" in call for call in ran.calls)
    assert not any("kubectl delete" in call and "namespace_seen" in call for call in ran.calls)


def test_a_version_that_works_removes_what_it_no_longer_has(before: dict[str, str], stand_ins: StandIns) -> None:
    ran = deploy(stand_ins, answers=before).succeeded()
    deleted = [call for call in ran.calls if call.startswith("kubectl delete")]
    assert len(deleted) == 1
    assert "seen_v1_service_retired.yaml" in deleted[0]


def test_where_there_is_nothing_to_go_back_to_it_says_so(stand_ins: StandIns) -> None:
    ran = deploy(stand_ins, answers={ROLLED_OUT: "exit 1"}).failed("none before it")
    assert not any("kubectl delete --" in call for call in ran.calls)


def test_where_going_back_fails_too_it_says_so(before: dict[str, str], stand_ins: StandIns) -> None:
    deploy(stand_ins, answers={ROLLED_OUT: "exit 1", **before}).failed("going back failed too")


def test_an_unknown_overlay_is_refused_with_those_there_are(stand_ins: StandIns) -> None:
    deploy(stand_ins, "prod").refused(*OVERLAYS)


def test_only_the_cluster_that_is_named_is_touched(stand_ins: StandIns, tmp_path: Path) -> None:
    """Not the one that kubectl is pointed at just now."""
    answers = {"kubectl *": 'echo "$KUBECONFIG" >>$TMPDIR/configs', **WELL}
    ran = deploy(stand_ins, answers=answers, KUBECONFIG="/home/me/.kube/config")
    configs = set((stand_ins.folder / "configs").read_text().split())
    assert any("get-credentials seen --project=demo" in call for call in ran.calls)
    assert configs
    assert "/home/me/.kube/config" not in configs
