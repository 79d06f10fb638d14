"""/suggest, with and without a token."""

import pytest

from seen.v1 import library_pb2
from seen.v1.library_pb2 import ItemsReason, PopularReason, Reason
from seen.v1.types_pb2 import ANIME, BOOK, SHOW, ItemRef
from services.common.errors import InvalidArgument, NotFound
from services.gateway.convert import to_json
from tests.integration.gateway.conftest import Gateway
from tests.integration.gateway.fakes import BOOK_ID, HOBBIT, SHOW_ID, UNRATED

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_with_a_token_suggestions_are_personal(gateway: Gateway) -> None:
    response = await gateway.as_user("POST", "/suggest", json={"types": ["SHOW", "ANIME"], "amount": 3})
    assert response.status_code == 200
    assert response.json()["personal"] is True
    expected = library_pb2.SuggestRequest(subject="auth0|ana", types=[SHOW, ANIME], amount=3)
    assert gateway.fakes.library.calls[0][1] == expected


async def test_without_a_token_suggestions_are_not_personal(gateway: Gateway) -> None:
    response = await gateway.request("POST", "/suggest", json={})
    assert response.json()["personal"] is False
    assert gateway.fakes.library.calls[0][1] == library_pb2.SuggestRequest(amount=10)


async def test_an_empty_body_requests_the_defaults(gateway: Gateway) -> None:
    assert (await gateway.request("POST", "/suggest")).status_code == 200
    assert gateway.fakes.library.calls[0][1] == library_pb2.SuggestRequest(amount=10)


async def test_suggestions_name_their_category_with_the_users_counts(gateway: Gateway) -> None:
    answer = (await gateway.as_user("POST", "/suggest")).json()
    assert answer["categories"] == [{"category": "Fantasy", "points": 4, "seen": 1, "liked": 1}]
    reasons = [suggestion.get("because") for suggestion in answer["suggestions"]]
    assert reasons == [{"category": "Fantasy", "seen": 1, "liked": 1}, None]


@pytest.mark.parametrize(
    ("reason", "because"),
    [
        (Reason(items=ItemsReason(items=[HOBBIT])), {"items": [to_json(HOBBIT)]}),
        (Reason(popular=PopularReason()), {"popular": True}),
    ],
)
async def test_a_reason_is_an_object(gateway: Gateway, reason: Reason, because: object) -> None:
    gateway.fakes.library.answers["Suggest"] = library_pb2.SuggestResponse(
        suggestions=[library_pb2.Suggestion(item=UNRATED, because=reason)]
    )
    answer = (await gateway.as_user("POST", "/suggest", json={"strategy": "taste"})).json()
    assert answer["suggestions"][0]["because"] == because


async def test_the_library_gets_strategy_seed_exclude_and_likes(gateway: Gateway) -> None:
    hobbit, shogun = {"type": "BOOK", "id": BOOK_ID}, {"type": "SHOW", "id": SHOW_ID}
    body = {"strategy": "taste", "seed": 2**32 - 1, "exclude": [hobbit, shogun], "likes": [shogun]}
    assert (await gateway.request("POST", "/suggest", json=body)).status_code == 200
    request = gateway.fakes.library.calls[0][1]
    assert request == library_pb2.SuggestRequest(
        amount=10,
        strategy=library_pb2.TASTE,
        seed=2**32 - 1,
        exclude=[ItemRef(type=BOOK, id=BOOK_ID), ItemRef(type=SHOW, id=SHOW_ID)],
        likes=[ItemRef(type=SHOW, id=SHOW_ID)],
    )


async def test_the_seed_0_is_a_seed_and_the_answer_names_the_one_used(gateway: Gateway) -> None:
    answer = (await gateway.request("POST", "/suggest", json={"seed": 0})).json()
    assert gateway.fakes.library.calls[0][1].HasField("seed")
    assert answer["seed"] == 7


async def test_an_unknown_item_is_400_and_its_field_is_named(gateway: Gateway) -> None:
    gateway.fakes.library.errors["Suggest"] = InvalidArgument("likes.0.id", "the BOOK items have none with this id")
    answer = await gateway.request("POST", "/suggest", json={"likes": [{"type": "BOOK", "id": BOOK_ID}]})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "likes.0.id"


async def test_an_invalid_token_is_401_although_a_token_is_optional(gateway: Gateway) -> None:
    expired = gateway.provider.token(exp=1)
    assert (await gateway.request("POST", "/suggest", expired)).status_code == 401
    assert (await gateway.request("POST", "/suggest", headers={"Authorization": "Basic YTpi"})).status_code == 401
    assert gateway.fakes.calls == []


async def test_a_token_without_the_permission_is_403(gateway: Gateway) -> None:
    assert (await gateway.request("POST", "/suggest", gateway.provider.token(permissions=[]))).status_code == 403


async def test_similar_items_are_those_of_the_library_and_cacheable(gateway: Gateway) -> None:
    answer = await gateway.request("GET", f"/item/BOOK/{BOOK_ID}/similar")
    assert answer.json() == {"items": [to_json(UNRATED)], "missing": []}
    assert answer.headers["cache-control"] == "public, no-cache"
    expected = library_pb2.ListSimilarRequest(item=ItemRef(type=BOOK, id=BOOK_ID), limit=10)
    assert gateway.fakes.library.calls[0][1] == expected


async def test_a_partial_list_of_similar_items_is_not_cached(gateway: Gateway) -> None:
    gateway.fakes.library.answers["ListSimilar"] = library_pb2.ListSimilarResponse(missing=[ANIME])
    answer = await gateway.request("GET", f"/item/BOOK/{BOOK_ID}/similar?limit=100")
    assert (answer.json()["missing"], answer.headers["cache-control"]) == (["ANIME"], "no-store")
    assert gateway.fakes.library.calls[0][1].limit == 100


async def test_an_unknown_item_has_no_similar_ones(gateway: Gateway) -> None:
    gateway.fakes.library.errors["ListSimilar"] = NotFound("the book dataset has no item with this id")
    assert (await gateway.request("GET", f"/item/BOOK/{BOOK_ID}/similar")).status_code == 404
