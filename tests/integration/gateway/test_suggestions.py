"""/suggest, with and without a token."""

import pytest

from seen.v1 import library_pb2
from seen.v1.types_pb2 import ANIME, SHOW
from tests.integration.gateway.conftest import Gateway

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_with_a_token_suggestions_are_personal(gateway: Gateway) -> None:
    response = await gateway.as_user("POST", "/suggest", json={"types": ["SHOW", "ANIME"], "amount": 3})
    assert response.status_code == 200
    assert response.json()["personal"] is True
    asked = library_pb2.SuggestRequest(subject="auth0|ana", types=[SHOW, ANIME], amount=3)
    assert gateway.fakes.library.asked[0][1] == asked


async def test_without_a_token_suggestions_are_not_personal(gateway: Gateway) -> None:
    response = await gateway.ask("POST", "/suggest", json={})
    assert response.json()["personal"] is False
    assert gateway.fakes.library.asked[0][1] == library_pb2.SuggestRequest(amount=10)


async def test_an_empty_body_requests_the_defaults(gateway: Gateway) -> None:
    assert (await gateway.ask("POST", "/suggest")).status_code == 200
    assert gateway.fakes.library.asked[0][1] == library_pb2.SuggestRequest(amount=10)


async def test_suggestions_name_their_category(gateway: Gateway) -> None:
    found = (await gateway.as_user("POST", "/suggest")).json()
    assert found["categories"] == [{"category": "Fantasy", "points": 4}]
    assert [suggestion.get("because") for suggestion in found["suggestions"]] == ["Fantasy", None]


async def test_an_invalid_token_is_401_although_a_token_is_optional(gateway: Gateway) -> None:
    expired = gateway.provider.token(exp=1)
    assert (await gateway.ask("POST", "/suggest", expired)).status_code == 401
    assert (await gateway.ask("POST", "/suggest", headers={"Authorization": "Basic YTpi"})).status_code == 401
    assert gateway.fakes.asked == []


async def test_a_token_without_the_permission_is_403(gateway: Gateway) -> None:
    assert (await gateway.ask("POST", "/suggest", gateway.provider.token(permissions=[]))).status_code == 403
