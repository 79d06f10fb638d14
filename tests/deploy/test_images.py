"""The Dockerfile: what each image holds, and how its container runs."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from tests.deploy.dependencies import PROJECT, ROOT, brought, imported

DOCKERFILE = (ROOT / "Dockerfile").read_text()
PROGRAMS = sorted(path.parent.name.replace("_", "-") for path in (ROOT / "services").glob("*/__main__.py"))
TOOLS = str(Path(sys.executable).parent)
DATASETS = ("book", "imdb", "anime")
# What one service needs and the others have no use for.
OF_ONE = {
    "gateway": {"connexion", "uvicorn", "python-jose"},
    "account": {"sqlalchemy", "pymysql", "alembic"},
    "datasets": {"pymongo", "tqdm"},
    "spark-connector": {"duckdb", "google-cloud-dataproc", "google-cloud-storage"},
    "local-auth0": {"authlib", "flask"},
    "nobody": {"pyspark", "pytest", "mypy", "ruff", "locust", "grpcio-tools", "uv"},
}
Instruction = tuple[str, str]


def stages() -> dict[str, list[Instruction]]:
    """The instructions of each stage, by its name, with those of the stages of ours that it builds on in front."""
    text = re.sub(r"^\s*#.*\n", "", DOCKERFILE, flags=re.MULTILINE).replace("\\\n", "")
    found: dict[str, list[Instruction]] = {}
    for line in filter(str.strip, text.splitlines()):
        instruction, _, rest = line.strip().partition(" ")
        if instruction == "FROM":
            base, _, name = rest.partition(" AS ")
            found[name] = [*found.get(base, [("FROM", base)])]
        else:
            found[name].append((instruction, rest.strip()))
    return found


def last(stage: str, instruction: str) -> str:
    return [rest for name, rest in stages()[stage] if name == instruction][-1]


def extras() -> dict[str, list[str]]:
    """The extras that the image of each service is made with."""
    branches = re.findall(r"^\s+([a-z0-9 |-]+)\) set -- ?(.*) ;;", DOCKERFILE, re.MULTILINE)
    return {
        service: re.findall(r"--extra (\S+)", options.replace('"$SERVICE"', service))
        for services, options in branches
        for service in services.split(" | ")
    }


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = shutil.which("hadolint", path=TOOLS)
    assert hadolint, "there is no hadolint: ./scripts/test.sh installs it"
    said = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout) == (0, ""), said.stdout


def test_there_is_an_image_for_every_program_and_for_nothing_else() -> None:
    assert sorted(extras()) == sorted([*PROGRAMS, "locust", "test"])


def test_what_it_asks_of_the_project_is_there() -> None:
    asked = {*re.findall(r"--extra ([a-z-]+)", DOCKERFILE), *(extra for held in extras().values() for extra in held)}
    assert asked - set(PROJECT["optional-dependencies"]) == set()


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_image_holds_everything_that_its_program_imports(program: str) -> None:
    starts = [f"services.{program.replace('-', '_')}.__main__"]
    starts += ["services.catalog.loader.__main__"] if program in DATASETS else []
    starts += ["services.account.migrate"] if program == "account" else []
    assert imported(*starts) - brought(extras()[program]) == set()


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_image_holds_its_own_libraries_and_none_of_another_services(program: str) -> None:
    group = "datasets" if program in DATASETS else program
    held = brought(extras()[program])
    assert OF_ONE.get(group, set()) - held == set()
    for other, libraries in OF_ONE.items():
        if other != group:
            assert libraries & held == set(), f"{program} carries what is for {other}"


def test_every_image_is_made_from_the_same_small_base_that_any_registry_mirror_has() -> None:
    bases = {instructions[0] for instructions in stages().values()}
    assert bases == {("FROM", "python:3.11-slim")}
    assert not DOCKERFILE.startswith("# syntax")


@pytest.mark.parametrize("stage", ["service", "test", "locust"])
def test_a_container_is_not_root_and_its_process_1_passes_signals_on(stage: str) -> None:
    user, group = last(stage, "USER").split(":")
    assert min(int(user), int(group)) >= 10_000
    assert json.loads(last(stage, "ENTRYPOINT")) == ["tini", "--"]
    command = json.loads(last(stage, "CMD"))
    assert command[0] != "sh" or command[2].startswith("exec "), "a shell would keep the signals to itself"


def test_a_service_says_how_it_is_and_what_it_is() -> None:
    check = last("service", "HEALTHCHECK")
    assert (ROOT / json.loads(check.partition("CMD ")[2])[-1]).is_file()
    assert {"title", "description", "revision"} <= set(re.findall(r"org\.opencontainers\.image\.(\w+)=", DOCKERFILE))


def test_a_change_of_code_leaves_what_is_installed_as_it_was() -> None:
    ours = ("services", "spark_jobs", "docker", "load", "tests")
    for stage in ("tools", "protos", "dependencies", "program"):
        copied = [rest.split()[:-1] for name, rest in stages()[stage] if name == "COPY" and "--from" not in rest]
        assert not {source for sources in copied for source in sources} & set(ours), f"{stage} would be made anew"


@pytest.mark.parametrize("file", sorted((ROOT / "tests" / "end_to_end").glob("*.py")), ids=lambda file: file.stem)
def test_the_image_of_the_tests_holds_what_they_import_of_ours(file: Path) -> None:
    allowed = (ROOT / ".dockerignore").read_text().split("\n")
    for module, name in re.findall(r"^\s*from ((?:tests|scripts)[\w.]*) import (\w+)", file.read_text(), re.MULTILINE):
        of_module = Path(*module.split("."))
        places = (of_module / f"{name}.py", of_module.with_suffix(".py"), of_module / "__init__.py")
        (place, *_) = [place for place in places if (ROOT / place).is_file()]
        assert any(f"!{part}" in allowed for part in (place, *place.parents)), place
    outside = re.findall(r"^(?:from|import) (services|load|spark_jobs|seen)\b", file.read_text(), re.MULTILINE)
    assert file.stem == "locust_tasks_once" or outside == []


def test_the_build_is_given_what_it_copies_and_nothing_that_is_private() -> None:
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


def test_shellcheck_has_nothing_to_say_about_the_containers_scripts() -> None:
    shellcheck = shutil.which("shellcheck", path=TOOLS)
    assert shellcheck, "there is no shellcheck: ./scripts/test.sh installs it"
    said = subprocess.run([shellcheck, *(ROOT / "docker").rglob("*.sh")], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_without_its_settings_says_so_in_one_line_and_fails(program: str) -> None:
    said = run("-m", f"services.{program.replace('-', '_')}")
    assert re.fullmatch(r"settings: SEEN_\w+: Field required.*\n", said.stderr), said.stderr
    assert (said.returncode, said.stdout) == (2, "")


@pytest.fixture
def grpc_service() -> Iterator[tuple[health.HealthServicer, int]]:
    """A server with nothing but health, and its port."""
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


@pytest.mark.parametrize("program", ["gateway", "book"])
def test_the_health_check_of_a_program_that_does_not_answer_fails_in_one_line(program: str) -> None:
    said = check_health(program, 1)  # a port that nobody here listens on
    assert said.returncode == 1
    assert said.stderr.count("\n") == 1


def check_health(program: str, port: int) -> subprocess.CompletedProcess[str]:
    return run("docker/healthcheck.py", SERVICE=program, SEEN_PORT=str(port))


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Python, with no settings but these."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SEEN_")}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
