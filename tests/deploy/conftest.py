"""What several tests share: each overlay's objects, and one running suite to put something of the deployment before."""

from collections.abc import Iterator

import pytest

from tests.deploy import render
from tests.deploy.workloads import Cluster, overlay
from tests.end_to_end.running import RunningSuite


@pytest.fixture(params=render.OVERLAYS)
def cluster(request: pytest.FixtureRequest) -> Cluster:
    """Of one overlay after the other; nobody changes it."""
    return overlay(request.param)


@pytest.fixture(scope="session")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSuite]:
    with RunningSuite(tmp_path_factory.mktemp("suite")) as running:
        yield running
