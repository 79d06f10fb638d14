"""Rotation of signing keys, and the state that survives a restart."""

import stat
from pathlib import Path

import httpx
import pytest

from services.local_auth0.keys import Keys
from services.local_auth0.state import State, StateError
from tests.integration.local_auth0.conftest import Start
from tests.integration.local_auth0.stand_in import HTTP, StandIn, callback_parameters, request, sign_in


def rotate(stand_in: StandIn, **headers: str) -> httpx.Response:
    return HTTP.post(f"{stand_in.url}/test/rotate-key", headers=headers)


def kids(keys: Keys) -> list[str]:
    return [key["kid"] for key in keys.jwks()["keys"]]


def test_after_a_rotation_old_and_new_tokens_are_valid(stand_in: StandIn) -> None:
    before = stand_in.password_token()["access_token"]
    kid = rotate(stand_in).json()["kid"]
    assert stand_in.kids()[0] == kid
    assert stand_in.verified(before)["sub"] == "auth0|ana"
    assert stand_in.verified(stand_in.password_token()["access_token"])["sub"] == "auth0|ana"


@pytest.mark.parametrize(("lifetime_s", "published"), [(60, True), (0, False)])
def test_a_retired_key_is_published_until_its_last_token_expires(
    tmp_path: Path, lifetime_s: float, published: bool
) -> None:
    keys = Keys(State(tmp_path), lifetime_s)
    [old] = kids(keys)
    new = keys.rotate()
    assert kids(keys) == ([new, old] if published else [new])


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


def test_only_the_owner_can_read_the_state(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)  # as scripts/local.sh makes it
    state = State(tmp_path)
    Keys(state, 60)
    state.read_or_create("secret", lambda: "s3cret")
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}


def test_an_unreadable_key_file_is_named_and_kept(tmp_path: Path) -> None:
    file = tmp_path / "signing-keys.json"
    file.write_text('[{"jwk"')
    with pytest.raises(StateError, match=f"SEEN_STATE_DIR: cannot read {file}"):
        Keys(State(tmp_path), 60)
    assert file.read_text() == '[{"jwk"'


def test_an_unusable_state_folder_is_named() -> None:
    with pytest.raises(StateError, match="SEEN_STATE_DIR: cannot use /dev/null/state"):
        State(Path("/dev/null/state"))
