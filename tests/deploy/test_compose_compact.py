"""docker-compose.compact.yml runs all services in one process, with settings that they know."""

from typing import Any

import pytest
import yaml

from services.catalog import datasets
from services.common.settings import ENV_PREFIX, Settings
from services.compact.settings import CompactSettings
from tests.conftest import ROOT
from tests.deploy.declared_services import COMPACT, SETTINGS, compose, dockerfile_extras, variables
from tests.deploy.dependencies import imported, installed

CONTAINERS: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.compact.yml").read_text())["services"]
WHOLE = compose()
ENVIRONMENT: dict[str, str] = {name: str(value) for name, value in CONTAINERS[COMPACT]["environment"].items()}


def test_every_service_finds_its_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    settings = CompactSettings.from_env()
    assert settings.gateway().port == 8080
    assert settings.account().database_url.get_secret_value().startswith("sqlite:")
    assert settings.spark_connector().results == "/data/answers"
    assert set(settings.library().catalog_addresses.values()) == {f"inproc:{name}" for name in datasets.names()}
    for name in datasets.names():
        assert settings.dataset(name).uris()


def test_every_variable_is_a_setting() -> None:
    names = {f"{ENV_PREFIX}{field.upper()}" for field in Settings.model_fields}
    names |= {_with_service(variable, service) for service in SETTINGS for variable in variables(service)}
    assert set(ENVIRONMENT) <= names


def _with_service(variable: str, service: str) -> str:
    """SEEN_GATEWAY_PORT for the gateway's SEEN_PORT."""
    return variable.replace(ENV_PREFIX, f"{ENV_PREFIX}{service.replace('-', '_').upper()}_", 1)


def test_settings_have_the_values_of_docker_compose_yml() -> None:
    expected = {
        _with_service(variable, service): str(value)
        for service in ("gateway", "spark-connector")
        for variable, value in WHOLE[service]["environment"].items()
    }
    different = {name for name, value in ENVIRONMENT.items() if value != expected.get(name, value)}
    assert different == {"SEEN_SPARK_CONNECTOR_RESULTS"}  # in a volume with the accounts


@pytest.mark.parametrize("name", [name for name in CONTAINERS if name not in (COMPACT, "migrate")])
def test_a_container_runs_what_it_runs_in_docker_compose_yml(name: str) -> None:
    keys = {
        "mongo": ("image", "command", "cap_add", "tmpfs", "mem_limit", "healthcheck"),
        "local-auth0": ("image", "build", "environment", "healthcheck"),
    }
    other = WHOLE["mongo-book" if name == "mongo" else name]
    for key in keys.get(name, ("command", "healthcheck")):
        assert CONTAINERS[name][key] == other[key], key


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_container_is_confined_like_those_of_docker_compose_yml(name: str) -> None:
    for key in ("read_only", "cap_drop", "security_opt", "pids_limit", "logging"):
        assert CONTAINERS[name][key] == WHOLE["gateway"][key]


def test_the_image_contains_what_the_services_import() -> None:
    modules = ["services.compact.__main__", "services.account.migrate", "services.catalog.loader.__main__"]
    assert imported(*modules) - installed(dockerfile_extras()[COMPACT]) == set()
