"""Shared fixtures: the objects of each overlay, and one running suite."""

import shutil
from collections.abc import Iterator

import pytest

from tests.deploy import render
from tests.deploy.workloads import Cluster, overlay
from tests.end_to_end.suites import LocalSuite


@pytest.fixture(params=[*render.OVERLAYS, *(f"{name} with an added dataset" for name in render.OVERLAYS)])
def cluster(request: pytest.FixtureRequest) -> Cluster:
    """Each overlay, as committed and after scripts/add_dataset.sh. Tests must not modify it."""
    name, _, added = request.param.partition(" ")
    return overlay(name, render.with_added_dataset()) if added else overlay(name)


@pytest.fixture(scope="session")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSuite]:
    with LocalSuite(tmp_path_factory.mktemp("suite")) as running:
        yield running


def pytest_unconfigure() -> None:
    if render.with_added_dataset.cache_info().currsize:
        shutil.rmtree(render.with_added_dataset())
