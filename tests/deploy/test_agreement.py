"""What many files say of the same services is the same in all of them: names, ports, images, settings, accounts."""

import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from scripts.local.suite import DATASETS
from services.account.settings import AccountSettings, DatabaseSettings
from services.catalog import adapters
from services.catalog.settings import CatalogSettings
from services.common.settings import ENV_PREFIX, ProgramSettings
from services.gateway.settings import GatewaySettings
from services.library.settings import LibrarySettings
from services.spark_connector.settings import SparkSettings
from tests.conftest import ROOT
from tests.deploy import declared_services, render
from tests.deploy.declared_services import NAMES, PORTS
from tests.deploy.workloads import Cluster, Workload, environment, expanded, overlay, references, selects, strings
from tests.end_to_end.suites import run

SETTINGS: Mapping[str, type[ProgramSettings]] = {
    "gateway": GatewaySettings,
    "library": LibrarySettings,
    "account": AccountSettings,
    "account-migrate": DatabaseSettings,
    "spark-connector": SparkSettings,
    **dict.fromkeys(adapters.names(), CatalogSettings),
}
# What a program of one machine is told, and has no use for in a cluster.
ONLY_HERE = {"gke": {"SEEN_IMDB_SAMPLE"}, "small": set[str]()}
# In the place of what only a cluster's Secrets know.
SECRET = {"uris": "mongodb://server", "url": "mysql+pymysql://seen@server/seen"}
INGRESS = "cluster.local/ns/istio-ingress/sa/istio-ingressgateway"
PROMETHEUS = "cluster.local/ns/monitoring/sa/prometheus"

every_overlay = pytest.mark.parametrize("name", render.OVERLAYS)


@pytest.mark.parametrize("place", NAMES)
def test_services_have_the_names_of_their_folders(place: str) -> None:
    assert NAMES[place]() == declared_services.programs(), place


@pytest.mark.parametrize("place", PORTS)
def test_ports_are_those_of_one_machine(place: str) -> None:
    assert PORTS[place]() == declared_services.ports_of_one_machine(), place


def test_prometheus_asks_each_service_of_compose_on_its_metrics_port() -> None:
    assert declared_services.scraped() == {name: metrics for name, (_, metrics) in declared_services.ports_of_one_machine().items()}


@every_overlay
def test_a_service_runs_its_own_image_and_jobs_run_that_of_their_service(name: str) -> None:
    images = {one.name: one.app["image"] for one in overlay(name).workloads if one.kind != "StatefulSet"}
    expected = {service: f"seen/{service}" for service in declared_services.programs()}
    expected["account-migrate"] = "seen/account"
    assert images == expected | {f"loader-{dataset}": f"seen/{dataset}" for dataset in adapters.names()}


@every_overlay
def test_a_program_knows_every_setting_that_it_is_given(name: str) -> None:
    faults = []
    for workload in _programs(overlay(name)):
        # A migration is given what its service is given.
        known = _known(workload.name) | _known(workload.name.removesuffix("-migrate"))
        given = workload.environment.keys() - _of_the_operator(overlay(name))
        faults += [f"{workload}: {variable}" for variable in sorted(given - known)]
    assert faults == []


@every_overlay
def test_a_program_starts_with_what_it_is_given(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file.pem"
    file.touch()
    faults = []
    for workload in _programs(overlay(name)):
        with monkeypatch.context() as patch:
            for variable, value in workload.environment.items():
                here = str(file) if value.startswith("/etc/seen/") else SECRET.get(value.rpartition("/")[2], value)
                patch.setenv(variable, here)
            try:
                SETTINGS[workload.name].from_env()
            except SystemExit:
                faults.append(f"{workload}: {capsys.readouterr().err}")
    assert faults == []


@every_overlay
def test_a_service_is_given_all_that_it_is_given_on_one_machine(name: str) -> None:
    faults = []
    for workload in overlay(name).deployments:
        here = declared_services.one_machine()[workload.name].command.environment.keys()
        missing = here - workload.environment.keys() - ONLY_HERE[name]
        faults += [f"{workload}: {variable}" for variable in sorted(missing)]
    assert faults == []


@every_overlay
@pytest.mark.parametrize("service", ["gateway", "library"])
def test_addresses_are_those_of_one_machine_and_of_compose_by_name(name: str, service: str) -> None:
    by_port = {str(port): one for one, (port, _) in declared_services.ports_of_one_machine().items()}
    for variable, value in declared_services.one_machine()[service].command.environment.items():
        if re.search("_ADDRESS(ES)?$", variable):
            expected = re.sub(r"[\d.]+:(\d+)", lambda found: f"{by_port[found[1]]}:{found[1]}", value)
            given = overlay(name).deployment(service).environment[variable]
            assert (variable, given) == (variable, expected)
            assert (variable, declared_services.compose()[service]["environment"][variable]) == (variable, expected)


@every_overlay
def test_every_value_of_the_operator_is_used_and_none_is_left_to_guess(name: str, tmp_path: Path) -> None:
    for folder in ("k8s", "istio"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    file = tmp_path / "k8s" / "overlays" / name / "operator.env"
    variables = re.findall(r"^(\w+)=", file.read_text(), re.MULTILINE)
    values = {variable: f"the-{variable.lower().replace('_', '-')}" for variable in variables}
    # Its host is used by itself, too.
    file.write_text(
        "".join(
            f"{variable}={'https://' * (variable == 'SEEN_AUTH0_URL')}{value}\n" for variable, value in values.items()
        )
    )
    cluster = Cluster(render.folder(file.parent))

    assert [text for text in strings(cluster.objects) if "your-" in text or "example.com" in text] == []
    read = [*_read_by_programs(cluster), *strings([one for one in cluster.objects if one["kind"] != "ConfigMap"])]
    assert [text for text in _read_by_programs(cluster) if "$(" in text] == []
    assert [variable for variable, value in values.items() if not any(value in text for text in read)] == []


def _read_by_programs(cluster: Cluster) -> Iterator[str]:
    for workload in cluster.workloads:
        known = _known(workload.name) if workload.name in SETTINGS else set[str]()
        yield from (value for variable, value in workload.environment.items() if variable in known)
        for container in workload.containers:
            values = environment(container, cluster.config_maps)
            yield from (expanded(text, values) for text in [*container.get("command", ()), *container.get("args", ())])


@every_overlay
def test_what_is_put_together_for_google_is_whole(name: str) -> None:
    """Addresses made of several values, which a misspelt delimiter would cut short."""
    accounts = {
        found["metadata"]["name"]: found["metadata"]["annotations"]["iam.gke.io/gcp-service-account"]
        for found in overlay(name).of("ServiceAccount")
        if "annotations" in found["metadata"]
    }
    domain = f"{_of_the_operator(overlay(name))['SEEN_PROJECT']}.iam.gserviceaccount.com"
    assert accounts == {one: f"seen-{one}@{domain}" for one in ("loader", "spark-connector")}


@every_overlay
def test_the_script_makes_the_secrets_that_pods_refer_to(name: str) -> None:
    used = {found for one in overlay(name).workloads for _, kind, found in references(one) if kind == "Secret"}
    given: dict[str, Any] = dict.fromkeys(("SEEN_PROJECT", "SEEN_REGION", "SEEN_CLUSTER", "SEEN_CONTEXT"), "any")
    given |= dict.fromkeys((f"SEEN_MONGO_{dataset.upper()}_URIS" for dataset in adapters.names()), SECRET["uris"])
    given |= dict.fromkeys(("SEEN_DATABASE_CA", "SEEN_DATABASE_CERT", "SEEN_DATABASE_KEY"), "/file.pem")
    given["SEEN_DATABASE_URL"] = SECRET["url"]
    plan = run(ROOT / "scripts" / "create_secrets.sh", name, "--dry-run", **given).succeeded().output
    made = {
        f"{secret}{key}"
        for secret, files in re.findall(r"create secret generic (\S+) (.*)", plan)
        for key in ("", *(f"/{key}" for key in re.findall(r"--from-file=([^=]+)=", files)))
    }
    assert sorted(used - made) == [], "scripts/create_secrets.sh does not make these"
    secrets = [{one.partition("/")[0] for one in found} for found in (used, made)]
    assert secrets[0] == secrets[1]


def test_the_accounts_of_google_are_among_those_that_the_scripts_make() -> None:
    made = re.findall(r"\[(seen-[a-z-]+)\]=", (ROOT / "scripts" / "lib" / "cloud.sh").read_text())
    assert {"seen-loader", "seen-spark-connector"} - set(made) == set()


@every_overlay
def test_there_is_everything_for_every_dataset(name: str) -> None:
    datasets = set(adapters.names())
    assert {one.name for one in overlay(name).datasets()} == datasets == {dataset.name for dataset in DATASETS}
    assert overlay(name).names("CronJob") == {f"loader-{dataset}" for dataset in datasets}


@every_overlay
@pytest.mark.parametrize("dataset", adapters.names())
def test_a_load_fetches_the_files_of_its_dataset_and_reads_them(name: str, dataset: str) -> None:
    adapter = adapters.named(dataset)
    (load,) = (one for one in overlay(name).workloads if one.name == f"loader-{dataset}")
    (fetch,) = load.pod["initContainers"]
    *fetched, folder = fetch["command"][3:]
    names = [file.rpartition("/")[2] for file in fetched]
    assert [file.removesuffix(".gz") for file in names] == [
        adapter.source.name,
        *(joined.file.name for joined in adapter.joined),
    ]
    assert fetched == [f"gs://$(SEEN_BUCKET)/{dataset}/{file}" for file in names]
    assert load.app["args"] == ["python", "-m", "services.catalog.loader", dataset, *(folder + file for file in names)]


def test_the_databases_of_one_node_are_those_of_compose() -> None:
    shards = {name.replace("mongod", "mongo") for dataset in DATASETS for name in dataset.mongods()}
    images = {one.name: one.app["image"] for one in overlay("small").workloads if one.kind == "StatefulSet"}
    assert set(images) == {*shards, "mysql"}
    assert images == {name: declared_services.compose()[name]["image"] for name in images}


def test_mysql_begins_with_the_same_tables_in_compose_and_on_one_node() -> None:
    first, second = ROOT / "docker" / "mysql", ROOT / "k8s" / "overlays" / "small" / "databases" / "mysql"
    statements = [
        [line for line in (folder / "account.sql").read_text().splitlines() if not line.startswith("--")]
        for folder in (first, second)
    ]
    assert statements[0] == statements[1]


@every_overlay
def test_the_mesh_lets_through_whom_the_network_lets_through(name: str) -> None:
    """Callers by their service accounts, in Istio's policies; by their addresses' labels, in NetworkPolicies."""
    cluster = overlay(name)
    allowed = {
        (caller, workload.name, port)
        for policy in cluster.of("AuthorizationPolicy")
        if policy["metadata"]["namespace"] == "seen"
        for workload in cluster.deployments
        if selects(policy["spec"].get("selector", {}), workload.labels)
        for rule in policy["spec"].get("rules", ())
        for port in declared_services.ports(rule) or workload.ports.values()
        if port in workload.ports.values()
        for caller in declared_services.principals(rule)
    }
    assert allowed == _calls(cluster)


def _calls(cluster: Cluster) -> set[tuple[str, str, int]]:
    """(service account, service, port) of every call that somebody's settings name, and those from outside."""
    between = {
        (caller.pod["serviceAccountName"], callee, int(port))
        for caller in cluster.deployments
        for variable, value in caller.environment.items()
        if re.search("_ADDRESS(ES)?$", variable)
        for callee, port in re.findall(r"([a-z0-9-]+):(\d+)", value)
    }
    metrics = {(PROMETHEUS, one.name, one.ports["http-metrics"]) for one in cluster.deployments}
    return between | metrics | {(INGRESS, "gateway", cluster.deployment("gateway").ports["http"])}


@every_overlay
def test_the_mesh_knows_the_pods_that_its_policies_and_routes_speak_of(name: str) -> None:
    cluster = overlay(name)
    faults = []
    for found in cluster.of("AuthorizationPolicy"):
        label = f"AuthorizationPolicy {found['metadata']['name']}: spec.selector"
        selector = found["spec"].get("selector", {})
        if found["metadata"]["namespace"] == "seen" and not any(
            selects(selector, one.labels) for one in cluster.deployments
        ):
            faults.append(label)
    for found in cluster.of("VirtualService"):
        for destination in declared_services.destinations(found):
            ports = cluster.deployment(declared_services.service(destination["host"])).ports.values()
            if destination.get("port", {}).get("number", next(iter(ports))) not in ports:
                faults.append(f"VirtualService {found['metadata']['name']}: {destination}")
    assert faults == []


def test_the_prometheus_that_the_services_let_in_is_ours() -> None:
    accounts = {
        f"cluster.local/ns/{found['metadata']['namespace']}/sa/{found['metadata']['name']}"
        for found in render.monitoring()
        if found["kind"] == "ServiceAccount"
    }
    assert PROMETHEUS in accounts


def _programs(cluster: Cluster) -> list[Workload]:
    """What reads settings as a whole; the loader reads two of them by itself."""
    return [one for one in cluster.workloads if one.name in SETTINGS]


def _known(name: str) -> set[str]:
    return {f"{ENV_PREFIX}{field.upper()}" for field in SETTINGS[name].model_fields}


def _of_the_operator(cluster: Cluster) -> Mapping[str, str]:
    (found,) = (one["data"] for name, one in cluster.config_maps.items() if name.startswith("operator-"))
    data: Mapping[str, str] = found
    return data
