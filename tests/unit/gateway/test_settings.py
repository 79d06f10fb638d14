"""Settings from the environment."""

import pytest

from services.gateway.settings import GatewaySettings

REQUIRED = {
    "SEEN_PORT": "8080",
    "SEEN_METRICS_PORT": "9080",
    "SEEN_PUBLIC_URL": "http://localhost:8080/",
    "SEEN_LIBRARY_ADDRESS": "127.0.0.1:50051",
    "SEEN_ACCOUNT_ADDRESS": "127.0.0.1:50052",
    "SEEN_SPARK_ADDRESS": "127.0.0.1:50056",
    "SEEN_AUTH0_URL": "https://tenant.eu.auth0.com/",
    "SEEN_AUTH0_AUDIENCE": "https://seen.example/api",
    "SEEN_AUTH0_CLIENT_ID": "seen-swagger-ui",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in REQUIRED.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_trailing_slashes_of_urls_are_removed(environment: pytest.MonkeyPatch) -> None:
    settings = GatewaySettings.from_env()
    assert (settings.public_url, settings.auth0_url) == ("http://localhost:8080", "https://tenant.eu.auth0.com")


def test_origins_are_separated_by_commas(environment: pytest.MonkeyPatch) -> None:
    assert GatewaySettings.from_env().cors_origins == ["*"]
    environment.setenv("SEEN_CORS_ORIGINS", "https://a.example, https://b.example")
    assert GatewaySettings.from_env().cors_origins == ["https://a.example", "https://b.example"]


def test_a_url_without_a_scheme_is_refused(environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    environment.setenv("SEEN_AUTH0_URL", "tenant.eu.auth0.com")
    with pytest.raises(SystemExit, match="2"):
        GatewaySettings.from_env()
    assert "SEEN_AUTH0_URL" in capsys.readouterr().err
