"""Renders the manifests with kubectl's Kustomize, as they would be applied to a cluster."""

import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT

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


def find_kubectl() -> str | None:
    """The kubectl of the extra `test`, otherwise the machine's."""
    return shutil.which("kubectl", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")


def need_kubectl() -> str:
    kubectl = find_kubectl()
    if kubectl is None:
        pytest.skip("kubectl, which renders the manifests, is not installed")
    return kubectl


@cache
def _text(path: Path) -> str:
    done = subprocess.run([need_kubectl(), "kustomize", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"kubectl kustomize {path}: {done.stderr}"
    return done.stdout
