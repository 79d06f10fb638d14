"""Pages over gRPC, and datasets that fail or hang."""

import asyncio
import time
from typing import Any

import pytest
from prometheus_client import REGISTRY

from seen.v1 import library_pb2
from seen.v1.types_pb2 import ANIME, BOOK, SHOW
from services.common import health
from services.common.errors import InvalidArgument, Unavailable
from tests.integration.library.library import Library


def page(**fields: Any) -> library_pb2.ListLibraryRequest:
    return library_pb2.ListLibraryRequest(**({"page": 1, "size": 9} | fields))


async def test_a_page_holds_items_of_every_type(library: Library) -> None:
    answer = await library.stub.ListItems(page(), timeout=5)
    assert [item.type for item in answer.items] == [BOOK, SHOW, ANIME] * 3


async def test_a_hanging_dataset_is_abandoned_early_enough_for_the_others_to_answer(library: Library) -> None:
    library.catalogs[SHOW].hangs = True
    started = time.monotonic()
    answer = await library.stub.ListItems(page(), timeout=1)
    assert time.monotonic() - started < 1
    assert answer.missing == [SHOW]
    assert {item.type for item in answer.items} == {BOOK, ANIME}


async def test_the_log_and_a_metric_name_the_type_that_an_answer_lacks(
    library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    def answers_without_show() -> float:
        return REGISTRY.get_sample_value("seen_answers_without_total", {"type": "SHOW"}) or 0

    before = answers_without_show()
    library.catalogs[SHOW].fails = True
    await library.stub.ListItems(page(), timeout=5)
    assert "answered without SHOW" in caplog.messages
    assert answers_without_show() == before + 1


async def test_the_ping_succeeds_if_one_dataset_answers(library: Library) -> None:
    library.catalogs[BOOK].hangs = library.catalogs[SHOW].hangs = True
    async with asyncio.timeout(health.PING_TIMEOUT_S):
        await library.clients.datasets.ping()


async def test_the_ping_fails_if_no_dataset_answers(library: Library) -> None:
    for catalog in library.catalogs.values():
        catalog.fails = True
    with pytest.raises(Unavailable):
        await library.clients.datasets.ping()


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("page", 0),
        ("page", -1),
        ("page", 2**62),
        ("size", 0),
        ("size", 101),
        ("search", "x" * 201),
        ("category", "\0"),
        ("category", " "),
        ("search", " "),
    ],
)
async def test_an_invalid_page_request_is_refused_and_the_error_names_the_field(
    library: Library, field: str, wrong: object
) -> None:
    with pytest.raises(InvalidArgument) as refused:
        await library.stub.ListItems(page(**{field: wrong}), timeout=5)
    assert refused.value.field == field
