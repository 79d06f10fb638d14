"""scripts/make_certs.sh: what it makes is believed, private, and left alone while it is good."""

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "make_certs.sh"
KEYS = {"ca-key.pem", "server-key.pem", "client-key.pem"}
CERTIFICATES = {"ca.pem", "server-cert.pem", "client-cert.pem"}

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl")


def make(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [shutil.which("bash") or "bash", str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, env=environment or None, capture_output=True, text=True, check=False)


def openssl(*arguments: str | Path) -> str:
    return subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates") / "made"
    said = make(folder)
    assert said.returncode == 0, said.stderr
    return folder


def test_server_and_client_are_vouched_for_each_for_its_own_purpose(made: Path) -> None:
    for name, purpose in (("server", "sslserver"), ("client", "sslclient")):
        certificate = made / f"{name}-cert.pem"
        assert openssl("verify", "-CAfile", made / "ca.pem", "-purpose", purpose, certificate).endswith(": OK\n")
    for host in ("mysql", "localhost"):
        assert "does match" in openssl("x509", "-in", made / "server-cert.pem", "-noout", "-checkhost", host)


def test_the_client_has_the_name_that_the_database_lets_in(made: Path) -> None:
    subject = openssl("x509", "-in", made / "client-cert.pem", "-noout", "-subject", "-nameopt", "compat").strip()
    accounts = (SCRIPT.parents[1] / "docker" / "mysql" / "account.sql").read_text()
    assert f"REQUIRE SUBJECT '{subject.removeprefix('subject=')}'" in accounts


def test_keys_are_for_their_owner_only_and_nothing_else_is_left(made: Path) -> None:
    assert {path.name for path in made.iterdir()} == KEYS | CERTIFICATES
    assert {name for name in KEYS if (made / name).stat().st_mode & 0o077} == set()
    assert made.stat().st_mode & 0o077 == 0


def test_run_again_it_changes_nothing(made: Path) -> None:
    before = {path.name: path.read_bytes() for path in made.iterdir()}
    again = make(made)
    assert (again.returncode, again.stdout) == (0, "")
    assert {path.name: path.read_bytes() for path in made.iterdir()} == before


def test_another_host_needs_another_server_certificate_and_no_more(made: Path, tmp_path: Path) -> None:
    other = shutil.copytree(made, tmp_path / "other")
    assert make(other, "mysql", "db.example").returncode == 0
    changed = {path.name for path in made.iterdir() if path.read_bytes() != (other / path.name).read_bytes()}
    assert changed == {"server-cert.pem", "server-key.pem"}


def test_without_openssl_it_says_so_and_makes_nothing(tmp_path: Path) -> None:
    said = make(tmp_path / "certificates", PATH=str(tmp_path))
    assert said.returncode != 0
    assert "openssl" in said.stderr
    assert not (tmp_path / "certificates").exists()
