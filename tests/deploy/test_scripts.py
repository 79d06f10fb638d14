"""The scripts that work in the cloud: what they say without their tools, variables and rights, and what they then do.

Stand-ins of gcloud, kubectl and the like are called in the place of a cloud.
"""

import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.conftest import ROOT
from tests.deploy.fake_commands import OPERATOR, Ran, StandIns, need_kubectl
from tests.deploy.test_manifests import KUBERNETES

PEOPLE = {"SEEN_LOAD_CLIENT_ID": "c", "SEEN_LOAD_USERNAME": "visitor-{n}", "SEEN_LOAD_PASSWORD": "secret-{n}"}
DATABASES = {
    "SEEN_MONGO_BOOK_URIS": "mongodb+srv://u:secret@book.example/",
    "SEEN_MONGO_IMDB_URIS": "mongodb://u:secret@one.example/,mongodb://u:secret@two.example/",
    "SEEN_MONGO_ANIME_URIS": "mongodb://u:secret@anime.example/",
    "SEEN_DATABASE_URL": "mysql+pymysql://seen:secret@accounts.example/seen",
}


@dataclass(frozen=True)
class Script:
    """A script, the arguments that a test gives it, and what it then needs."""

    name: str
    arguments: Sequence[str]
    tools: Sequence[str]
    variables: Sequence[str]
    values: dict[str, str] = field(default_factory=dict)
    # What there is even where nothing is, as far as the script asks for it.
    answers: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


