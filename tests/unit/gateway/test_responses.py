"""The bytes of JSON responses."""

import json

import pytest

from services.gateway import specification
from services.gateway.convert import to_json
from services.gateway.http.responses import Json
from tests.integration.gateway.fakes import HOBBIT, UNRATED


@pytest.mark.parametrize(
    "content",
    [
        {"items": [to_json(HOBBIT), to_json(UNRATED)], "total": 2**63 - 1, "missing": []},
        {"name": "Shōgun 将軍 🗡", "description": 'quotes " \\ / \b\f\n\r\t \x00\x1f\x7f \u2028'},
        {"ratings": [0.0, 10.0, 8.52, 0.01, 1e-4, 9.999999999999998], "no": None, "yes": True},
        specification.document("https://tenant.eu.auth0.com"),
    ],
    ids=["a page", "text", "numbers", "the specification"],
)
def test_content_is_encoded_as_by_the_standard_library(content: object) -> None:
    expected = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    assert Json(content).body == expected
