"""scripts/create_secrets.sh: the Secrets that it creates, and that it does not reveal their values."""

import base64
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT
from tests.deploy import render
from tests.deploy.cloud_scripts import DATABASES, create_certificate
from tests.deploy.fake_commands import OPERATOR, FakeCommands
from tests.deploy.workloads import overlay, references

MARKER = "secret"  # part of every secret value


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> FakeCommands:
    return FakeCommands(tmp_path_factory.mktemp("commands"))


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("mysql")
    create_certificate(folder, "client")
    cert, key = str(folder / "cert.pem"), str(folder / "key.pem")
    files = {"SEEN_DATABASE_CA": cert, "SEEN_DATABASE_CERT": cert, "SEEN_DATABASE_KEY": key}
    return {**OPERATOR, **DATABASES, **files}


def secrets(commands: FakeCommands) -> dict[str, dict[str, str]]:
    """The applied Secrets: name, keys and decoded values."""
    objects = [
        manifest for text in commands.applied() for manifest in yaml.load_all(text, yaml.CSafeLoader) if manifest
    ]
    return {
        manifest["metadata"]["name"]: {key: base64.b64decode(value).decode() for key, value in manifest["data"].items()}
        for manifest in objects
        if manifest["kind"] == "Secret"
    }


def test_secrets_contain_the_operators_values(variables: dict[str, str], commands: FakeCommands) -> None:
    commands.run("create_secrets.sh", "gke", variables=variables).succeeded()
    created = secrets(commands)
    assert created["mongo-imdb"] == {"uris": DATABASES["SEEN_MONGO_IMDB_URIS"]}
    assert created["account-database"]["url"] == DATABASES["SEEN_DATABASE_URL"]
    assert created["account-database"]["client-key.pem"] == Path(variables["SEEN_DATABASE_KEY"]).read_text()


@pytest.mark.parametrize("name", render.OVERLAYS)
def test_the_script_creates_the_secrets_that_pods_refer_to(
    name: str, variables: dict[str, str], commands: FakeCommands
) -> None:
    commands.run("create_secrets.sh", name, variables=variables).succeeded()
    created = {name: {*keys} for name, keys in secrets(commands).items()}
    used = {name for workload in overlay(name).workloads for _, kind, name in references(workload) if kind == "Secret"}
    with_keys = {f"{name}/{key}" for name, keys in created.items() for key in keys}
    assert used - {*created} - with_keys == set(), "pods refer to these, but the script does not create them"
    assert {*created} == {name.partition("/")[0] for name in used}


@pytest.mark.parametrize("name", render.OVERLAYS)
def test_the_readme_documents_every_secret_and_key(
    name: str, variables: dict[str, str], commands: FakeCommands
) -> None:
    commands.run("create_secrets.sh", name, variables=variables).succeeded()
    text = (ROOT / "k8s" / "README.md").read_text()
    for secret, keys in secrets(commands).items():
        documented = "mongo-DATASET" if secret.startswith("mongo-") else secret
        assert [word for word in (documented, *keys) if f"`{word}`" not in text] == []


def test_the_uris_of_the_overlay_small_have_the_shards_in_order(commands: FakeCommands) -> None:
    commands.run("create_secrets.sh", "small").succeeded()
    shards = [f"mongodb://mongo-imdb-{number}/?directConnection=true" for number in (1, 2)]
    assert secrets(commands)["mongo-imdb"] == {"uris": ",".join(shards)}


def test_values_are_neither_printed_nor_passed_on_a_command_line(
    variables: dict[str, str], commands: FakeCommands
) -> None:
    result = commands.run("create_secrets.sh", "gke", variables=variables).succeeded()
    shown = [result.out, result.err, *result.calls]
    assert not [line for line in shown if "u:secret" in line or "seen:secret" in line or "PRIVATE" in line]


def test_values_from_a_file_are_not_exported_to_child_processes(
    variables: dict[str, str], commands: FakeCommands, tmp_path: Path
) -> None:
    file = tmp_path / "secrets.env"
    file.write_text("\n".join(f"{name}={value}" for name, value in variables.items()))
    environments = commands.folder / "environments"
    commands.run(
        "create_secrets.sh", "gke", "--config", file, variables={}, responses={"kubectl *": f"env >>{environments}"}
    ).succeeded()
    assert "secret@" not in environments.read_text()


def test_no_file_with_a_value_remains(variables: dict[str, str], commands: FakeCommands) -> None:
    commands.run("create_secrets.sh", "gke", variables=variables).succeeded()
    own = [commands.folder / "applied", commands.folder / "fakes"]
    others = [path for path in commands.folder.rglob("*") if path.is_file() and not {*path.parents} & {*own}]
    assert not [path for path in others if b"u:secret" in path.read_bytes()]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SEEN_MONGO_BOOK_URIS", "book:secret@host"),
        ("SEEN_DATABASE_URL", "mysql://seen:secret@host/seen"),
        ("SEEN_DATABASE_URL", "sqlite:////secret"),
        ("SEEN_DATABASE_KEY", "/no/such/file"),
    ],
)
def test_the_error_for_a_malformed_value_names_the_variable_but_not_the_value(
    name: str, value: str, variables: dict[str, str], commands: FakeCommands
) -> None:
    result = commands.run("create_secrets.sh", "gke", variables={**variables, name: value})
    result.rejected(name if "secret" in value else value)
    assert MARKER not in result.err.removeprefix("create_secrets.sh")


def test_the_certificates_of_the_overlay_small_match(commands: FakeCommands, tmp_path: Path) -> None:
    commands.run("create_secrets.sh", "small").succeeded()
    created = secrets(commands)
    assert created["account-database"]["ca.pem"] == created["mysql-server"]["ca.pem"]
    for secret, name in (("mysql-server", "server-cert.pem"), ("account-database", "client-cert.pem")):
        (tmp_path / "ca.pem").write_text(created[secret]["ca.pem"])
        (tmp_path / name).write_text(created[secret][name])
        verify: list[str | Path] = ["openssl", "verify", "-CAfile", tmp_path / "ca.pem", tmp_path / name]
        subprocess.run(verify, check=True, capture_output=True)
    assert "client-key.pem" not in created["mysql-server"]


def cluster_with_certificate(folder: Path, days: int) -> dict[str, str]:
    """Responses of a cluster with a MySQL certificate that is valid for this many days."""
    create_certificate(folder, "mysql", days)
    text = base64.b64encode((folder / "cert.pem").read_bytes()).decode()
    return {
        "kubectl get secret mysql-server *": f"echo {text}",
        "kubectl get secret account-database *": "exit 0",
        "kubectl get statefulset mysql *": "exit 0",
    }


def test_valid_certificates_are_kept(commands: FakeCommands, tmp_path: Path) -> None:
    commands.run("create_secrets.sh", "small", responses=cluster_with_certificate(tmp_path, 90)).succeeded()
    assert "mysql-server" not in secrets(commands)


def test_expiring_certificates_are_replaced_and_pods_restarted(commands: FakeCommands, tmp_path: Path) -> None:
    result = commands.run("create_secrets.sh", "small", responses=cluster_with_certificate(tmp_path, 20)).succeeded()
    assert {"mysql-server", "account-database"} <= {*secrets(commands)}
    assert any("rollout restart statefulset/mysql deployment/account" in call for call in result.calls)
