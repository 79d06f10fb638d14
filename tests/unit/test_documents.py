"""The documents agree with the code."""

import re
from pathlib import Path

import pytest

from scripts import update_docs

ROOT = update_docs.ROOT
FOLDERS = ("docs", "istio", "k8s", "load", "scripts", "services", "spark_jobs")
DOCUMENTS = sorted(
    str(path.relative_to(ROOT))
    for path in (*ROOT.glob("*.md"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.md")))
)

LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)")
# `services/common/errors.py` in running text names a file of the repository.
PATH = re.compile(
    r"`((?:services|protos|spark_jobs|scripts|tests|load|k8s|istio|docs|docker)/[\w./-]*\w(?:\.\w+)?|docker-compose\.yml)`"
)


@pytest.mark.parametrize("readme", update_docs.readmes(), ids=lambda path: path.parent.name)
def test_the_table_of_settings_is_up_to_date(readme: Path) -> None:
    assert readme.read_text("utf-8") == update_docs.with_current_table(readme), "run scripts/update_docs.sh"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_link_and_path_of_a_document_leads_to_a_file(name: str) -> None:
    document = ROOT / name
    text = document.read_text("utf-8")
    missing = [link for link in LINK.findall(text) if not (document.parent / link).exists()]
    missing += [path for path in PATH.findall(text) if not (ROOT / path).exists() and "NAME" not in path]
    assert not missing
