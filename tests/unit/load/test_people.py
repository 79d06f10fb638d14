"""Nobody signs in twice, and settings that are missing or wrong are named."""

from urllib.parse import parse_qs

import pytest

from load.locust_users import people

AUTH0 = {"SEEN_AUTH0_URL": "http://localhost:8081", "SEEN_AUTH0_AUDIENCE": "https://seen.example/api"}


def test_no_two_people_of_any_worker_are_the_same() -> None:
    workers = [people.of_environment(AUTH0) for _ in range(3)]
    numbers = [everybody.next(worker) for worker, everybody in enumerate(workers) for _ in range(100)]
    assert len(set(numbers)) == 300


def test_people_are_called_as_the_settings_say() -> None:
    tenant = {"SEEN_LOAD_USERNAME": "load+{n}@example.com", "SEEN_LOAD_PASSWORD": "same & same"}
    credentials = parse_qs(people.of_environment(AUTH0 | tenant).credentials(7))
    assert credentials["username"] == ["load+7@example.com"]
    assert credentials["password"] == ["same & same"]
    assert credentials["audience"] == ["https://seen.example/api"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"SEEN_AUTH0_URL": ""},
        {"SEEN_AUTH0_URL": "localhost:8081"},
        {"SEEN_AUTH0_AUDIENCE": ""},
        {"SEEN_LOAD_USERNAME": "ana"},
    ],
)
def test_a_wrong_setting_ends_the_program_by_name(wrong: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        people.of_environment(AUTH0 | wrong)
    said = capsys.readouterr().err
    assert end.value.code == 2
    assert next(iter(wrong)) in said
    assert said.count("\n") == 1
