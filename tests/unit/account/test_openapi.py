"""The limits of this service and those in services/gateway/openapi agree."""

import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.account import cursors, domain, servicer, usernames
from services.account.database import users
from services.common.errors import InvalidArgument

OPENAPI = Path(__file__).parents[3] / "services" / "gateway" / "openapi"


def components(file: str, kind: str) -> dict[str, Any]:
    section: dict[str, Any] = yaml.safe_load((OPENAPI / file).read_text("utf-8"))["components"][kind]
    return section


SCHEMAS = components("schemas.yaml", "schemas")
PARAMETERS = components("api.yaml", "parameters")
# JSON Schema's patterns are ECMAScript's, where `$` does not match before a line break.
USERNAME = re.compile(SCHEMAS["Username"]["pattern"].removesuffix("$") + r"\Z")


def resolve(schema: dict[str, Any]) -> dict[str, Any]:
    resolved: dict[str, Any] = SCHEMAS[schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema
    return resolved


def service_accepts(username: str) -> bool:
    try:
        usernames.check(username)
    except InvalidArgument:
        return False
    return True


def test_every_username_that_the_service_accepts_matches_the_pattern_in_schemas_yaml() -> None:
    for character in map(chr, range(sys.maxunicode + 1)):
        for username in (character, f"a{character}"):
            if not USERNAME.search(username):
                assert not service_accepts(username), (
                    f"U+{ord(character):04X}: services/account/usernames.py accepts it"
                )


def test_every_ascii_username_that_matches_the_pattern_in_schemas_yaml_is_accepted_by_the_service() -> None:
    ascii_characters = [chr(code) for code in range(128)]
    for username in [*ascii_characters, *(a + b for a in ascii_characters for b in ascii_characters)]:
        if USERNAME.search(username):
            assert service_accepts(username), f"{username!r}: services/account/usernames.py refuses it"


SEARCH = yaml.safe_load((OPENAPI / "users.yaml").read_text("utf-8"))["paths"]["/user/search/{username}"]["get"]
LIMITS = {
    "schemas.yaml: Username and usernames.MAX_LENGTH": (SCHEMAS["Username"]["maxLength"], usernames.MAX_LENGTH),
    "schemas.yaml: Usernames and users.MAX_SEARCH_RESULTS": (
        SCHEMAS["Usernames"]["properties"]["usernames"]["maxItems"],
        users.MAX_SEARCH_RESULTS,
    ),
    "users.yaml: search_users and usernames.prefix_key": (
        resolve(SEARCH["parameters"][0]["schema"])["maxLength"],
        usernames.MAX_LENGTH,
    ),
    "api.yaml: size and servicer.MAX_LIST_SIZE": (PARAMETERS["size"]["schema"]["maximum"], servicer.MAX_LIST_SIZE),
    "api.yaml: cursor and cursors.MAX_LENGTH": (PARAMETERS["cursor"]["schema"]["maxLength"], cursors.MAX_LENGTH),
}


@pytest.mark.parametrize(("openapi", "service"), LIMITS.values(), ids=LIMITS)
def test_a_limit_is_the_same_in_the_openapi_document_and_the_service(openapi: int, service: int) -> None:
    assert openapi == service


def test_every_item_that_can_be_added_can_be_marked() -> None:
    assert SCHEMAS["NewItem"]["properties"]["category"]["maxItems"] <= domain.MAX_CATEGORIES
    assert SCHEMAS["Category"]["maxLength"] <= domain.MAX_CATEGORY_LENGTH
