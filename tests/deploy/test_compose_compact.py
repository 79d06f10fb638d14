"""docker-compose.compact.yml runs all services in one process, with settings that they know."""

import shutil
import subprocess
import sys
from typing import Any

import pytest
import yaml

from services.catalog import datasets
from services.common.settings import ENV_PREFIX, Settings
from services.compact.settings import CompactSettings
from tests.conftest import ROOT
from tests.deploy.declared_services import COMPACT, SETTINGS, dockerfile_extras, settings_class
from tests.deploy.dependencies import imported, installed

FILE = ROOT / "docker-compose.compact.yml"
CONTAINERS: dict[str, dict[str, Any]] = yaml.safe_load(FILE.read_text())["services"]
WHOLE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
ENVIRONMENT: dict[str, str] = {name: str(value) for name, value in CONTAINERS[COMPACT]["environment"].items()}


def test_the_file_matches_the_compose_schema() -> None:
    tool = shutil.which("check-jsonschema", path=str(sys.prefix) + "/bin")
    assert tool, "check-jsonschema is not installed; ./scripts/test.sh installs it"
    done = subprocess.run(
        [tool, "--builtin-schema", "vendor.compose-spec", FILE], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


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
    known = {f"{ENV_PREFIX}{field.upper()}" for field in Settings.model_fields}
    for service in SETTINGS:
        prefix = f"{ENV_PREFIX}{service.replace('-', '_').upper()}_"
        known |= {f"{prefix}{field.upper()}" for field in settings_class(service).model_fields}
    assert set(ENVIRONMENT) <= known


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_container_is_confined_like_those_of_docker_compose_yml(name: str) -> None:
    for key in ("read_only", "cap_drop", "security_opt", "pids_limit", "logging"):
        assert CONTAINERS[name][key] == WHOLE["gateway"][key]


def test_the_image_contains_what_the_services_import() -> None:
    modules = ["services.compact.__main__", "services.account.migrate", "services.catalog.loader.__main__"]
    assert imported(*modules) - installed(dockerfile_extras()[COMPACT]) == set()
