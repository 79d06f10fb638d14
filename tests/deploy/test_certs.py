"""scripts/make_certs.sh: its certificates are valid, its keys private, and valid files are kept."""

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "make_certs.sh"
KEYS = {"ca-key.pem", "server-key.pem", "client-key.pem"}
CERTIFICATES = {"ca.pem", "server-cert.pem", "client-cert.pem"}

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


def make_certs(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [shutil.which("bash") or "bash", str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, env=environment or None, capture_output=True, text=True, check=False)


def openssl(*arguments: str | Path) -> str:
    return subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("certificates") / "new"
    done = make_certs(path)
    assert done.returncode == 0, done.stderr
    return path


def test_server_and_client_certificates_are_signed_for_their_purpose(folder: Path) -> None:
    for name, purpose in (("server", "sslserver"), ("client", "sslclient")):
        certificate = folder / f"{name}-cert.pem"
        assert openssl("verify", "-CAfile", folder / "ca.pem", "-purpose", purpose, certificate).endswith(": OK\n")
    for host in ("mysql", "localhost"):
        assert "does match" in openssl("x509", "-in", folder / "server-cert.pem", "-noout", "-checkhost", host)


def test_the_database_accepts_the_subject_of_the_client_certificate(folder: Path) -> None:
    subject = openssl("x509", "-in", folder / "client-cert.pem", "-noout", "-subject", "-nameopt", "compat").strip()
    mysql = SCRIPT.parents[1] / "k8s" / "overlays" / "small" / "databases" / "mysql"
    accounts = (mysql / "account.sql").read_text()
    assert f"REQUIRE SUBJECT '{subject.removeprefix('subject=')}'" in accounts


def test_keys_are_readable_by_the_owner_only_and_no_other_file_remains(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == KEYS | CERTIFICATES
    assert {name for name in KEYS if (folder / name).stat().st_mode & 0o077} == set()
    assert folder.stat().st_mode & 0o077 == 0


def test_a_second_run_changes_nothing(folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    again = make_certs(folder)
    assert (again.returncode, again.stdout) == (0, "")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_another_host_replaces_only_the_server_certificate(folder: Path, tmp_path: Path) -> None:
    other = shutil.copytree(folder, tmp_path / "other")
    assert make_certs(other, "mysql", "db.example").returncode == 0
    changed = {path.name for path in folder.iterdir() if path.read_bytes() != (other / path.name).read_bytes()}
    assert changed == {"server-cert.pem", "server-key.pem"}


def test_without_openssl_it_fails_with_a_message_and_creates_nothing(tmp_path: Path) -> None:
    done = make_certs(tmp_path / "certificates", PATH=str(tmp_path))
    assert done.returncode != 0
    assert "openssl" in done.stderr
    assert not (tmp_path / "certificates").exists()
