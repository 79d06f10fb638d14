"""A checkout of one's own, for what writes into its checkout or is told nowhere else to write."""

import shutil
from pathlib import Path

from scripts.local.suite import ROOT

NOT_PART_OF_IT = shutil.ignore_patterns(
    ".git", ".venv", ".local", ".cache", "*_cache", "__pycache__", ".hypothesis", ".seen-protos.*"
)


def copy(folder: Path) -> Path:
    """The working tree as it is now, with this one's installed dependencies."""
    shutil.copytree(ROOT, folder, ignore=NOT_PART_OF_IT, symlinks=True)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder
