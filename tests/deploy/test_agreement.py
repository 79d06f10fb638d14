"""Facts that several deployment files contain are the same in all of them: names, ports, images, settings, accounts."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.local.suite import DATASETS
from services.catalog import datasets
from tests.conftest import ROOT
from tests.deploy import declared_services, render
from tests.deploy.declared_services import LOCAL_ONLY, NAMES, PORTS, SETTINGS, settings_class, variables
from tests.deploy.workloads import Cluster, Workload, environment, expanded, overlay, strings

# Settings of one machine that a cluster does not need.
ONLY_LOCAL = {"gke": {"SEEN_IMDB_SAMPLE"}, "small": set[str]()}
# Stand for values that only a cluster's Secrets contain.
SECRET_VALUES = {"uris": "mongodb://server", "url": "mysql+pymysql://seen@server/seen"}

every_overlay = pytest.mark.parametrize("name", render.OVERLAYS)


@pytest.mark.parametrize("file", NAMES)
def test_every_list_of_services_has_the_folders_of_services(file: str) -> None:
    assert NAMES[file](ROOT) == declared_services.services(), f"{file} differs from the folders of services/"


@pytest.mark.parametrize("file", PORTS)
def test_ports_are_those_of_the_local_suite(file: str) -> None:
    assert PORTS[file](ROOT) == declared_services.local_ports(), f"{file} differs from scripts/local/suite.py"


def test_prometheus_scrapes_the_metrics_port_of_each_compose_service() -> None:
    metrics_ports = {name: metrics for name, (_, metrics) in declared_services.local_ports().items()}
    assert declared_services.scraped_ports() == metrics_ports


def test_docker_bake_builds_the_images_of_compose() -> None:
    images = {service["image"] for service in declared_services.compose().values()}
    assert {f"seen/{name}:dev" for name in declared_services.baked_images()} == {
        image for image in images if image.startswith("seen/")
    }


def test_a_workload_runs_the_image_of_its_service(cluster: Cluster) -> None:
    images = {workload.name: workload.app["image"] for workload in cluster.workloads if workload.kind != "StatefulSet"}
    expected = {workload.name: f"seen/{workload.name}" for workload in cluster.deployments} | {
        "account-migrate": "seen/account"
    }
    assert images == expected | {f"loader-{dataset}": f"seen/{dataset}" for dataset in cluster.datasets}


def test_settings_in_a_cluster_exist(cluster: Cluster) -> None:
    faults = []
    for workload in _with_settings(cluster):
        # The migration gets all settings of its service.
        settings = variables(workload.name).keys() | variables(workload.name.removesuffix("-migrate")).keys()
        in_cluster = workload.environment.keys() - cluster.operator_values.keys()
        faults += [f"{workload}: there is no setting {variable}" for variable in sorted(in_cluster - settings)]
    assert faults == []


@every_overlay
def test_settings_in_a_cluster_are_complete_and_valid(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file.pem"
    file.touch()
    faults = []
    for workload in _with_settings(overlay(name)):
        with monkeypatch.context() as patch:
            for variable, value in workload.environment.items():
                is_file = value.startswith("/etc/seen/")
                patch.setenv(variable, str(file) if is_file else SECRET_VALUES.get(value.rpartition("/")[2], value))
            try:
                settings_class(workload.name).from_env()
            except SystemExit:
                faults.append(f"{workload}: {capsys.readouterr().err}")
    assert faults == []


@every_overlay
def test_a_cluster_sets_what_the_local_suite_sets(name: str) -> None:
    faults = []
    for workload in overlay(name).deployments:
        local = declared_services.local_processes()[workload.name].command.environment.keys()
        missing = local - workload.environment.keys() - ONLY_LOCAL[name]
        faults += [f"{workload}: {variable} is not set" for variable in sorted(missing)]
    assert faults == []


@every_overlay
def test_addresses_are_those_of_the_local_suite_with_service_names(name: str) -> None:
    """test_compose.py compares the addresses in docker-compose.yml."""
    for workload in overlay(name).deployments:
        for variable, value in declared_services.settings_with_service_names(workload.name).items():
            if re.search("_ADDRESS(ES)?$", variable):
                assert (variable, workload.environment[variable]) == (variable, value)


@every_overlay
def test_every_operator_value_is_used_and_no_placeholder_remains(name: str, tmp_path: Path) -> None:
    for folder in ("k8s", "istio"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    file = tmp_path / "k8s" / "overlays" / name / "operator.env"
    names = re.findall(r"^(\w+)=", file.read_text(), re.MULTILINE)
    values = {variable: f"the-{variable.lower().replace('_', '-')}" for variable in names}
    # The host of this URL is used alone, too.
    file.write_text(
        "".join(
            f"{variable}={'https://' * (variable == 'SEEN_AUTH0_URL')}{value}\n" for variable, value in values.items()
        )
    )
    cluster = Cluster(render.folder(file.parent))

    assert [text for text in strings(cluster.objects) if "your-" in text or "example.com" in text] == []
    read = [
        *_texts_read_by_services(cluster),
        *strings([manifest for manifest in cluster.objects if manifest["kind"] != "ConfigMap"]),
    ]
    assert [text for text in _texts_read_by_services(cluster) if "$(" in text] == []
    assert [variable for variable, value in values.items() if not any(value in text for text in read)] == []


def _texts_read_by_services(cluster: Cluster) -> Iterator[str]:
    for workload in cluster.workloads:
        settings = variables(workload.name) if workload in _with_settings(cluster) else {}
        yield from (value for variable, value in workload.environment.items() if variable in settings)
        for container in workload.containers:
            values = environment(container, cluster.config_maps)
            yield from (expanded(text, values) for text in [*container.get("command", ()), *container.get("args", ())])


def test_google_accounts_are_built_from_the_project(cluster: Cluster) -> None:
    accounts = {
        manifest["metadata"]["name"]: manifest["metadata"]["annotations"]["iam.gke.io/gcp-service-account"]
        for manifest in cluster.of_kind("ServiceAccount")
        if "annotations" in manifest["metadata"]
    }
    domain = f"{cluster.operator_values['SEEN_PROJECT']}.iam.gserviceaccount.com"
    assert accounts == {name: f"seen-{name}@{domain}" for name in ("loader", "spark-connector")}


def test_the_scripts_create_the_google_accounts_of_the_manifests() -> None:
    created = re.findall(r"\[(seen-[a-z-]+)\]=", (ROOT / "scripts" / "lib" / "cloud.sh").read_text())
    assert {"seen-loader", "seen-spark-connector"} - set(created) == set()


def test_every_adapter_has_an_entry_in_the_local_suite() -> None:
    assert {dataset.name for dataset in DATASETS} == set(datasets.names())


def test_every_dataset_has_a_loader(cluster: Cluster) -> None:
    assert cluster.names("CronJob") == {f"loader-{dataset}" for dataset in cluster.datasets}


@every_overlay
@pytest.mark.parametrize("dataset", datasets.names())
def test_a_loader_downloads_and_reads_the_files_of_its_dataset(name: str, dataset: str) -> None:
    adapter = datasets.get_adapter(dataset)
    (loader,) = (workload for workload in overlay(name).workloads if workload.name == f"loader-{dataset}")
    (fetch,) = loader.pod["initContainers"]
    *urls, folder = fetch["command"][3:]
    files = [url.rpartition("/")[2] for url in urls]
    expected = [adapter.source.name, *(joined.file.name for joined in adapter.joined)]
    assert [file.removesuffix(".gz") for file in files] == expected
    assert urls == [f"gs://$(SEEN_BUCKET)/{dataset}/{file}" for file in files]
    command = ["python", "-m", "services.catalog.loader", dataset]
    assert loader.app["args"] == [*command, *(folder + file for file in files)]


def test_the_overlay_small_has_the_database_servers_of_compose() -> None:
    shards = {name.replace("mongod", "mongo") for dataset in DATASETS for name in dataset.mongods()}
    images = {
        workload.name: workload.app["image"]
        for workload in overlay("small").workloads
        if workload.kind == "StatefulSet"
    }
    assert set(images) == {*shards, "mysql"}
    assert images == {name: declared_services.compose()[name]["image"] for name in images}


def _with_settings(cluster: Cluster) -> list[Workload]:
    """The workloads that read a settings class; loaders read two variables themselves."""
    services = {*SETTINGS, *cluster.datasets} - {LOCAL_ONLY}
    return [workload for workload in cluster.workloads if workload.name in services]
