"""Rotation of signing keys, and the state that survives a restart."""

import stat
import time
from pathlib import Path

import httpx
import pytest
from jose import JWTError

from tests.integration.local_auth0.conftest import Start
from tests.integration.local_auth0.stand_in import HTTP, StandIn, callback_parameters, request, sign_in


def rotate(stand_in: StandIn, **headers: str) -> httpx.Response:
    return HTTP.post(f"{stand_in.url}/test/rotate-key", headers=headers)


def test_after_a_rotation_old_and_new_tokens_are_valid(start: Start) -> None:
    stand_in = start()
    before = stand_in.password_token()["access_token"]
    kid = rotate(stand_in).json()["kid"]
    assert stand_in.kids()[0] == kid
    assert len(stand_in.kids()) == 2
    assert stand_in.verified(before)["sub"] == "auth0|ana"
    assert stand_in.verified(stand_in.password_token()["access_token"])["sub"] == "auth0|ana"


def test_a_retired_key_is_published_until_its_last_token_expires(start: Start) -> None:
    stand_in = start(SEEN_TOKEN_LIFETIME_S="1")
    (old,) = stand_in.kids()
    rotate(stand_in)
    assert old in stand_in.kids()
    time.sleep(1.1)
    assert old not in stand_in.kids()


def test_a_page_in_a_browser_cannot_rotate_keys(stand_in: StandIn) -> None:
    assert rotate(stand_in, Origin="http://localhost:8080").status_code == 403


def test_keys_secrets_and_sessions_survive_a_restart(start: Start) -> None:
    first = start()
    old = first.password_token()["access_token"]
    rotate(first)
    new = first.password_token()["access_token"]
    kids, secret = first.kids(), first.machine_secret()
    with first.browser() as browser:
        sign_in(browser, "ana")
        first.stop()

        second = start()

        assert second.kids() == kids
        assert second.machine_secret() == secret
        assert second.verified(old)["sub"] == second.verified(new)["sub"] == "auth0|ana"
        assert "code" in callback_parameters(browser.get("/authorize", params=request()))


def test_another_state_folder_has_other_keys(start: Start, stand_in: StandIn) -> None:
    with pytest.raises(JWTError):
        start().verified(stand_in.password_token()["access_token"])


def test_the_machine_clients_secret_can_be_set(start: Start) -> None:
    stand_in = start(SEEN_MACHINE_CLIENT_SECRET="a chosen secret")
    answer = stand_in.token(grant_type="client_credentials", client_id="seen-machine", client_secret="a chosen secret")
    assert answer.status_code == 200
    assert not (stand_in.state / "machine-client-secret").exists()


def test_only_the_owner_can_read_the_state(start: Start, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o755)  # as scripts/local.sh makes it
    stand_in = start()
    assert stat.S_IMODE(stand_in.state.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in stand_in.state.iterdir()} == {0o600}
