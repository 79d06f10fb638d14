"""The questions' parameters are defined in queries.py; the REST specification repeats them."""

from typing import Any

import pytest
import yaml

from services.spark_connector.queries import BEST_DIRECTOR
from tests.conftest import ROOT

SPECIFICATION = "services/gateway/openapi/spark.yaml"


def parameters(method: str) -> dict[str, Any]:
    operation = yaml.safe_load((ROOT / SPECIFICATION).read_text())["paths"]["/bestDirector"][method]
    return {parameter["name"]: parameter["schema"] for parameter in operation["parameters"] if "name" in parameter}


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("name", BEST_DIRECTOR.parameters)
def test_the_specification_has_the_limits_of_queries_py(method: str, name: str) -> None:
    parameter = BEST_DIRECTOR.parameters[name]
    schema = parameters(method)[parameter.rest_name]
    assert (schema["minimum"], schema["maximum"], schema["default"]) == (1, parameter.maximum, parameter.default), (
        f"{parameter.rest_name} differs: {method} in {SPECIFICATION}, and services/spark_connector/queries.py"
    )


def test_zero_means_the_default() -> None:
    assert BEST_DIRECTOR.query(min_films=0, min_votes=0) == BEST_DIRECTOR.query(min_films=10, min_votes=10_000)
