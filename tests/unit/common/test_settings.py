import pytest

from services.common.settings import GrpcSettings


@pytest.mark.parametrize("port", [None, "many", "secret-token"])
def test_a_missing_or_malformed_setting_stops_the_program_with_its_name_and_never_its_value(
    port: str | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SEEN_METRICS_PORT", "0")
    monkeypatch.delenv("SEEN_PORT", raising=False)
    if port is not None:
        monkeypatch.setenv("SEEN_PORT", port)
    with pytest.raises(SystemExit) as stopped:
        GrpcSettings.from_env()
    stderr = capsys.readouterr().err
    assert stopped.value.code == 2
    assert "SEEN_PORT" in stderr
    assert len(stderr.splitlines()) == 1
    assert "secret-token" not in stderr


def test_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEEN_METRICS_PORT", "9053")
    monkeypatch.setenv("SEEN_PORT", "50053")
    assert GrpcSettings.from_env().port == 50053