GKE = ("SEEN_PROJECT", "SEEN_REGION", "SEEN_CLUSTER")
CLOUD = ("gcloud", "curl")
CLUSTER = ("gcloud", "kubectl", "gke-gcloud-auth-plugin")
SCRIPTS = (
    Script("create_cluster.sh", (), CLOUD, (*GKE, "SEEN_BUCKET")),
    Script(
        "install_istio.sh",
        ("--cert", "{folder}/cert.pem", "--key", "{folder}/key.pem"),
        (*CLUSTER, "helm", "openssl"),
        (*GKE, "SEEN_DOMAIN"),
        answers={"gcloud compute addresses describe seen-ingress *": "echo ADDRESS"},
    ),
    Script("add_plugins.sh", (), CLUSTER, GKE),
    Script(
        "create_secrets.sh",
        ("gke",),
        (*CLUSTER, "openssl"),
        (*GKE, *DATABASES, "SEEN_DATABASE_CA", "SEEN_DATABASE_CERT", "SEEN_DATABASE_KEY"),
        {
            **DATABASES,
            "SEEN_DATABASE_CA": "{folder}/cert.pem",
            "SEEN_DATABASE_CERT": "{folder}/cert.pem",
            "SEEN_DATABASE_KEY": "{folder}/key.pem",
        },
    ),
    Script("deploy.sh", ("gke", "--tag", "abc"), (*CLUSTER, "curl", "tar"), tuple(OPERATOR)),
    Script(
        "locust.sh",
        ("--target", "https://seen.demo.org", "--tag", "abc", "--users", "800"),
        (*CLUSTER, "curl"),
        (*GKE, "SEEN_AUTH0_URL", "SEEN_AUTH0_AUDIENCE", *PEOPLE),
        PEOPLE,
    ),
    Script(
        "create_dataproc.sh",
        (),
        CLOUD,
        ("SEEN_PROJECT", "SEEN_REGION", "SEEN_BUCKET", "SEEN_DATAPROC_CLUSTER"),
        answers={"gcloud dataproc clusters describe * --format=*": "echo RUNNING"},
    ),
    Script(
        "create_trigger.sh",
        (),
        CLOUD,
        (*OPERATOR, "SEEN_REPOSITORY"),
        {"SEEN_REPOSITORY": "projects/demo/locations/europe-west1/connections/github/repositories/seen"},
    ),
    Script("delete_all.sh", ("--yes",), (*CLUSTER, "curl"), (*GKE, "SEEN_BUCKET", "SEEN_DATAPROC_CLUSTER")),
)
ON_PROJECT = [script for script in SCRIPTS if "curl" in script.tools and script.name != "deploy.sh"]
README = re.findall(r"^scripts/\w+\.sh .*$", (ROOT / "README.md").read_text(), re.MULTILINE)
PLANNED = [script for script in SCRIPTS if script.name not in ("deploy.sh", "delete_all.sh")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a certificate of seen.demo.org, and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    certificate(folder, "seen.demo.org")
    return folder


def certificate(folder: Path, host: str, days: int = 90) -> None:
    subject = ("-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}", "-days", str(days))
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-keyout", folder / "key.pem")
    made: list[str | Path] = ["openssl", "req", "-x509", *key, "-out", folder / "cert.pem", *subject]
    subprocess.run(made, check=True, capture_output=True)


class Caller:
    """Runs scripts as an operator does who has set every variable, or all but one."""

    def __init__(self, stand_ins: StandIns, folder: Path) -> None:
        self.stand_ins, self._folder = stand_ins, folder

    def run(
        self,
        script: Script,
        *more: str,
        but: str = "",
        answers: Mapping[str, str] | None = None,
        without: Sequence[str] = (),
    ) -> Ran:
        values = {**OPERATOR, **script.values}
        variables = {name: self.filled(values[name]) for name in script.variables if name != but}
        arguments = map(self.filled, script.arguments)
        return self.stand_ins.run(
            script.name,
            *arguments,
            *more,
            variables=variables,
            answers={**(answers or {}), **script.answers, **(answers or {})},
            without=without,
        )

    def filled(self, text: str) -> str:
        return text.replace("{folder}", str(self._folder))


@pytest.fixture(scope="module")
def caller(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Caller:
    return Caller(StandIns(tmp_path_factory.mktemp("stand-ins")), folder)


def named(name: str) -> Script:
    return next(script for script in SCRIPTS if script.name == name)


@pytest.mark.parametrize("script", SCRIPTS, ids=str)
def test_help_names_each_variable_that_the_script_reads(script: Script, caller: Caller) -> None:
    said = caller.stand_ins.run(script.name, "--help", variables={}).succeeded().out
    program = (ROOT / "scripts" / script.name).read_text().split("set -euo pipefail")[1]
    for variable in {*re.findall(r"\$\{?(SEEN_[A-Z0-9_]+)", program)} | {*script.variables}:
        # deploy.sh refers to the overlay's own file for the names that are in there.
        assert variable in said or "operator.env" in said, variable
    assert "--dry-run" in said


@pytest.mark.parametrize(("script", "tool"), [(script, tool) for script in SCRIPTS for tool in script.tools], ids=str)
def test_without_a_tool_it_says_which_and_changes_nothing(script: Script, tool: str, caller: Caller) -> None:
    caller.run(script, without=[tool]).refused("not on the PATH", tool)


@pytest.mark.parametrize(
    ("script", "variable"), [(script, name) for script in SCRIPTS for name in script.variables], ids=str
)
def test_without_a_variable_it_says_which_and_changes_nothing(script: Script, variable: str, caller: Caller) -> None:
    caller.run(script, but=variable).refused("not set", variable)


def test_all_that_is_missing_is_named_at_once(caller: Caller) -> None:
    ran = caller.stand_ins.run("create_dataproc.sh", variables={"SEEN_PROJECT": "demo"})
    ran.refused("SEEN_REGION SEEN_BUCKET SEEN_DATAPROC_CLUSTER")


@pytest.mark.parametrize("script", ON_PROJECT, ids=str)
def test_who_is_not_signed_in_is_told(script: Script, caller: Caller) -> None:
    caller.run(script, answers={"gcloud auth print-access-token*": "exit 1"}).refused("gcloud auth login")


@pytest.mark.parametrize("script", ON_PROJECT, ids=str)
def test_without_a_right_on_the_project_it_says_which(script: Script, caller: Caller) -> None:
    granted = """echo '{"permissions": ["some.other.right"]}'"""
    caller.run(script, answers={"curl *:testIamPermissions": granted}).refused("lack", "demo", ".")


@pytest.mark.parametrize("script", [script for script in SCRIPTS if "kubectl" in script.tools], ids=str)
def test_without_a_right_in_the_cluster_it_says_which(script: Script, caller: Caller) -> None:
    ran = caller.run(script, answers={"kubectl auth can-i *": "exit 1"})
    if script.name not in ("locust.sh", "delete_all.sh"):  # which have made their cluster, or are to delete it
        assert ran.changes() == []
        ran.failed("you lack these rights in the cluster")


@pytest.mark.parametrize("line", README, ids=lambda line: line.split()[0])
def test_each_command_of_the_readme_is_understood(line: str, caller: Caller, folder: Path) -> None:
    name, *arguments = shlex.split(line)
    script = named(name.removeprefix("scripts/"))
    values = {**OPERATOR, **script.values}
    for file in ("operator.env", "secrets.env"):
        (folder / file).write_text("\n".join(f"{name}={caller.filled(value)}" for name, value in values.items()))
    given = [str(folder / word) if word.endswith((".env", ".pem")) else word for word in arguments]
    caller.stand_ins.run(script.name, *given, "--dry-run", variables={}).succeeded()


def test_a_context_that_kubectl_does_not_have_is_named(caller: Caller) -> None:
    ran = caller.stand_ins.run(
        "add_plugins.sh", variables={"SEEN_CONTEXT": "kind"}, answers={"kubectl config view *": "exit 1"}
    )
    ran.failed("kubectl has no context kind")
    assert ran.changes() == []


@pytest.mark.parametrize("script", SCRIPTS, ids=str)
def test_a_dry_run_shows_commands_and_runs_none(script: Script, caller: Caller) -> None:
    ran = caller.run(script, "--dry-run").succeeded()
    assert ran.calls == []
    assert re.search(r"^(gcloud|kubectl|helm) \S", ran.out, re.MULTILINE)


@pytest.mark.parametrize("script", PLANNED, ids=str)
def test_a_dry_run_shows_what_a_run_then_does_in_that_order(script: Script, caller: Caller) -> None:
    need_kubectl()
    planned = [plain(" ".join(shlex.split(line))) for line in caller.run(script, "--dry-run").out.splitlines()]
    ran = caller.run(script).succeeded()
    done = iter([plain(call) for call in ran.calls])
    assert [command for command in planned if command not in done] == []
    assert [plain(call) for call in ran.changes() if plain(call) not in planned] == []


def plain(command: str) -> str:
    """Without the names of folders that are made anew in each run."""
    return re.sub(r"/\S*/tmp\.\w+", "TMP", command)


@pytest.mark.parametrize("name", ["create_cluster.sh", "create_dataproc.sh", "create_trigger.sh", "locust.sh"])
def test_what_is_there_is_not_made_again(name: str, caller: Caller) -> None:
    need_kubectl()
    script = named(name)
    there = {"gcloud * describe *": "echo RUNNING"}
    ran = caller.run(script, answers=there).succeeded()
    assert [call for call in ran.calls if call.startswith("gcloud") and " create " in call] == []


def test_a_trigger_that_is_there_gets_the_values_of_now(caller: Caller) -> None:
    script = named("create_trigger.sh")
    ran = caller.run(script, answers={"gcloud builds triggers describe *": "exit 0"}).succeeded()
    assert any("triggers update github seen-deploy" in call and "_DOMAIN=seen.demo.org" in call for call in ran.calls)


def test_a_dataproc_cluster_that_has_stopped_is_started(caller: Caller) -> None:
    script = named("create_dataproc.sh")
    ran = caller.run(script, answers={"gcloud dataproc clusters describe *": "echo STOPPED"}).succeeded()
    assert any("gcloud dataproc clusters start seen-spark" in call for call in ran.calls)


def test_variables_come_from_a_file_which_is_read_and_not_run(caller: Caller, tmp_path: Path) -> None:
    lines = [f"{name}={value}" for name, value in OPERATOR.items() if name != "SEEN_BUCKET"]
    file = tmp_path / "operator.env"
    file.write_text("\n".join(["# ours", "", *lines, f"SEEN_BUCKET=$(touch {tmp_path}/run)"]))
    ran = caller.stand_ins.run("create_cluster.sh", "--config", file, "--dry-run", variables={}).succeeded()
    assert "--project=demo" in ran.out
    assert not (tmp_path / "run").exists()


def test_a_variable_of_the_environment_counts_more_than_the_file(caller: Caller, tmp_path: Path) -> None:
    file = tmp_path / "operator.env"
    file.write_text("\n".join(f"{name}={value}" for name, value in OPERATOR.items()))
    ran = caller.stand_ins.run(
        "create_dataproc.sh", "--config", file, "--dry-run", variables={"SEEN_PROJECT": "another"}
    ).succeeded()
    assert "--project=another" in ran.out


@pytest.mark.parametrize("line", ["PATH=/elsewhere", "SEEN_PROJECT", "export SEEN_PROJECT=demo"])
def test_a_file_with_another_kind_of_line_is_refused_without_showing_it(
    line: str, caller: Caller, tmp_path: Path
) -> None:
    file = tmp_path / "operator.env"
    file.write_text(line)
    ran = caller.stand_ins.run("create_dataproc.sh", "--config", file, variables={})
    ran.refused("SEEN_NAME=VALUE")
    assert line not in ran.err


@pytest.mark.parametrize("script", SCRIPTS, ids=str)
def test_an_option_that_it_does_not_know_is_refused(script: Script, caller: Caller) -> None:
    caller.run(script, "--faster").refused("--faster")


@pytest.mark.parametrize(
    ("host", "days", "swapped", "words"),
    [
        ("seen.demo.org", 90, True, "is not the key"),
        ("seen.demo.org", 20, False, "valid for less than 21 days"),
        ("other.demo.org", 90, False, "is not for seen.demo.org"),
    ],
)
def test_istio_takes_no_certificate_that_would_not_serve(
    host: str, days: int, swapped: bool, words: str, caller: Caller, folder: Path, tmp_path: Path
) -> None:
    certificate(tmp_path, host, days)
    key = folder / "key.pem" if swapped else tmp_path / "key.pem"
    caller.stand_ins.run("install_istio.sh", "--cert", tmp_path / "cert.pem", "--key", key).refused(words)


def test_the_ingress_gets_the_certificate_and_its_key(caller: Caller, folder: Path) -> None:
    need_kubectl()
    script = named("install_istio.sh")
    ran = caller.run(script).succeeded()
    secret = next(text for text in caller.stand_ins.applied() if "seen-tls" in text)
    assert "kubernetes.io/tls" in secret
    assert any("--set=service.loadBalancerIP=ADDRESS" in call for call in ran.calls)
    assert ran.last("kubectl create secret tls seen-tls") < ran.last("helm upgrade --install istio-ingressgateway")


def test_locust_presses_on_the_target_with_as_many_workers_as_its_people_need(caller: Caller) -> None:
    need_kubectl()
    script = named("locust.sh")
    caller.run(script).succeeded()
    applied = caller.stand_ins.applied()[-1]
    assert "LOCUST_HOST: https://seen.demo.org" in applied
    assert 'LOCUST_USERS: "800"' in applied
    assert "replicas: 8" in applied
    assert "image: europe-west1-docker.pkg.dev/demo/seen/locust:abc" in applied


def test_kubernetes_knows_all_that_locust_is_made_of(caller: Caller) -> None:
    need_kubectl()
    caller.run(named("locust.sh")).succeeded()
    for found in yaml.load_all("---\n".join(caller.stand_ins.applied()), yaml.CSafeLoader):
        kubernetes_validate.validate(found, KUBERNETES, strict=True)


class TestDeleteAll:
    script = named("delete_all.sh")
    there: dict[str, str] = {"gcloud * describe *": "exit 0"}  # noqa: RUF012

    def test_it_deletes_nothing_unless_the_projects_name_is_typed(self, caller: Caller) -> None:
        ran = caller.stand_ins.run("delete_all.sh", answers=self.there, stdin="yes\n").failed("not confirmed")
        assert "the cluster seen" in ran.out
        assert ran.changes() == []

    def test_what_stands_on_something_goes_before_it(self, caller: Caller) -> None:
        ran = caller.stand_ins.run("delete_all.sh", answers=self.there, stdin="demo\n").succeeded()
        order = [
            "kubectl delete namespace",
            "clusters delete seen ",
            "routers delete",
            "subnets delete",
            "networks delete",
        ]
        assert sorted(order, key=ran.last) == order

    def test_it_says_so_where_nothing_is_left(self, caller: Caller) -> None:
        ran = caller.run(self.script).succeeded()
        assert "nothing of Seen" in ran.out
        assert ran.changes() == []

    def test_a_cluster_that_does_not_answer_is_deleted_all_the_same(self, caller: Caller) -> None:
        ran = caller.run(self.script, answers={**self.there, "kubectl version *": "exit 1"}).succeeded()
        assert any("gcloud container clusters delete seen " in call for call in ran.calls)
        assert "gcloud compute disks list" in ran.err

    def test_it_leaves_the_bucket_where_it_is_told_to(self, caller: Caller) -> None:
        ran = caller.run(self.script, "--keep-bucket", answers=self.there).succeeded()
        assert not any("gs://demo-seen" in call for call in ran.changes())


def test_gcloud_has_each_command_and_option_that_the_scripts_give_it(caller: Caller) -> None:
    commands = gcloud_commands()
    planned = [shlex.split(line) for script in SCRIPTS for line in caller.run(script, "--dry-run").out.splitlines()]
    for command in (words for words in planned if words[0] == "gcloud"):
        known = commands
        for word in command[1:]:
            if word not in known["commands"]:
                break
            known = known["commands"][word]
        assert not known["commands"], f"gcloud has no such command: {shlex.join(command)}"
        for option in (word.split("=")[0] for word in command if word.startswith("--")):
            there = {*known["flags"], *commands["flags"]}
            assert {option, option.replace("--no-", "--")} & there, f"{option} of {shlex.join(command)}"


def gcloud_commands() -> Any:
    """The tree that gcloud completes commands from."""
    gcloud = shutil.which("gcloud")
    tree = gcloud and Path(gcloud).resolve().parents[1] / "data" / "cli" / "gcloud_completions.py"
    if not tree or not tree.is_file():
        pytest.skip("gcloud, which says what options it has, is not installed")
    names: dict[str, Any] = {}
    exec(tree.read_text(), names)
    return names["STATIC_COMPLETION_CLI_TREE"]
