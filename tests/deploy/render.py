"""The manifests as a cluster would get them, rendered by kubectl's own Kustomize."""

import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT

Object = dict[str, Any]
OVERLAYS = sorted(folder.name for folder in (ROOT / "k8s" / "overlays").iterdir() if folder.is_dir())


def overlay(name: str) -> list[Object]:
    return folder(ROOT / "k8s" / "overlays" / name)


def istio() -> list[Object]:
    return folder(ROOT / "istio")


def monitoring() -> list[Object]:
    return folder(ROOT / "k8s" / "monitoring")


def folder(path: Path) -> list[Object]:
    """Every object of a folder with a kustomization.yaml; the caller may change them."""
    return list(yaml.load_all(_text(path), yaml.CSafeLoader))


@cache
def _text(path: Path) -> str:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl, whose Kustomize renders the manifests, is not installed")
    done = subprocess.run([kubectl, "kustomize", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"kubectl kustomize {path}: {done.stderr}"
    return done.stdout
