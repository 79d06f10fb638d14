"""docker-compose.yml matches the services' settings and gives each container the least privileges."""

import re
from typing import Any

import pytest
import yaml

from scripts.local.suite import AUTH0, DATASETS, GATEWAY, Dataset
from tests.conftest import ROOT
from tests.deploy import programs
from tests.deploy.declared_services import all_services, settings_class, settings_with_service_names, variables

FILE = ROOT / "docker-compose.yml"
COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]

OURS = sorted(all_services())
LOADERS = {f"loader-{dataset.name}" for dataset in DATASETS}
DATABASES = {name.replace("mongod", "mongo") for dataset in DATASETS for name in dataset.mongods()} | {"mysql"}
# Containers that run to completion before the servers start.
JOBS = {"certificates", "account-migrate", *LOADERS}
MONITORING = {"prometheus", "grafana"}
SERVERS = {*OURS, *DATABASES, *MONITORING, "locust"}
# By port: the container that publishes it. Locust shares the network of local-auth0.
PUBLISHED = {GATEWAY: "gateway", AUTH0: "local-auth0", 8089: "local-auth0", 9090: "prometheus", 3000: "grafana"}


# Settings whose values are folders and addresses of this machine in the local suite.
OTHER_IN_CONTAINERS = {
    "SEEN_HOST",
    "SEEN_DATABASE_URL",
    "SEEN_IMDB_FILES",
    "SEEN_IMDB_SAMPLE",
    "SEEN_RATINGS",
    "SEEN_RESULTS",
    "SEEN_STATE_DIR",
}


def networks(name: str) -> set[str]:
    return set(SERVICES[name].get("networks", ()))


def test_both_compose_files_match_the_compose_schema() -> None:
    files = (FILE, ROOT / "docker-compose.compact.yml")
    programs.check("check-jsonschema", "--builtin-schema", "vendor.compose-spec", *files)


def test_it_contains_the_services_databases_and_tools() -> None:
    assert set(SERVICES) == SERVERS | JOBS | {"test"}
    by_profile = {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service}
    assert by_profile == {
        "prometheus": ["monitoring"],
        "grafana": ["monitoring"],
        "locust": ["locust"],
        "test": ["test"],
    }


@pytest.mark.parametrize("name", [*OURS, "test", "locust"])
def test_images_are_named_after_their_service(name: str) -> None:
    service = SERVICES[name]
    assert service["image"] == f"seen/{name}:dev"
    assert service["build"]["args"] == {"SERVICE": name}
    assert service["build"].get("target") == (None if name in OURS else name)


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_has_the_least_privileges(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"mem_limit", "cpus", "pids_limit", "logging"} <= set(service)
    assert {"privileged", "pid", "ipc", "devices", "user"} & set(service) == set()
    # Needed to change the owner of files and to switch to that user.
    allowed = {"CHOWN", "DAC_OVERRIDE", "KILL", "SETGID", "SETUID"} if name in DATABASES | {"certificates"} else set()
    assert set(service.get("cap_add", ())) <= allowed


@pytest.mark.parametrize("name", sorted(SERVERS))
def test_a_server_restarts_and_has_a_health_check(name: str) -> None:
    service = SERVICES[name]
    assert service["restart"] == "unless-stopped"
    # Our own images contain the test.
    assert ("test" in service["healthcheck"]) == (name not in OURS)


def test_every_job_is_a_dependency_so_that_up_wait_does_not_treat_its_end_as_a_failure() -> None:
    awaited = {
        needed
        for service in SERVICES.values()
        for needed, how in service.get("depends_on", {}).items()
        if how["condition"] == "service_completed_successfully"
    }
    assert awaited == JOBS
    assert {name for name in JOBS if "restart" in SERVICES[name]} == set()


def test_dependencies_are_completed_or_healthy() -> None:
    for service in SERVICES.values():
        for needed, how in service.get("depends_on", {}).items():
            expected = "service_completed_successfully" if needed in JOBS else "service_healthy"
            assert how == {"condition": expected}, needed


def test_ports_are_published_on_loopback_only() -> None:
    published = {}
    for name, service in SERVICES.items():
        for port in service.get("ports", ()):
            address, _, inside = port.partition(":")
            number = inside.partition(":")[0]
            assert (address, inside) == ("127.0.0.1", f"{number}:{number}"), f"{name}: {port}"
            published[int(number)] = name
    assert published == PUBLISHED


