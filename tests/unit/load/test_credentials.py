"""Each member has an account of their own, and a missing or malformed setting is named."""

from urllib.parse import parse_qs

import pytest

from load.locust_users.credentials import Credentials

AUTH0 = {"SEEN_AUTH0_URL": "http://localhost:8081", "SEEN_AUTH0_AUDIENCE": "https://seen.example/api"}


def test_no_number_is_used_twice_by_any_worker() -> None:
    workers = [Credentials.from_env(AUTH0) for _ in range(3)]
    numbers = [credentials.next_number(worker) for worker, credentials in enumerate(workers) for _ in range(20_000)]
    assert len(set(numbers)) == 60_000


def test_the_settings_name_the_accounts() -> None:
    tenant = {"SEEN_LOAD_USERNAME": "load+{n}@example.com", "SEEN_LOAD_PASSWORD": "same & same"}
    form = parse_qs(Credentials.from_env(AUTH0 | tenant).token_request(7))
    assert form["username"] == ["load+7@example.com"]
    assert form["password"] == ["same & same"]
    assert form["audience"] == ["https://seen.example/api"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"SEEN_AUTH0_URL": ""},
        {"SEEN_AUTH0_URL": "localhost:8081"},
        {"SEEN_AUTH0_AUDIENCE": ""},
        {"SEEN_LOAD_USERNAME": "ana"},
    ],
)
def test_a_malformed_setting_is_named_in_one_line(wrong: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        Credentials.from_env(AUTH0 | wrong)
    message = capsys.readouterr().err
    assert exit_.value.code == 2
    assert next(iter(wrong)) in message
    assert message.count("\n") == 1
