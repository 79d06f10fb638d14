"""cloudbuild.yaml and docker-bake.hcl: what a commit on the branch `deploy` sets going."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.deploy import render
from tests.deploy.fake_commands import OPERATOR

BUILD: dict[str, Any] = yaml.safe_load((ROOT / "cloudbuild.yaml").read_text())
STEPS: dict[str, dict[str, Any]] = {step["id"]: step for step in BUILD["steps"]}
BAKE = (ROOT / "docker-bake.hcl").read_text()
# What Cloud Build itself puts in.
GIVEN = {"PROJECT_ID", "COMMIT_SHA"}


def text(step: dict[str, Any]) -> str:
    """All that a step says."""
    return json.dumps(step)


def before(name: str) -> Iterator[str]:
    """The steps that have succeeded when this one begins."""
    for earlier in STEPS[name].get("waitFor", []):
        yield earlier
        yield from before(earlier)


def baked() -> set[str]:
    """The images of docker-bake.hcl."""
    matrix = re.search(r"matrix = \{\s*image = \[(.*?)\]", BAKE, re.DOTALL)
    assert matrix
    return {*re.findall(r'"([a-z0-9-]+)"', matrix[1])}


def test_it_is_what_cloud_builds_schema_allows() -> None:
    checker = shutil.which("check-jsonschema", path=f"{ROOT}/.venv/bin") or shutil.which("check-jsonschema")
    if checker is None:
        pytest.skip("check-jsonschema, which brings the schema, is not installed")
    command: list[str | Path] = [checker, "--builtin-schema", "vendor.cloudbuild", ROOT / "cloudbuild.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_step_waits_only_for_steps_before_it() -> None:
    seen: set[str] = set()
    for step in BUILD["steps"]:
        assert {*step.get("waitFor", [])} <= seen, step["id"]
        seen.add(step["id"])
    assert len(seen) == len(BUILD["steps"])


def test_every_step_but_the_first_says_what_it_waits_for_and_each_ends_in_time() -> None:
    assert all(step.get("waitFor") for step in BUILD["steps"][1:])
    assert all(re.fullmatch(r"\d+s", step["timeout"]) for step in BUILD["steps"])
    assert not [name for name, step in STEPS.items() if step.get("allowFailure") or step.get("allowExitCodes")]


def test_it_deploys_only_what_all_tests_have_passed() -> None:
    assert {*before("deploy")} == {*STEPS} - {"deploy"}
    assert "scripts/test.sh tests/unit tests/integration tests/deploy" in text(STEPS["tests"])
    assert "docker compose run" in text(STEPS["end-to-end"])


def test_images_are_made_beside_the_unit_and_integration_tests() -> None:
    assert "tests" not in {*before("images")}
    assert "images" not in {*before("tests")}


@pytest.mark.parametrize("step", STEPS)
def test_every_substitution_is_declared(step: str) -> None:
    # $$NAME is the shell's own.
    used = {*re.findall(r"(?<!\$)\$\{?([A-Z_][A-Z0-9_]*)", text(STEPS[step]))}
    assert used <= {*BUILD["substitutions"]} | GIVEN


def test_every_substitution_is_used() -> None:
    said = text({"steps": BUILD["steps"], "substitutions": [*BUILD["substitutions"].values()]})
    assert [name for name in BUILD["substitutions"] if f"${name}" not in said and f"${{{name}}}" not in said] == []


def test_the_operators_values_are_those_that_the_scripts_read() -> None:
    given = dict(re.findall(r"^(SEEN_\w+)=\$(\w+)$", STEPS["settings"]["args"][1], re.MULTILINE))
    assert given == {name: name.replace("SEEN", "") for name in OPERATOR} | {"SEEN_PROJECT": "PROJECT_ID"}


def test_the_trigger_gives_every_value_that_has_no_default() -> None:
    script = (ROOT / "scripts" / "create_trigger.sh").read_text()
    given = re.search(r"substituted=\((.*?)\)", script, re.DOTALL)
    assert given
    empty = {name for name, value in BUILD["substitutions"].items() if not value}
    assert empty <= {name.replace("SEEN", "") for name in given[1].split()} <= {*BUILD["substitutions"]}


@pytest.mark.parametrize("step", STEPS)
def test_what_a_step_runs_is_there(step: str) -> None:
    for path in re.findall(r"\b(?:scripts|tests)/[\w./]+", text(STEPS[step])):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("step", STEPS)
def test_a_steps_own_image_is_not_the_latest(step: str) -> None:
    assert re.fullmatch(r"[a-z0-9./-]+:\d[\w.-]*", STEPS[step]["name"])


@pytest.mark.parametrize("overlay", render.OVERLAYS)
def test_every_image_of_ours_that_is_deployed_is_made(overlay: str) -> None:
    deployed = {*re.findall(r"'image': 'seen/([a-z0-9-]+)'", str(render.overlay(overlay)))}
    assert deployed
    assert deployed <= baked()


def test_every_image_of_ours_that_compose_starts_is_made() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"].values()
    started = {service["image"] for service in services if service["image"].startswith("seen/")}
    assert started == {f"seen/{image}:dev" for image in baked()}


def test_there_is_an_image_for_each_program() -> None:
    programs = {path.parent.name.replace("_", "-") for path in (ROOT / "services").glob("*/__main__.py")}
    assert programs <= baked()


def test_an_image_is_built_under_the_name_that_the_dockerfile_knows() -> None:
    known = (ROOT / "Dockerfile").read_text()
    for stage in ("service", "test", "locust"):
        assert re.search(rf"^FROM \S+ AS {stage}$", known, re.MULTILINE), stage
    assert "ARG SERVICE\n" in known
    assert "ARG REVISION" in known
    assert "SERVICE  = image" in BAKE


def test_buildx_makes_those_images_and_keeps_a_cache_of_each() -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "buildx", "version"], capture_output=True, check=False).returncode:
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
    assert {*targets} == baked()
    for name, target in targets.items():
        assert target["tags"] == [f"{registry}/{name}:abc"]
        assert target["args"] == {"SERVICE": name, "REVISION": "abc"}
        assert target["target"] == (name if name in ("test", "locust") else "service")
        assert target["cache-to"] == [f"type=registry,ref={registry}/{name}:cache,mode=max"]


def settings_step(checkout: Path, **values: str) -> "subprocess.CompletedProcess[str]":
    """Runs the step `settings` with these substitutions, and something or other for the rest."""
    for name in ("scripts", "k8s", "istio"):
        (checkout / name).symlink_to(ROOT / name)
    given = dict.fromkeys((*BUILD["substitutions"], *GIVEN), "given") | {"_OVERLAY": "gke"} | values
    option, script = STEPS["settings"]["args"]
    script = re.sub(r"\$(_?[A-Z]\w*)", lambda name: given[name[1]], script)
    # What it leaves for the tests is copied from bash here, which is there for certain.
    script = script.replace("command -v kubectl", "command -v bash").replace("/tools", f"{checkout}/kubectl")
    return subprocess.run(["bash", option, script], cwd=checkout, capture_output=True, text=True, check=False)


def test_the_first_step_leaves_what_the_others_read(tmp_path: Path) -> None:
    assert settings_step(tmp_path, _DOMAIN="seen.demo.org").returncode == 0
    assert "SEEN_DOMAIN=seen.demo.org\n" in (tmp_path / "operator.env").read_text()
    assert (tmp_path / "kubectl").is_file()


@pytest.mark.parametrize(
    ("name", "words"), [("_DOMAIN", "not set: SEEN_DOMAIN"), ("COMMIT_SHA", "--tag needs a value")]
)
def test_the_first_step_ends_the_build_where_a_value_is_missing(name: str, words: str, tmp_path: Path) -> None:
    done = settings_step(tmp_path, **{name: ""})
    assert done.returncode != 0
    assert words in done.stderr
