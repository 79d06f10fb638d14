"""scripts/add_dataset.sh: a dataset is added to every deployment file.

The fixture `cluster` runs all manifest checks on its result as well; these tests cover the rest.
"""

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.deploy import declared_services, prometheus, render
from tests.deploy.declared_services import NAMES, PORTS
from tests.deploy.render import ADDED

MODEL = "anime"
# Deployment files that may name a dataset; the scripts and documents do not list them.
FOLDERS = (
    "docker-compose.yml",
    "docker-compose.compact.yml",
    "docker-bake.hcl",
    "Dockerfile",
    "cloudbuild.yaml",
    ".dockerignore",
    "k8s",
    "istio",
)
# Metrics of the model that unit tests of the alert rules use as samples.
SAMPLES = re.compile(r"k8s/monitoring/prometheus/tests/.*")


@pytest.mark.parametrize("file", [file for file in NAMES if not file.startswith("scripts/")])
def test_every_list_of_services_has_the_added_dataset(file: str) -> None:
    assert NAMES[file](render.with_added_dataset()) == NAMES[file](ROOT) | {ADDED}


@pytest.mark.parametrize("file", PORTS)
def test_the_added_dataset_has_the_next_free_port_everywhere(file: str) -> None:
    port = max(port for port, _ in declared_services.local_ports().values()) + 1
    assert PORTS[file](render.with_added_dataset())[ADDED] == (port, port - 50_000 + 9_000)


@pytest.mark.parametrize(
    ("model", "added"), [("anime", ADDED), ("ANIME", ADDED.upper()), ("50055", "50057"), ("9055", "9057")]
)
def test_every_file_that_names_the_model_names_the_added_dataset_as_often(model: str, added: str) -> None:
    expected, actual = _occurrences(ROOT, model), _occurrences(render.with_added_dataset(), added)
    # The added dataset has a second file, which is named in addition.
    missing = {path for path, count in expected.items() if actual[path.replace(MODEL, ADDED)] < count}
    assert missing == set(), "add these files to COPIED or REPEATED in scripts/lib/add_dataset.py"


def _occurrences(root: Path, word: str) -> Counter[str]:
    """How often each deployment file contains the word, outside of comments and documents."""
    files = [
        path for name in FOLDERS for path in ([root / name] if (root / name).is_file() else (root / name).rglob("*"))
    ]
    texts = {
        str(path.relative_to(root)): re.sub(r"(?m)^\s*#.*$", "", path.read_text())
        for path in files
        if path.is_file() and path.suffix not in (".md", ".json")
    }
    counts = {path: len(re.findall(rf"(?<![a-zA-Z0-9]){word}(?![a-zA-Z0-9])", text)) for path, text in texts.items()}
    return Counter({path: count for path, count in counts.items() if count and not SAMPLES.fullmatch(path)})


def test_compose_gives_the_added_dataset_what_the_model_has() -> None:
    declared = declared_services.compose(render.with_added_dataset())
    for prefix in ("", "loader-", "mongo-"):
        assert declared[prefix + ADDED] == _renamed(declared[prefix + MODEL])
    assert declared["library"]["depends_on"][ADDED] == {"condition": "service_healthy"}


def _renamed(declared: Any) -> Any:
    text = yaml.safe_dump(declared).replace(MODEL, ADDED).replace("50055", "50057").replace("9055", "9057")
    files = f"- services/{ADDED}/sample/MangaList.csv\n- services/{ADDED}/sample/authors.csv\n"
    return yaml.safe_load(text.replace(f"- services/{ADDED}/sample/AnimeList.csv\n", files))


def test_the_image_of_the_added_dataset_has_the_extras_of_the_model() -> None:
    extras = declared_services.dockerfile_extras(render.with_added_dataset())
    assert extras[ADDED] == extras[MODEL]


def test_the_loader_reads_the_given_files() -> None:
    loader = (render.with_added_dataset() / "k8s" / "base" / ADDED / "loader.yaml").read_text()
    pod = yaml.safe_load(loader)["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["initContainers"][0]["command"][3:] == [
        *(f"gs://$(SEEN_BUCKET)/{ADDED}/{file}" for file in ("MangaList.csv.gz", "authors.csv")),
        "/files/",
    ]
    assert pod["containers"][0]["args"][3:] == [ADDED, "/files/MangaList.csv.gz", "/files/authors.csv"]


def test_the_alert_rules_still_pass_their_unit_tests() -> None:
    folder = render.with_added_dataset() / "k8s" / "monitoring" / "prometheus"
    prometheus.promtool("test", "rules", folder / "tests" / "services.yaml")


def test_a_dry_run_lists_the_files_and_changes_nothing(tmp_path: Path) -> None:
    for name in render.DEPLOYMENT_FILES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    before = _contents(tmp_path)
    done = _run(tmp_path, "--dry-run", ADDED, ADDED.upper(), "MangaList.csv")
    assert done.returncode == 0, done.stderr
    assert f"create k8s/base/{ADDED}/{ADDED}.yaml\n" in done.stdout
    assert "change docker-compose.yml\n" in done.stdout
    assert _contents(tmp_path) == before


def _contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("Manga", "MANGA", "a.csv"), "'Manga' is not a name"),
        (("manga", "manga", "a.csv"), "'manga' is not an item type"),
        (("manga", "MANGA"), "FILE"),
        (("book", "BOOK", "a.csv"), "k8s/base/book exists already"),
    ],
)
def test_wrong_arguments_are_rejected(arguments: Sequence[str], message: str) -> None:
    done = _run(ROOT, *arguments)
    assert done.returncode == 2
    assert message in done.stderr


def test_the_commands_in_the_readme_and_in_the_help_work() -> None:
    readme = (ROOT / "k8s" / "README.md").read_text()
    (command,) = re.findall(r"^scripts/add_dataset\.sh (.*)$", readme, re.MULTILINE)
    assert _run(ROOT, *command.split()).returncode == 0
    assert command.removeprefix("--dry-run ") in _run(ROOT, "--help").stdout


def _run(root: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command: list[str | Path] = [root / "scripts" / "add_dataset.sh", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)
