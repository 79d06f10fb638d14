"""Schemathesis sends requests generated from the OpenAPI document; every response must conform to it.

Invalid requests must be refused and valid ones accepted, with the exceptions below. This file is also the module of
hooks that Schemathesis loads.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from schemathesis.specs.openapi.checks import positive_data_acceptance

from scripts.local.suite import ROOT
from tests.end_to_end.suites import LocalSuite, run

# Why a request that conforms to the document may get status 400, by the last part of the field in the response.
EXCEPTIONS = {
    "id": "an unknown id, or an id with a shard's character for a dataset without shards, or the reverse",
    "cursor": "a cursor that this list has not returned",
    "page": "a page past the last one",
    "username": "a character outside ASCII that is not a letter, mark or digit",
}


@schemathesis.check
def valid_requests_are_accepted(ctx: Any, response: Any, case: Any) -> bool | None:
    if response.status_code == 400 and _fields(response) <= EXCEPTIONS.keys():
        return None
    return positive_data_acceptance(ctx, response, case)


def _fields(response: Any) -> set[str]:
    return {error["field"].rpartition(".")[2] for error in response.json()["errors"]}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSuite]:
    """A suite for this module alone: Schemathesis deletes items whose ids it has read from responses."""
    with LocalSuite(tmp_path_factory.mktemp("schemathesis")) as suite:
        yield suite


@pytest.mark.own_suite
@pytest.mark.parametrize(
    ("username", "phases"), [(None, "coverage"), ("ana", "coverage"), ("admin", "examples,coverage,fuzzing")]
)
def test_requests_generated_from_the_document_are_answered_as_documented(
    own: LocalSuite, username: str | None, phases: str, tmp_path: Path
) -> None:
    authorization = [f"--header=Authorization: Bearer {own.token(username)}"] if username else []
    run(
        Path(sys.executable).parent / "schemathesis",
        "run",
        f"{own.url}/openapi.json",
        *authorization,
        f"--phases={phases}",
        "--checks=all",
        "--exclude-checks=positive_data_acceptance",  # it is in valid_requests_are_accepted
        "--max-examples=1",
        "--seed=1",  # failures must be reproducible
        "--generation-database=none",
        "--no-color",
        folder=tmp_path,
        PYTHONPATH=str(ROOT),
        SCHEMATHESIS_HOOKS="tests.end_to_end.test_schemathesis",
    ).succeeded()
