"""The Dockerfile: what each image contains, and how its container runs."""

import json
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from tests.conftest import ROOT
from tests.deploy import programs
from tests.deploy.declared_services import DATASETS, all_services, dockerfile_extras
from tests.deploy.dependencies import PROJECT, imported, installed

DOCKERFILE = (ROOT / "Dockerfile").read_text()
SERVICES = sorted(all_services())
# Libraries that only one service needs.
EXCLUSIVE = {
    "gateway": {"connexion", "uvicorn", "python-jose"},
    "account": {"sqlalchemy", "pymysql", "alembic"},
    "datasets": {"pymongo", "tqdm"},
    "spark-connector": {"duckdb", "google-cloud-dataproc", "google-cloud-storage"},
    "local-auth0": {"authlib", "flask"},
    "no service": {"pyspark", "pytest", "mypy", "ruff", "locust", "grpcio-tools", "uv"},
}
Instruction = tuple[str, str]


def stages() -> dict[str, list[Instruction]]:
    """The instructions of each stage by name, after those of the stages that it is based on."""
    text = re.sub(r"^\s*#.*\n", "", DOCKERFILE, flags=re.MULTILINE).replace("\\\n", "")
    by_name: dict[str, list[Instruction]] = {}
    for line in filter(str.strip, text.splitlines()):
        instruction, _, rest = line.strip().partition(" ")
        if instruction == "FROM":
            base, _, name = rest.partition(" AS ")
            by_name[name] = [*by_name.get(base, [("FROM", base)])]
        else:
            by_name[name].append((instruction, rest.strip()))
    return by_name


def last(stage: str, instruction: str) -> str:
    return [rest for name, rest in stages()[stage] if name == instruction][-1]


def test_hadolint_reports_nothing() -> None:
    assert programs.check("hadolint", ROOT / "Dockerfile") == ""


def test_the_dockerfile_uses_existing_extras() -> None:
    in_branches = {extra for extras in dockerfile_extras().values() for extra in extras}
    extras = {*re.findall(r"--extra ([a-z-]+)", DOCKERFILE), *in_branches}
    assert extras - set(PROJECT["optional-dependencies"]) == set()


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_contains_what_its_service_imports(service: str) -> None:
    modules = [f"services.{service.replace('-', '_')}.__main__"]
    modules += ["services.catalog.loader.__main__"] if service in DATASETS else []
    modules += ["services.account.migrate"] if service == "account" else []
    assert imported(*modules) - installed(dockerfile_extras()[service]) == set()


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_contains_no_library_of_another_service(service: str) -> None:
    group = "datasets" if service in DATASETS else service
    libraries = installed(dockerfile_extras()[service])
    assert EXCLUSIVE.get(group, set()) - libraries == set()
    for other, exclusive in EXCLUSIVE.items():
        if other != group:
            assert exclusive & libraries == set(), f"{service} contains libraries of {other}"


def test_every_image_is_based_on_python_slim_without_a_syntax_line() -> None:
    bases = {instructions[0] for instructions in stages().values()}
    assert bases == {("FROM", "python:3.11-slim")}
    assert not DOCKERFILE.startswith("# syntax")


@pytest.mark.parametrize("stage", ["service", "test", "locust"])
def test_a_container_is_not_root_and_process_1_forwards_signals(stage: str) -> None:
    user, group = last(stage, "USER").split(":")
    assert min(int(user), int(group)) >= 10_000
    assert json.loads(last(stage, "ENTRYPOINT")) == ["tini", "--"]
    command = json.loads(last(stage, "CMD"))
    assert command[0] != "sh" or command[2].startswith("exec "), "a shell would not forward signals"


def test_a_service_image_has_a_health_check_and_labels() -> None:
    check = last("service", "HEALTHCHECK")
    assert (ROOT / json.loads(check.partition("CMD ")[2])[-1]).is_file()
    assert {"title", "description", "revision"} <= set(re.findall(r"org\.opencontainers\.image\.(\w+)=", DOCKERFILE))