@pytest.mark.parametrize("name", [*OURS, "account-migrate", *sorted(LOADERS)])
def test_settings_are_complete_and_exist(name: str) -> None:
    service = name.removeprefix("loader-")
    in_compose, settings = set(SERVICES[name]["environment"]), variables(service)
    assert in_compose - set(settings) == set()
    fields = settings_class(service).model_fields
    required = {variable for variable, field in settings.items() if fields[field].is_required()}
    assert required - in_compose == set()


def test_the_tests_and_locust_read_their_variables() -> None:
    for name, code in (("test", ROOT / "tests" / "end_to_end"), ("locust", ROOT / "load" / "locust_users")):
        read = "".join(path.read_text() for path in code.glob("*.py"))
        for variable in SERVICES[name]["environment"]:
            assert variable in read, f"{name} does not read {variable}"


@pytest.mark.parametrize("name", OURS)
def test_addresses_are_those_of_containers_in_the_same_network(name: str) -> None:
    text = " ".join(str(value) for value in SERVICES[name]["environment"].values())
    addresses = re.findall(r"([a-z0-9-]+):(\d{4,5})\b", text)
    hosts = re.findall(r"(?:mongodb://|@)([a-z0-9-]+)/", text)
    for host, port in addresses:
        if host == "localhost":  # for browsers
            assert int(port) in PUBLISHED
        else:
            assert int(port) == SERVICES[host]["environment"]["SEEN_PORT"]
            assert networks(host) & networks(name)
    for host in hosts:
        assert networks(host) & networks(name)


@pytest.mark.parametrize("name", ["test", "locust"])
def test_the_tests_and_locust_reach_auth0_at_the_address_for_browsers(name: str) -> None:
    auth0_url = SERVICES["gateway"]["environment"]["SEEN_AUTH0_URL"]
    assert auth0_url == "http://localhost:8081"
    assert auth0_url in SERVICES[name]["environment"].values()
    assert SERVICES[name]["network_mode"] == "service:local-auth0"


def test_a_database_shares_an_internal_network_only_with_its_own_service() -> None:
    clients = {"mysql": {"account", "account-migrate"}}
    for database in DATABASES:
        dataset = database.split("-")[1] if database.startswith("mongo-") else ""
        (network,) = networks(database)
        others = {name for name in SERVICES if network in networks(name)} - DATABASES
        assert others == clients.get(database, {dataset, f"loader-{dataset}"})
        assert COMPOSE["networks"][network] == {"internal": True}


@pytest.mark.parametrize("name", OURS)
def test_settings_have_the_values_of_the_local_suite(name: str) -> None:
    expected = {
        variable: value
        for variable, value in settings_with_service_names(name).items()
        if variable not in OTHER_IN_CONTAINERS
    }
    in_compose = {variable: str(value) for variable, value in SERVICES[name]["environment"].items()}
    assert {variable: in_compose.get(variable) for variable in expected} == expected


@pytest.mark.parametrize("dataset", DATASETS, ids=lambda dataset: dataset.name)
def test_the_sample_is_that_of_the_local_suite(dataset: Dataset) -> None:
    files = [f"services/{dataset.name}/sample/{name}" for name in dataset.sample]
    assert SERVICES[f"loader-{dataset.name}"]["command"] == [dataset.name, *files]


def test_volumes_are_declared_and_mounted_files_exist() -> None:
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


def test_documented_commands_name_existing_services_and_profiles() -> None:
    documents = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), ROOT / "k8s" / "monitoring" / "README.md"]
    text = "\n".join(document.read_text() for document in documents)
    commands = re.findall(r"^(?:\$ )?(docker compose .*)", text, re.MULTILINE)
    assert commands
    profiles = {profile for service in SERVICES.values() for profile in service.get("profiles", ())}
    for command in commands:
        assert set(re.findall(r"--profile (\S+)", command)) <= profiles, command
        if run := re.search(r" run (?:-\S+ (?:\"\S+\" )?)*([a-z-]+)", command):
            assert run[1] in SERVICES, command


def test_it_contains_no_password() -> None:
    assert re.findall(r"(?i)\w*(?:password|secret)\w*: .+|://[^/@\s]+:[^/@\s]+@", yaml.dump(COMPOSE)) == []
