"""Renders the manifests with kubectl's Kustomize, as they would be applied to a cluster."""

import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import ROOT
from tests.deploy import programs

Object = dict[str, Any]
OVERLAYS = sorted(folder.name for folder in (ROOT / "k8s" / "overlays").iterdir() if folder.is_dir())
# The dataset that scripts/add_dataset.sh adds to a copy of the deployment files.
ADDED = "manga"
DEPLOYMENT_FILES = (
    "docker-compose.yml",
    "docker-compose.compact.yml",
    "docker-bake.hcl",
    "Dockerfile",
    "k8s",
    "istio",
    "scripts",
)


def overlay(name: str, root: Path = ROOT) -> list[Object]:
    return folder(root / "k8s" / "overlays" / name)


def istio(root: Path = ROOT) -> list[Object]:
    return folder(root / "istio")


def monitoring() -> list[Object]:
    return folder(ROOT / "k8s" / "monitoring")


def folder(path: Path) -> list[Object]:
    """Every object of a folder with a kustomization.yaml. The caller may modify the objects."""
    return list(yaml.load_all(_text(path), yaml.CSafeLoader))


@cache
def with_added_dataset() -> Path:
    """A copy of the deployment files to which scripts/add_dataset.sh has added the dataset ADDED."""
    root = Path(tempfile.mkdtemp(prefix="seen-added-dataset-"))
    for name in DEPLOYMENT_FILES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, root)
    command: list[str | Path] = [
        root / "scripts" / "add_dataset.sh",
        ADDED,
        ADDED.upper(),
        "MangaList.csv.gz",
        "authors.csv",
    ]
    subprocess.run(command, check=True, capture_output=True)
    return root


@cache
def _text(path: Path) -> str:
    programs.need("kubectl")
    return programs.check("kubectl", "kustomize", path)