def test_a_change_of_code_does_not_invalidate_the_installed_dependencies() -> None:
    ours = ("services", "spark_jobs", "docker", "load", "tests")
    for stage in ("tools", "protos", "dependencies", "program"):
        copied = [rest.split()[:-1] for name, rest in stages()[stage] if name == "COPY" and "--from" not in rest]
        assert not {source for sources in copied for source in sources} & set(ours), f"{stage} would be rebuilt"


@pytest.mark.parametrize("file", sorted((ROOT / "tests" / "end_to_end").glob("*.py")), ids=lambda file: file.stem)
def test_the_test_image_contains_our_modules_that_the_tests_import(file: Path) -> None:
    allowed = (ROOT / ".dockerignore").read_text().split("\n")
    for module, name in re.findall(r"^\s*from ((?:tests|scripts)[\w.]*) import (\w+)", file.read_text(), re.MULTILINE):
        path = Path(*module.split("."))
        candidates = (path / f"{name}.py", path.with_suffix(".py"), path / "__init__.py")
        source = next(candidate for candidate in candidates if (ROOT / candidate).is_file())
        assert any(f"!{part}" in allowed for part in (source, *source.parents)), source
    outside = re.findall(r"^(?:from|import) (services|load|spark_jobs|seen)\b", file.read_text(), re.MULTILINE)
    assert file.stem == "locust_tasks_once" or outside == []


def test_the_build_context_contains_copied_files_and_nothing_private() -> None:
    patterns = (ROOT / ".dockerignore").read_text().split("\n")
    allowed = [pattern[1:] for pattern in patterns if pattern.startswith("!")]
    assert next(pattern for pattern in patterns if not pattern.startswith("#")) == "*"
    for instructions in stages().values():
        for name, rest in instructions:
            if name == "COPY" and "--from" not in rest:
                for source in rest.split()[:-1]:
                    assert any(path == source or path.startswith(f"{source}/") for path in allowed), source
    for private in (".git/config", ".local/accounts.db", ".env", "seen/v1/x.py", "k8s/overlays/gke/operator.env"):
        assert not any(private == path or private.startswith(f"{path}/") for path in allowed), private


def test_the_images_contain_the_website() -> None:
    patterns = (ROOT / ".dockerignore").read_text().split("\n")
    excluded = {pattern.removeprefix("**/") for pattern in patterns if pattern.startswith("**/")}
    assert "!services" in patterns
    assert ("COPY", "services services") in stages()["code"]
    for file in (ROOT / "services" / "website").rglob("*"):
        assert not excluded & {*file.parts}, file


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_without_settings_fails_with_a_one_line_message(
    service: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in os.environ if name.startswith("SEEN_")]:
        monkeypatch.delenv(name)
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(f"services.{service.replace('-', '_')}", run_name="__main__")
    out, err = capsys.readouterr()
    assert re.fullmatch(r"settings: SEEN_\w+: Field required.*\n", err), err
    assert (ended.value.code, out) == (2, "")


@pytest.fixture
def grpc_service() -> Iterator[tuple[health.HealthServicer, int]]:
    """The servicer and the port of a server that only has the health service."""
    servicer = health.HealthServicer()
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=1))
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield servicer, port
    server.stop(None)


def test_the_health_check_follows_readiness(grpc_service: tuple[health.HealthServicer, int]) -> None:
    servicer, port = grpc_service
    servicer.set("", health_pb2.HealthCheckResponse.NOT_SERVING)
    assert check_health("book", port).returncode == 1
    servicer.set("", health_pb2.HealthCheckResponse.SERVING)
    assert check_health("book", port).returncode == 0


@pytest.mark.parametrize("service", ["gateway", "book"])
def test_the_health_check_of_a_dead_service_fails_with_a_one_line_message(service: str) -> None:
    done = check_health(service, 1)  # nothing listens on port 1
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1


def check_health(service: str, port: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "docker/healthcheck.py"],
        cwd=ROOT,
        env=os.environ | {"SERVICE": service, "SEEN_PORT": str(port)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
