"""Suggestions and similar items over gRPC, with models that the connector sends in parts."""

from typing import Any

import pytest

from seen.v1 import library_pb2
from seen.v1.types_pb2 import BOOK, SHOW, ItemRef
from services.common.errors import InvalidArgument, NotFound
from services.taste.domain import ItemRef as Ref
from tests.integration.library.library import ANA, Library


def suggest(**fields: Any) -> library_pb2.SuggestRequest:
    return library_pb2.SuggestRequest(**({"amount": 2} | fields))


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"strategy": 7}, "strategy"),
        ({"amount": 0}, "amount"),
        ({"exclude": [ItemRef(type=BOOK, id="0" * 24)] * 201}, "exclude"),
        ({"likes": [ItemRef(type=BOOK, id="0" * 24)] * 51}, "likes"),
        ({"exclude": [ItemRef(type=BOOK, id="0" * 24), ItemRef(id="0" * 24)]}, "exclude.1.type"),
    ],
)
async def test_an_invalid_request_for_suggestions_is_refused_and_the_error_names_the_field(
    library: Library, fields: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidArgument) as refused:
        await library.stub.Suggest(suggest(**fields), timeout=5)
    assert refused.value.field == field


@pytest.mark.parametrize("strategy", [library_pb2.CATEGORIES, library_pb2.TASTE])
async def test_an_answer_names_the_seed_that_repeats_it(library: Library, strategy: library_pb2.Strategy) -> None:
    await library.wait_for_votes()
    first = await library.stub.Suggest(suggest(strategy=strategy), timeout=5)
    assert await library.stub.Suggest(suggest(strategy=strategy, seed=first.seed), timeout=5) == first


async def test_suggestions_from_a_whole_dataset_have_no_reason(library: Library) -> None:
    answer = await library.stub.Suggest(suggest(), timeout=5)
    assert len(answer.suggestions) == 6
    assert not any(suggestion.HasField("because") for suggestion in answer.suggestions)


async def test_a_model_that_is_read_in_many_parts_gives_suggestions_with_their_reasons(library: Library) -> None:
    library.spark.part = 100
    await library.train("1", {0: [5]})  # BOOK 0 and SHOW 2
    request = suggest(strategy=library_pb2.TASTE, types=[SHOW], likes=[library.ref(BOOK, 0)])
    answer = await library.stub.Suggest(request, timeout=5)
    best = answer.suggestions[0]
    assert (best.item.name, [item.name for item in best.because.items.items]) == ("SHOW 2", ["BOOK 0"])


async def test_without_a_model_and_marks_items_are_popular(library: Library) -> None:
    await library.wait_for_votes()
    answer = await library.stub.Suggest(suggest(strategy=library_pb2.TASTE), timeout=5)
    assert {suggestion.because.WhichOneof("reason") for suggestion in answer.suggestions} == {"popular"}


async def test_similar_items_are_of_all_types_nearest_first_without_deleted_items(library: Library) -> None:
    await library.train("1", {0: [5, 1, 8]})
    await library.catalogs[BOOK].dataset.delete(library.ref(BOOK, 1).id)
    request = library_pb2.ListSimilarRequest(item=library.ref(BOOK, 0), limit=10)
    answer = await library.stub.ListSimilar(request, timeout=5)
    assert [item.name for item in answer.items] == ["SHOW 2", "ANIME 2"]


async def test_an_item_has_no_similar_items_before_a_training(library: Library) -> None:
    request = library_pb2.ListSimilarRequest(item=library.ref(BOOK), limit=10)
    assert not (await library.stub.ListSimilar(request, timeout=5)).items


async def test_similar_items_of_an_unknown_item_are_not_found(library: Library) -> None:
    request = library_pb2.ListSimilarRequest(item=ItemRef(type=BOOK, id="f" * 24), limit=10)
    with pytest.raises(NotFound):
        await library.stub.ListSimilar(request, timeout=5)


async def test_look_ups_of_marks_are_split_into_calls_of_1000_items(library: Library) -> None:
    refs = [Ref(BOOK, f"{number:024x}") for number in range(1500)]
    library.account.accounts.marks = {refs[0], refs[-1]}
    assert await library.clients.accounts.filter_marked(ANA, refs) == {refs[0], refs[-1]}
    assert library.account.filtered == [1000, 500]
