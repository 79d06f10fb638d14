"""docker-compose.yml: what it says agrees with the programs, and each container may do as little as possible."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.local.suite import DATASETS, Dataset
from services.account.settings import AccountSettings, DatabaseSettings
from services.catalog.settings import CatalogSettings
from services.common.settings import ENV_PREFIX, ProgramSettings
from services.gateway.settings import GatewaySettings
from services.library.settings import LibrarySettings
from services.local_auth0.settings import LocalAuth0Settings
from services.spark_connector.settings import SparkSettings

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"
COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]

SETTINGS: dict[str, type[ProgramSettings]] = {
    "gateway": GatewaySettings,
    "library": LibrarySettings,
    "account": AccountSettings,
    **dict.fromkeys(("book", "imdb", "anime"), CatalogSettings),
    "spark-connector": SparkSettings,
    "local-auth0": LocalAuth0Settings,
}
DATABASES = {"mongo-book", "mongo-imdb-1", "mongo-imdb-2", "mongo-anime", "mysql"}
BEFORE = {"certificates", "account-migrate", "loader-book", "loader-imdb", "loader-anime"}
MONITORS = {"prometheus", "grafana"}
SERVERS = {*SETTINGS, *DATABASES, *MONITORS, "locust"}
# Port on this machine, and in which container it ends. Locust's page is where its network is.
PUBLISHED = {8080: "gateway", 8081: "local-auth0", 8089: "local-auth0", 9090: "prometheus", 3000: "grafana"}


def networks(name: str) -> set[str]:
    return set(SERVICES[name].get("networks", ()))


def test_it_is_what_compose_reads() -> None:
    tool = shutil.which("check-jsonschema", path=str(Path(sys.executable).parent))
    assert tool, "there is no check-jsonschema: ./scripts/test.sh installs it"
    said = subprocess.run(
        [tool, "--builtin-schema", "vendor.compose-spec", FILE], capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stdout


def test_it_has_every_program_and_database_and_nothing_unexpected() -> None:
    assert set(SERVICES) == SERVERS | BEFORE | {"test"}
    by_profile = {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service}
    assert by_profile == {
        "prometheus": ["monitoring"],
        "grafana": ["monitoring"],
        "locust": ["locust"],
        "test": ["test"],
    }


@pytest.mark.parametrize("name", [*SETTINGS, "test", "locust"])
def test_an_image_is_built_for_who_it_is_named_after(name: str) -> None:
    service = SERVICES[name]
    assert service["image"] == f"seen/{name}:dev"
    assert service["build"]["args"] == {"SERVICE": name}
    assert service["build"].get("target") == (None if name in SETTINGS else name)


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_may_do_little(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"mem_limit", "cpus", "pids_limit", "logging"} <= set(service)
    assert {"privileged", "pid", "ipc", "devices", "user"} & set(service) == set()
    # What it takes to give files to a user and to become that user.
    may = {"CHOWN", "DAC_OVERRIDE", "KILL", "SETGID", "SETUID"} if name in DATABASES | {"certificates"} else set()
    assert set(service.get("cap_add", ())) <= may


@pytest.mark.parametrize("name", sorted(SERVERS))
def test_a_server_comes_back_and_says_how_it_is(name: str) -> None:
    service = SERVICES[name]
    assert service["restart"] == "unless-stopped"
    # Our own images say how they are asked.
    assert ("test" in service["healthcheck"]) == (name not in SETTINGS)


def test_what_ends_is_waited_for_by_who_needs_it_so_that_up_wait_does_not_take_its_end_for_a_failure() -> None:
    awaited = {
        needed
        for service in SERVICES.values()
        for needed, how in service.get("depends_on", {}).items()
        if how["condition"] == "service_completed_successfully"
    }
    assert awaited == BEFORE
    assert {name for name in BEFORE if "restart" in SERVICES[name]} == set()


def test_what_is_needed_is_well_before_who_needs_it() -> None:
    for service in SERVICES.values():
        for needed, how in service.get("depends_on", {}).items():
            expected = "service_completed_successfully" if needed in BEFORE else "service_healthy"
            assert how == {"condition": expected}, needed


def test_ports_are_published_on_loopback_only_and_where_somebody_listens() -> None:
    found = {}
    for name, service in SERVICES.items():
        for port in service.get("ports", ()):
            address, _, inside = port.partition(":")
            number = inside.partition(":")[0]
            assert (address, inside) == ("127.0.0.1", f"{number}:{number}"), f"{name}: {port}"
            found[int(number)] = name
    assert found == PUBLISHED
    for name, port in (("gateway", 8080), ("local-auth0", 8081)):
        assert SERVICES[name]["environment"]["SEEN_PORT"] == port


@pytest.mark.parametrize("name", [*SETTINGS, *sorted(BEFORE - {"certificates"})])
def test_a_program_is_given_every_setting_that_it_needs_and_none_that_it_does_not_know(name: str) -> None:
    settings = DatabaseSettings if name == "account-migrate" else SETTINGS[name.removeprefix("loader-")]
    given = set(SERVICES[name]["environment"])
    known = {f"{ENV_PREFIX}{field.upper()}": field for field in settings.model_fields}
    assert given - set(known) == set()
    needed = {variable for variable, field in known.items() if settings.model_fields[field].is_required()}
    assert needed - given == set()


def test_the_variables_of_the_tests_and_of_locust_are_read_by_them() -> None:
    for name, code in (("test", ROOT / "tests" / "end_to_end"), ("locust", ROOT / "load" / "locust_users")):
        read = "".join(path.read_text() for path in code.glob("*.py"))
        for variable in SERVICES[name]["environment"]:
            assert variable in read, f"{name} does not read {variable}"


@pytest.mark.parametrize("name", SETTINGS)
def test_an_address_is_that_of_a_container_in_a_network_with_it(name: str) -> None:
    text = " ".join(str(value) for value in SERVICES[name]["environment"].values())
    addresses = re.findall(r"([a-z0-9-]+):(\d{4,5})\b", text)
    hosts = re.findall(r"(?:mongodb://|@)([a-z0-9-]+)/", text)
    for host, port in addresses:
        if host == "localhost":  # as a browser sees it
            assert int(port) in PUBLISHED
        else:
            assert int(port) == SERVICES[host]["environment"]["SEEN_PORT"]
            assert networks(host) & networks(name)
    for host in hosts:
        assert networks(host) & networks(name)


@pytest.mark.parametrize("name", ["test", "locust"])
def test_who_acts_as_a_browser_finds_auth0_under_the_address_that_the_gateway_sends_browsers_to(name: str) -> None:
    auth0_url = SERVICES["gateway"]["environment"]["SEEN_AUTH0_URL"]
    assert auth0_url == "http://localhost:8081"
    assert auth0_url in SERVICES[name]["environment"].values()
    assert SERVICES[name]["network_mode"] == "service:local-auth0"


def test_ports_are_those_of_one_machine() -> None:
    for name in set(SETTINGS) - {"local-auth0"}:
        environment = SERVICES[name]["environment"]
        port, metrics = environment["SEEN_PORT"], environment["SEEN_METRICS_PORT"]
        assert metrics == (9080 if name == "gateway" else port - 50_000 + 9_000)


def test_a_database_is_reached_by_its_own_service_alone_and_nobody_from_there_reaches_the_internet() -> None:
    friends = {"mysql": {"account", "account-migrate"}}
    for database in DATABASES:
        dataset = database.split("-")[1] if database.startswith("mongo-") else ""
        (network,) = networks(database)
        others = {name for name in SERVICES if network in networks(name)} - DATABASES
        assert others == friends.get(database, {dataset, f"loader-{dataset}"})
        assert COMPOSE["networks"][network] == {"internal": True}


@pytest.mark.parametrize("dataset", DATASETS, ids=lambda dataset: dataset.name)
def test_the_sample_and_the_shards_are_those_of_one_machine(dataset: Dataset) -> None:
    files = [f"services/{dataset.name}/sample/{name}" for name in dataset.sample]
    assert SERVICES[f"loader-{dataset.name}"]["command"] == [dataset.name, *files]
    uris = SERVICES[dataset.name]["environment"]["SEEN_MONGO_URIS"].split(",")
    assert [re.findall("//(.*)/", uri)[0] for uri in uris] == [
        name.replace("mongod", "mongo") for name in dataset.mongods()
    ]
    assert f"{dataset.type}={dataset.name}:{dataset.port}" in SERVICES["library"]["environment"][
        "SEEN_CATALOG_ADDRESSES"
    ].split(",")


def test_volumes_are_declared_and_used_and_files_are_there() -> None:
    used = set()
    for name, service in SERVICES.items():
        for volume in service.get("volumes", ()):
            source = re.sub(r"\$\{\w+:-(.*?)\}", r"\1", volume).split(":")[0]
            if source.startswith("./"):
                assert (ROOT / source).exists(), f"{name}: {source}"
                assert volume.endswith(":ro"), f"{name}: {source}"
            else:
                used.add(source)
    assert used == set(COMPOSE["volumes"])


def test_the_readme_names_services_and_profiles_that_there_are() -> None:
    commands = re.findall(r"^docker compose .*", (ROOT / "README.md").read_text(), re.MULTILINE)
    profiles = {profile for service in SERVICES.values() for profile in service.get("profiles", ())}
    for command in commands:
        assert set(re.findall(r"--profile (\S+)", command)) <= profiles, command
        if run := re.search(r" run (?:-\S+ (?:\"\S+\" )?)*([a-z-]+)", command):
            assert run[1] in SERVICES, command


def test_it_holds_no_password() -> None:
    assert re.findall(r"(?i)\w*(?:password|secret)\w*: .+|://[^/@\s]+:[^/@\s]+@", yaml.dump(COMPOSE)) == []
