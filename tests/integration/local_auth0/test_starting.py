"""Starting and stopping: addresses and settings that are refused, signals, and secrets that are not logged."""

import json
import signal
import socket
import time
from pathlib import Path

import pytest

from services.local_auth0.service import ListenError, listen
from services.local_auth0.settings import LocalAuth0Settings
from tests.integration.local_auth0.conftest import Start
from tests.integration.local_auth0.stand_in import Pkce, StandIn, exchange, sign_in
from tests.ports import free_port


def test_a_busy_port_is_named_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        stand_in = StandIn(port, tmp_path / "state")
        assert stand_in.launch().wait(20) == 2
    [line] = stand_in.log.read_text().splitlines()
    assert f"port {port}" in line
    assert "in use" in line
    assert not stand_in.state.exists()


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_it_refuses_to_listen_for_other_machines(host: str) -> None:
    with pytest.raises(ListenError, match=r"SEEN_HOST.*SEEN_ALLOW_NONLOOPBACK=true"):
        listen(host, 0, allow_nonloopback=False)


def test_a_setting_allows_other_machines() -> None:
    listen("0.0.0.0", 0, allow_nonloopback=True).close()


@pytest.mark.parametrize("host", ["", "no.such.host.invalid", "x" * 100])
def test_an_unknown_host_is_refused(host: str) -> None:
    with pytest.raises(ListenError, match="SEEN_HOST"):
        listen(host, 0, allow_nonloopback=True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SEEN_PORT", "http"),
        ("SEEN_PORT", "0"),
        ("SEEN_PUBLIC_URL", "localhost:8081"),
        ("SEEN_API_URL", "http://localhost:8080/ui"),
        ("SEEN_API_URL", "http://localhost:http"),
        ("SEEN_AUTH0_AUDIENCE", ""),
        ("SEEN_TOKEN_LIFETIME_S", "-1"),
        ("SEEN_LOG_LEVEL", "LOUD"),
    ],
)
def test_a_malformed_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str, value: str
) -> None:
    for variable, valid in (StandIn(8081, tmp_path).settings | {name: value}).items():
        monkeypatch.setenv(variable, valid)
    with pytest.raises(SystemExit, match="2"):
        LocalAuth0Settings.from_env()
    [line] = capsys.readouterr().err.splitlines()
    assert name in line


def test_sigint_stops_it_as_sigterm_does(start: Start) -> None:
    start().stop(signal.SIGINT)


def test_a_signal_stops_it_while_it_starts(tmp_path: Path) -> None:
    stand_in = StandIn(free_port(), tmp_path / "state")
    process = stand_in.launch()
    while not stand_in.state.exists():  # it is now creating its first key
        time.sleep(0.001)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


def test_its_log_is_json_without_codes_tokens_or_secrets(start: Start) -> None:
    stand_in = start()
    pkce = Pkce()
    with stand_in.browser() as browser:
        callback = sign_in(browser, "ana", code_challenge=pkce.challenge)
    token = exchange(stand_in, callback["code"], pkce.verifier).json()["access_token"]
    stand_in.token(grant_type="client_credentials", client_id="seen-machine", client_secret=stand_in.machine_secret())
    with socket.create_connection(("127.0.0.1", int(stand_in.url.rpartition(":")[2]))) as broken:
        broken.sendall(b"GET /authorize?code=leaked-code HTTP/9.9 nonsense\r\n\r\n")
        broken.recv(1000)
    stand_in.stop()
    log = stand_in.log.read_text()
    assert [json.loads(line) for line in log.splitlines()][-1]["message"] == "stopped"
    secrets = [callback["code"], pkce.verifier, token, stand_in.machine_secret(), "leaked-code", callback["state"]]
    assert [secret for secret in secrets if secret in log] == []
