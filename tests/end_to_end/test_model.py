"""The suggestion model: trained on request of an administrator, from everyone's marks."""

from typing import Any

import httpx
import pytest

from tests.end_to_end.api import JOB_TIMEOUT_S, items, mark
from tests.end_to_end.suites import wait_for

pytestmark = pytest.mark.compact_too

PATH = "/suggest/model"


def test_an_administrator_trains_a_model_from_everyones_marks(
    admin: httpx.Client, anyone: httpx.Client, ana: httpx.Client, rui: httpx.Client
) -> None:
    for person in (ana, rui):
        for book in items(person, type="BOOK", category="Fantasy", size=3):
            mark(person, book, "like")
    before = anyone.get(PATH).json().get("version")

    started = admin.post(PATH)

    assert started.status_code == 202, started.text
    assert started.json()["running"] is True
    model = _model_after(anyone, before)
    assert model["people"] >= 2
    assert model["marks"] >= 6
    assert "computation" not in model


def test_only_administrators_train(ana: httpx.Client, anyone: httpx.Client) -> None:
    assert ana.post(PATH).status_code == 403
    assert anyone.post(PATH).status_code == 401


def _model_after(anyone: httpx.Client, version: str | None) -> Any:
    """The first model of another version, once its training has ended."""

    def other() -> Any:
        content = anyone.get(PATH).json()
        return content if content.get("version") not in (None, version) and "computation" not in content else None

    return wait_for(other, JOB_TIMEOUT_S)
