"""scripts/create_secrets.sh: what it puts into the cluster, and that nobody sees it on the way."""

import base64
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.deploy import render
from tests.deploy.fake_commands import OPERATOR, StandIns, need_kubectl
from tests.deploy.test_manifests import SECRETS
from tests.deploy.test_scripts import DATABASES, certificate

MARK = "secret"  # is in each value that nobody may see


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> StandIns:
    need_kubectl()
    return StandIns(tmp_path_factory.mktemp("stand-ins"))


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("mysql")
    certificate(folder, "client")
    cert, key = str(folder / "cert.pem"), str(folder / "key.pem")
    files = {"SEEN_DATABASE_CA": cert, "SEEN_DATABASE_CERT": cert, "SEEN_DATABASE_KEY": key}
    return {**OPERATOR, **DATABASES, **files}


def secrets(stand_ins: StandIns) -> dict[str, dict[str, str]]:
    """Of each that was applied, what it holds."""
    objects = [found for text in stand_ins.applied() for found in yaml.load_all(text, yaml.CSafeLoader) if found]
    return {
        found["metadata"]["name"]: {key: base64.b64decode(value).decode() for key, value in found["data"].items()}
        for found in objects
        if found["kind"] == "Secret"
    }


def test_the_services_get_their_databases(variables: dict[str, str], stand_ins: StandIns) -> None:
    stand_ins.run("create_secrets.sh", "gke", variables=variables).succeeded()
    there = secrets(stand_ins)
    assert there["mongo-imdb"] == {"uris": DATABASES["SEEN_MONGO_IMDB_URIS"]}
    assert there["account-database"]["url"] == DATABASES["SEEN_DATABASE_URL"]
    assert there["account-database"]["client-key.pem"] == Path(variables["SEEN_DATABASE_KEY"]).read_text()


@pytest.mark.parametrize("overlay", render.OVERLAYS)
def test_they_are_those_that_the_overlay_refers_to(
    overlay: str, variables: dict[str, str], stand_ins: StandIns
) -> None:
    stand_ins.run("create_secrets.sh", overlay, variables=variables).succeeded()
    made = {name: {*keys} for name, keys in secrets(stand_ins).items()}
    assert made == {name: keys for name, keys in SECRETS.items() if name != "mysql-server" or overlay == "small"}


def test_the_small_overlay_finds_its_shards_in_their_order(stand_ins: StandIns) -> None:
    stand_ins.run("create_secrets.sh", "small").succeeded()
    shards = [f"mongodb://mongo-imdb-{number}/?directConnection=true" for number in (1, 2)]
    assert secrets(stand_ins)["mongo-imdb"] == {"uris": ",".join(shards)}


def test_no_value_is_printed_or_stands_on_a_command_line(variables: dict[str, str], stand_ins: StandIns) -> None:
    ran = stand_ins.run("create_secrets.sh", "gke", variables=variables).succeeded()
    shown = [ran.out, ran.err, *ran.calls]
    assert not [line for line in shown if "u:secret" in line or "seen:secret" in line or "PRIVATE" in line]


def test_values_from_a_file_are_in_no_programs_environment(
    variables: dict[str, str], stand_ins: StandIns, tmp_path: Path
) -> None:
    file = tmp_path / "secrets.env"
    file.write_text("\n".join(f"{name}={value}" for name, value in variables.items()))
    seen = stand_ins.folder / "environments"
    stand_ins.run(
        "create_secrets.sh", "gke", "--config", file, variables={}, answers={"kubectl *": f"env >>{seen}"}
    ).succeeded()
    assert "secret@" not in seen.read_text()


def test_nothing_of_them_is_left_in_a_file(variables: dict[str, str], stand_ins: StandIns) -> None:
    stand_ins.run("create_secrets.sh", "gke", variables=variables).succeeded()
    kept = [stand_ins.folder / "applied", stand_ins.folder / "programs"]
    left = [path for path in stand_ins.folder.rglob("*") if path.is_file() and not {*path.parents} & {*kept}]
    assert not [path for path in left if b"u:secret" in path.read_bytes()]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SEEN_MONGO_BOOK_URIS", "book:secret@host"),
        ("SEEN_DATABASE_URL", "mysql://seen:secret@host/seen"),
        ("SEEN_DATABASE_URL", "sqlite:////secret"),
        ("SEEN_DATABASE_KEY", "/no/such/file"),
    ],
)
def test_a_malformed_value_is_named_and_not_shown(
    name: str, value: str, variables: dict[str, str], stand_ins: StandIns
) -> None:
    ran = stand_ins.run("create_secrets.sh", "gke", variables={**variables, name: value})
    ran.refused(name if "secret" in value else value)
    assert MARK not in ran.err.removeprefix("create_secrets.sh")


def test_the_certificates_of_the_small_overlay_fit_one_another(stand_ins: StandIns, tmp_path: Path) -> None:
    stand_ins.run("create_secrets.sh", "small").succeeded()
    there = secrets(stand_ins)
    assert there["account-database"]["ca.pem"] == there["mysql-server"]["ca.pem"]
    for secret, name in (("mysql-server", "server-cert.pem"), ("account-database", "client-cert.pem")):
        (tmp_path / "ca.pem").write_text(there[secret]["ca.pem"])
        (tmp_path / name).write_text(there[secret][name])
        verify: list[str | Path] = ["openssl", "verify", "-CAfile", tmp_path / "ca.pem", tmp_path / name]
        subprocess.run(verify, check=True, capture_output=True)
    assert "client-key.pem" not in there["mysql-server"]


def held(folder: Path, days: int) -> dict[str, str]:
    """What a cluster answers that has a server's certificate for so many days more."""
    certificate(folder, "mysql", days)
    text = base64.b64encode((folder / "cert.pem").read_bytes()).decode()
    return {
        "kubectl get secret mysql-server *": f"echo {text}",
        "kubectl get secret account-database *": "exit 0",
        "kubectl get statefulset mysql *": "exit 0",
    }


def test_certificates_that_hold_are_not_made_again(stand_ins: StandIns, tmp_path: Path) -> None:
    stand_ins.run("create_secrets.sh", "small", answers=held(tmp_path, 90)).succeeded()
    assert "mysql-server" not in secrets(stand_ins)


def test_certificates_that_will_not_hold_are_made_again_and_read_again(stand_ins: StandIns, tmp_path: Path) -> None:
    ran = stand_ins.run("create_secrets.sh", "small", answers=held(tmp_path, 20)).succeeded()
    assert {"mysql-server", "account-database"} <= {*secrets(stand_ins)}
    assert any("rollout restart statefulset/mysql deployment/account" in call for call in ran.calls)
