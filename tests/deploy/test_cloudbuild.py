"""cloudbuild.yaml and docker-bake.hcl, which test, build and deploy commits on the branch `deploy`."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.deploy import programs
from tests.deploy.declared_services import baked_images
from tests.deploy.fake_commands import OPERATOR

BUILD: dict[str, Any] = yaml.safe_load((ROOT / "cloudbuild.yaml").read_text())
STEPS: dict[str, dict[str, Any]] = {step["id"]: step for step in BUILD["steps"]}
BAKE = (ROOT / "docker-bake.hcl").read_text()
# Substitutions of Cloud Build itself.
BUILT_IN = {"PROJECT_ID", "COMMIT_SHA"}


def text(step: dict[str, Any]) -> str:
    """The step as a single string."""
    return json.dumps(step)


def before(name: str) -> Iterator[str]:
    """The steps that have succeeded when this one starts."""
    for earlier in STEPS[name].get("waitFor", []):
        yield earlier
        yield from before(earlier)


def test_the_file_matches_the_schema_of_cloud_build() -> None:
    programs.check("check-jsonschema", "--builtin-schema", "vendor.cloudbuild", ROOT / "cloudbuild.yaml")


def test_a_step_waits_only_for_earlier_steps() -> None:
    earlier: set[str] = set()
    for step in BUILD["steps"]:
        assert {*step.get("waitFor", [])} <= earlier, step["id"]
        earlier.add(step["id"])
    assert len(earlier) == len(BUILD["steps"])


def test_every_later_step_has_a_dependency_and_every_step_a_timeout() -> None:
    assert all(step.get("waitFor") for step in BUILD["steps"][1:])
    assert all(re.fullmatch(r"\d+s", step["timeout"]) for step in BUILD["steps"])
    assert not [name for name, step in STEPS.items() if step.get("allowFailure") or step.get("allowExitCodes")]


def test_the_deployment_waits_for_all_tests() -> None:
    assert {*before("deploy")} == {*STEPS} - {"deploy"}
    assert STEPS["tests"]["args"] == ["scripts/test.sh", "tests/unit", "tests/integration", "tests/deploy"]
    assert "docker compose run" in text(STEPS["end-to-end"])


def test_images_are_built_in_parallel_with_the_unit_and_integration_tests() -> None:
    assert "tests" not in {*before("images")}
    assert "images" not in {*before("tests")}


@pytest.mark.parametrize("step", STEPS)
def test_every_substitution_is_declared(step: str) -> None:
    # $$NAME is a variable of the shell.
    used = {*re.findall(r"(?<!\$)\$\{?([A-Z_][A-Z0-9_]*)", text(STEPS[step]))}
    assert used <= {*BUILD["substitutions"]} | BUILT_IN


def test_every_substitution_is_used() -> None:
    build = text({"steps": BUILD["steps"], "substitutions": [*BUILD["substitutions"].values()]})
    assert [name for name in BUILD["substitutions"] if f"${name}" not in build and f"${{{name}}}" not in build] == []


def test_the_first_step_writes_every_operator_variable() -> None:
    written = dict(re.findall(r"^(SEEN_\w+)=\$(\w+)$", STEPS["settings"]["args"][1], re.MULTILINE))
    assert written == {name: name.replace("SEEN", "") for name in OPERATOR} | {"SEEN_PROJECT": "PROJECT_ID"}


def test_the_trigger_sets_every_substitution_without_a_default() -> None:
    script = (ROOT / "scripts" / "create_trigger.sh").read_text()
    variables = re.search(r"substituted=\((.*?)\)", script, re.DOTALL)
    assert variables
    empty = {name for name, value in BUILD["substitutions"].items() if not value}
    assert empty <= {name.replace("SEEN", "") for name in variables[1].split()} <= {*BUILD["substitutions"]}


@pytest.mark.parametrize("step", STEPS)
def test_the_paths_in_a_step_exist(step: str) -> None:
    for path in re.findall(r"\b(?:scripts|tests)/[\w./]+", text(STEPS[step])):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("step", STEPS)
def test_the_image_of_a_step_has_a_version(step: str) -> None:
    assert re.fullmatch(r"[a-z0-9./-]+:\d[\w.-]*", STEPS[step]["name"])


def test_the_dockerfile_has_the_targets_and_arguments_of_docker_bake() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    for stage in ("service", "test", "locust"):
        assert re.search(rf"^FROM \S+ AS {stage}$", dockerfile, re.MULTILINE), stage
    assert "ARG SERVICE\n" in dockerfile
    assert "ARG REVISION" in dockerfile
    assert "SERVICE  = image" in BAKE


def test_buildx_resolves_every_image_and_its_cache() -> None:
    docker = programs.need("docker")
    if subprocess.run([docker, "buildx", "version"], capture_output=True, check=False).returncode:
        pytest.skip("docker buildx is not installed")
    registry = "europe-west1-docker.pkg.dev/demo/seen"
    command = [word for word in STEPS["images"]["args"] if word not in ("--builder=seen", "--push")]
    done = subprocess.run(
        [docker, *command, "--print"],
        cwd=ROOT,
        env={**os.environ, "REGISTRY": registry, "COMMIT": "abc"},
        capture_output=True,
        text=True,
        check=True,
    )
    targets = json.loads(done.stdout)["target"]
    assert {*targets} == baked_images()
    for name, target in targets.items():
        assert target["tags"] == [f"{registry}/{name}:abc"]
        assert target["args"] == {"SERVICE": name, "REVISION": "abc"}
        assert target["target"] == (name if name in ("test", "locust") else "service")
        assert target["cache-to"] == [f"type=registry,ref={registry}/{name}:cache,mode=max"]


def settings_step(checkout: Path, **values: str) -> "subprocess.CompletedProcess[str]":
    """Runs the step `settings` with these substitutions and arbitrary values for the others."""
    for name in ("scripts", "k8s", "istio"):
        (checkout / name).symlink_to(ROOT / name)
    substitutions = dict.fromkeys((*BUILD["substitutions"], *BUILT_IN), "any") | {"_OVERLAY": "gke"} | values
    option, script = STEPS["settings"]["args"]
    script = re.sub(r"\$(_?[A-Z]\w*)", lambda name: substitutions[name[1]], script)
    return subprocess.run(["bash", option, script], cwd=checkout, capture_output=True, text=True, check=False)


def test_the_first_step_writes_the_operators_values(tmp_path: Path) -> None:
    assert settings_step(tmp_path, _DOMAIN="seen.demo.org").returncode == 0
    assert "SEEN_DOMAIN=seen.demo.org\n" in (tmp_path / "operator.env").read_text()


@pytest.mark.parametrize(
    ("name", "words"), [("_DOMAIN", "not set: SEEN_DOMAIN"), ("COMMIT_SHA", "--tag needs a value")]
)
def test_a_missing_value_fails_the_first_step(name: str, words: str, tmp_path: Path) -> None:
    done = settings_step(tmp_path, **{name: ""})
    assert done.returncode != 0
    assert words in done.stderr
