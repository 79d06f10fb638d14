"""Calls each operation with what the specification allows and forbids, and holds the answers against it."""

import asyncio
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import pytest

from tests.integration.gateway.conftest import Gateway

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_the_gateway_does_what_its_specification_says(gateway: Gateway, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).parent / "schemathesis",
        "run",
        f"{gateway.url}/openapi.json",
        f"--header=Authorization: Bearer {gateway.provider.admin()}",
        "--phases=examples,coverage,fuzzing",
        "--max-examples=5",
        "--workers=2",
        "--seed=1",  # a test that fails must fail again
        "--generation-database=none",
        "--no-color",
        cwd=tmp_path,
        stdout=PIPE,
        stderr=STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    assert len(gateway.fakes.asked) > 100
