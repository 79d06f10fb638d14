"""Shared fixtures: the objects of each overlay, one running suite, and the cloud scripts with fake commands."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy import render, workloads
from tests.deploy.cloud_scripts import Operator, create_certificate
from tests.deploy.fake_commands import FakeCommands
from tests.deploy.workloads import Cluster, overlay
from tests.end_to_end.suites import LocalSuite

OVERLAYS = [*render.OVERLAYS, *(f"{name} with an added dataset" for name in render.OVERLAYS)]
MONITORING = "monitoring"


@pytest.fixture(params=OVERLAYS)
def cluster(request: pytest.FixtureRequest) -> Cluster:
    """Each overlay, as committed and after scripts/add_dataset.sh. Tests must not modify it."""
    return _cluster(request.param)


@pytest.fixture(params=[*OVERLAYS, MONITORING])
def any_cluster(request: pytest.FixtureRequest) -> Cluster:
    """Also the objects of k8s/monitoring, which every cluster has in addition."""
    return workloads.monitoring() if request.param == MONITORING else _cluster(request.param)


def _cluster(name: str) -> Cluster:
    name, _, added = name.partition(" ")
    return overlay(name, render.with_added_dataset()) if added else overlay(name)


@pytest.fixture(scope="session")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSuite]:
    with LocalSuite(tmp_path_factory.mktemp("suite")) as running:
        yield running


@pytest.fixture(scope="session")
def certificate_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate of seen.demo.org and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    create_certificate(folder, "seen.demo.org")
    return folder


@pytest.fixture(scope="session")
def operator(tmp_path_factory: pytest.TempPathFactory, certificate_folder: Path) -> Operator:
    return Operator(FakeCommands(tmp_path_factory.mktemp("commands")), certificate_folder)


def pytest_unconfigure() -> None:
    if render.with_added_dataset.cache_info().currsize:
        shutil.rmtree(render.with_added_dataset())
