"""The cloud scripts: checks of commands, variables and permissions, dry runs, and their calls to (fake) commands."""

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.deploy import kubernetes_schemas
from tests.deploy.cloud_scripts import SCRIPTS, Operator, Script, create_certificate, named
from tests.deploy.fake_commands import OPERATOR, Result

ON_PROJECT = [script for script in SCRIPTS if "curl" in script.tools and script.name != "deploy.sh"]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "k8s" / "README.md"]
DOCUMENTED = [
    command
    for document in DOCUMENTS
    for command in re.findall(r"^(?:\$ )?(scripts/\w+\.sh .*)$", document.read_text(), re.MULTILINE)
    if "add_dataset" not in command
]
PLANNED = [script for script in SCRIPTS if script.name not in ("deploy.sh", "delete_all.sh")]


@pytest.mark.parametrize("name", ["build_protos.sh", "lock.sh", "make_certs.sh", "test.sh", "update_docs.sh"])
def test_help_of_other_scripts_works_in_any_folder_and_changes_nothing(name: str, tmp_path: Path) -> None:
    script = ROOT / "scripts" / name
    command = [os.path.relpath(script, tmp_path), "--help"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    first_line = script.read_text().splitlines()[1]
    assert f"# {done.stdout}".startswith(first_line)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("script", SCRIPTS, ids=str)
def test_help_documents_every_variable_that_the_script_reads(script: Script, operator: Operator) -> None:
    text = operator.commands.run(script.name, "--help", variables={}).succeeded().out
    program = (ROOT / "scripts" / script.name).read_text().split("set -euo pipefail")[1]
    for variable in {*re.findall(r"\$\{?(SEEN_[A-Z0-9_]+)", program)} | {*script.variables}:
        # For deploy.sh, the overlay's operator.env documents them.
        documented = re.sub(r"SEEN_MONGO_[A-Z]+_URIS", "SEEN_MONGO_DATASET_URIS", variable)
        assert documented in text or "operator.env" in text, variable
    assert "--dry-run" in text


@pytest.mark.parametrize("script", SCRIPTS, ids=str)
def test_errors_name_every_missing_command(script: Script, operator: Operator) -> None:
    missing = {*script.tools}
    while missing:  # a script checks its commands in one or two steps
        missing -= named_in(operator.run(script, without=missing), "not on the PATH", missing)


@pytest.mark.parametrize("script", SCRIPTS, ids=str)
def test_errors_name_every_missing_variable(script: Script, operator: Operator) -> None:
    missing = {*script.variables}
    while missing:
        missing -= named_in(operator.run(script, unset=missing), "not set", missing)


def named_in(result: Result, words: str, missing: Collection[str]) -> set[str]:
    """Those of the missing names that the script's error message contains, at least one."""
    named = {*result.rejected(words).err.split()} & {*missing}
    assert named, result.err
    return named


def test_all_missing_variables_are_named_at_once(operator: Operator) -> None:
    result = operator.commands.run("create_dataproc.sh", variables={"SEEN_PROJECT": "demo"})
    result.rejected("SEEN_REGION SEEN_BUCKET SEEN_DATAPROC_CLUSTER")


@pytest.mark.parametrize("script", ON_PROJECT, ids=str)
def test_the_error_says_when_gcloud_is_not_signed_in(script: Script, operator: Operator) -> None:
    operator.run(script, responses={"gcloud auth print-access-token*": "exit 1"}).rejected("gcloud auth login")


@pytest.mark.parametrize("script", ON_PROJECT, ids=str)
def test_the_error_for_a_missing_permission_on_the_project_names_it(script: Script, operator: Operator) -> None:
    granted = """echo '{"permissions": ["some.other.permission"]}'"""
    operator.run(script, responses={"curl *:testIamPermissions": granted}).rejected("lack", "demo", ".")


@pytest.mark.parametrize("script", [script for script in SCRIPTS if "kubectl" in script.tools], ids=str)
def test_a_missing_permission_in_the_cluster_is_reported(script: Script, operator: Operator) -> None:
    result = operator.run(script, responses={"kubectl auth can-i *": "exit 1"})
    # locust.sh has created its cluster before, and delete_all.sh deletes the cluster anyway.
    if script.name not in ("locust.sh", "delete_all.sh"):
        assert result.changes() == []
        result.failed("you lack these permissions in the cluster")


@pytest.mark.parametrize("line", DOCUMENTED)
def test_documented_commands_work(line: str, operator: Operator, certificate_folder: Path) -> None:
    name, *arguments = shlex.split(line)
    script = named(name.removeprefix("scripts/"))
    values = {**OPERATOR, **script.values}
    for file in ("operator.env", "secrets.env"):
        (certificate_folder / file).write_text(
            "\n".join(f"{name}={operator.filled(value)}" for name, value in values.items())
        )
    with_paths = [str(certificate_folder / word) if word.endswith((".env", ".pem")) else word for word in arguments]
    operator.commands.run(script.name, *with_paths, "--dry-run", variables={}).succeeded()


def test_the_error_for_an_unknown_context_names_it(operator: Operator) -> None:
    result = operator.commands.run(
        "add_plugins.sh", variables={"SEEN_CONTEXT": "kind"}, responses={"kubectl config view *": "exit 1"}
    )
    result.failed("kubectl has no context kind")
    assert result.changes() == []


@pytest.mark.parametrize("script", SCRIPTS, ids=str)
def test_a_dry_run_prints_commands_and_runs_none(script: Script, operator: Operator) -> None:
    result = operator.run(script, "--dry-run").succeeded()
    assert result.calls == []
    assert re.search(r"^(gcloud|kubectl|helm) \S", result.out, re.MULTILINE)


@pytest.mark.parametrize("script", PLANNED, ids=str)
def test_a_dry_run_prints_the_commands_of_a_run_in_order(script: Script, operator: Operator) -> None:
    planned = [without_folders(" ".join(words)) for words in operator.planned(script)]
    result = operator.run(script).succeeded()
    done = iter([without_folders(call) for call in result.calls])
    assert [command for command in planned if command not in done] == []
    assert [call for call in map(without_folders, result.changes()) if call not in planned] == []


def without_folders(command: str) -> str:
    """Without the names of temporary folders, which differ between runs."""
    return re.sub(r"/\S*/tmp\.\w+", "TMP", command)


@pytest.mark.parametrize("name", ["create_cluster.sh", "create_dataproc.sh", "create_trigger.sh", "locust.sh"])
def test_existing_resources_are_not_created_again(name: str, operator: Operator) -> None:
    script = named(name)
    existing = {"gcloud * describe *": "echo RUNNING"}
    result = operator.run(script, responses=existing).succeeded()
    assert [call for call in result.calls if call.startswith("gcloud") and " create " in call] == []


def test_an_existing_trigger_gets_the_current_values(operator: Operator) -> None:
    script = named("create_trigger.sh")
    result = operator.run(script, responses={"gcloud builds triggers describe *": "exit 0"}).succeeded()
    assert any(
        "triggers update github seen-deploy" in call and "_DOMAIN=seen.demo.org" in call for call in result.calls
    )


def test_a_stopped_dataproc_cluster_is_started(operator: Operator) -> None:
    script = named("create_dataproc.sh")
    result = operator.run(script, responses={"gcloud dataproc clusters describe *": "echo STOPPED"}).succeeded()
    assert any("gcloud dataproc clusters start seen-spark" in call for call in result.calls)


def test_the_config_file_is_parsed_and_not_executed(operator: Operator, tmp_path: Path) -> None:
    lines = [f"{name}={value}" for name, value in OPERATOR.items() if name != "SEEN_BUCKET"]
    file = tmp_path / "operator.env"
    file.write_text("\n".join(["# ours", "", *lines, f"SEEN_BUCKET=$(touch {tmp_path}/run)"]))
    result = operator.commands.run("create_cluster.sh", "--config", file, "--dry-run", variables={}).succeeded()
    assert "--project=demo" in result.out
    assert not (tmp_path / "run").exists()


def test_the_environment_overrides_the_config_file(operator: Operator, tmp_path: Path) -> None:
    file = tmp_path / "operator.env"
    file.write_text("\n".join(f"{name}={value}" for name, value in OPERATOR.items()))
    result = operator.commands.run(
        "create_dataproc.sh", "--config", file, "--dry-run", variables={"SEEN_PROJECT": "another"}
    ).succeeded()
    assert "--project=another" in result.out


@pytest.mark.parametrize("line", ["PATH=/elsewhere", "SEEN_PROJECT", "export SEEN_PROJECT=demo"])
def test_the_error_for_an_invalid_line_in_the_config_file_does_not_print_it(
    line: str, operator: Operator, tmp_path: Path
) -> None:
    file = tmp_path / "operator.env"
    file.write_text(line)
    result = operator.commands.run("create_dataproc.sh", "--config", file, variables={})
    result.rejected("SEEN_NAME=VALUE")
    assert line not in result.err


@pytest.mark.parametrize("script", SCRIPTS, ids=str)
def test_an_unknown_option_is_rejected(script: Script, operator: Operator) -> None:
    operator.run(script, "--faster").rejected("--faster")


@pytest.mark.parametrize(
    ("host", "days", "swapped", "words"),
    [
        ("seen.demo.org", 90, True, "is not the key"),
        ("seen.demo.org", 20, False, "valid for less than 21 days"),
        ("other.demo.org", 90, False, "is not a certificate for seen.demo.org"),
    ],
)
def test_install_istio_rejects_an_unusable_certificate(
    host: str, days: int, swapped: bool, words: str, operator: Operator, certificate_folder: Path, tmp_path: Path
) -> None:
    create_certificate(tmp_path, host, days)
    key = certificate_folder / "key.pem" if swapped else tmp_path / "key.pem"
    operator.commands.run("install_istio.sh", "--cert", tmp_path / "cert.pem", "--key", key).rejected(words)


def test_install_istio_stores_the_certificate_before_it_installs_the_ingress(operator: Operator) -> None:
    script = named("install_istio.sh")
    result = operator.run(script).succeeded()
    secret = next(text for text in operator.commands.applied() if "seen-tls" in text)
    assert "kubernetes.io/tls" in secret
    assert any("--set=service.loadBalancerIP=ADDRESS" in call for call in result.calls)
    assert result.last("kubectl create secret tls seen-tls") < result.last(
        "helm upgrade --install istio-ingressgateway"
    )


def test_locust_gets_the_target_and_one_worker_per_hundred_users(operator: Operator) -> None:
    script = named("locust.sh")
    operator.run(script).succeeded()
    applied = operator.commands.applied()[-1]
    assert "LOCUST_HOST: https://seen.demo.org" in applied
    assert 'LOCUST_USERS: "800"' in applied
    assert "replicas: 8" in applied
    assert "image: europe-west1-docker.pkg.dev/demo/seen/locust:abc" in applied


def test_the_manifests_of_locust_are_valid(operator: Operator) -> None:
    operator.run(named("locust.sh")).succeeded()
    objects = yaml.load_all("---\n".join(operator.commands.applied()), yaml.CSafeLoader)
    assert kubernetes_schemas.faults(objects) == []


def test_gcloud_has_every_command_and_option_that_the_scripts_use(operator: Operator) -> None:
    tree = gcloud_commands()
    for command in (words for script in SCRIPTS for words in operator.planned(script) if words[0] == "gcloud"):
        node = tree
        for word in command[1:]:
            if word not in node["commands"]:
                break
            node = node["commands"][word]
        assert not node["commands"], f"gcloud has no such command: {shlex.join(command)}"
        for option in (word.split("=")[0] for word in command if word.startswith("--")):
            available = {*node["flags"], *tree["flags"]}
            assert {option, option.replace("--no-", "--")} & available, f"{option} of {shlex.join(command)}"


def gcloud_commands() -> Any:
    """The command tree that gcloud's shell completion uses."""
    gcloud = shutil.which("gcloud")
    tree = gcloud and Path(gcloud).resolve().parents[1] / "data" / "cli" / "gcloud_completions.py"
    if not tree or not tree.is_file():
        pytest.skip("gcloud, which lists its options, is not installed")
    names: dict[str, Any] = {}
    exec(tree.read_text(), names)
    return names["STATIC_COMPLETION_CLI_TREE"]
