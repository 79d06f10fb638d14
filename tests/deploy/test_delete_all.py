"""scripts/delete_all.sh: what it deletes, in which order, and that it asks first."""

from tests.deploy.cloud_scripts import SCRIPTS, Operator, named
from tests.deploy.fake_commands import OPERATOR

SCRIPT = named("delete_all.sh")
# Responses of a project in which every resource exists.
EXISTING = {"gcloud * describe *": "exit 0"}


def test_nothing_is_deleted_without_confirmation(operator: Operator) -> None:
    result = operator.commands.run(SCRIPT.name, responses=EXISTING, stdin="yes\n").failed("not confirmed")
    assert "the cluster seen" in result.out
    assert result.changes() == []


def test_dependent_resources_are_deleted_first(operator: Operator) -> None:
    result = operator.commands.run(SCRIPT.name, responses=EXISTING, stdin="demo\n").succeeded()
    order = [
        "kubectl delete namespace",
        "clusters delete seen ",
        "routers delete",
        "subnets delete",
        "networks delete",
    ]
    assert sorted(order, key=result.last) == order


def test_without_resources_it_reports_that_there_is_nothing_to_delete(operator: Operator) -> None:
    result = operator.run(SCRIPT).succeeded()
    assert "nothing to delete" in result.out
    assert result.changes() == []


def test_an_unreachable_cluster_is_deleted_too(operator: Operator) -> None:
    result = operator.run(SCRIPT, responses={**EXISTING, "kubectl version *": "exit 1"}).succeeded()
    assert any("gcloud container clusters delete seen " in call for call in result.calls)
    assert "gcloud compute disks list" in result.err


def test_keep_bucket_keeps_the_bucket(operator: Operator) -> None:
    result = operator.run(SCRIPT, "--keep-bucket", responses=EXISTING).succeeded()
    assert not any("gs://demo-seen" in call for call in result.changes())


def test_delete_all_deletes_what_the_other_scripts_create(operator: Operator) -> None:
    others = [script for script in SCRIPTS if script != SCRIPT]
    created = {words for script in others for words in operator.gcloud_words(script) if " create " in words}
    domain = f"@{OPERATOR['SEEN_PROJECT']}.iam.gserviceaccount.com"
    deleted = {words.removesuffix(domain) for words in operator.gcloud_words(SCRIPT)}
    kept = {words for words in created if words.replace(" create ", " delete ") not in deleted}
    assert kept == {
        "compute routers nats create seen",  # deleted with its router
        "builds triggers create github",  # its name is in an option
        "storage buckets create gs://demo-seen",  # deleted by `storage rm`
    }
    assert {"builds triggers delete seen-deploy", "storage rm gs://demo-seen"} <= deleted
