"""Usernames and marks as services/gateway/openapi describes them. tests/unit/gateway/test_limits.py compares limits."""

import re
import sys
import unicodedata
from pathlib import Path

import yaml

from services.account import domain, usernames
from services.common.errors import InvalidArgument

OPENAPI = Path(__file__).parents[3] / "services" / "gateway" / "openapi"
SCHEMAS = yaml.safe_load((OPENAPI / "schemas.yaml").read_text("utf-8"))["components"]["schemas"]
# JSON Schema's patterns are ECMAScript's, where `$` does not match before a line break.
USERNAME = re.compile(SCHEMAS["Username"]["pattern"].removesuffix("$") + r"\Z")


def service_accepts(username: str) -> bool:
    try:
        usernames.check(username)
    except InvalidArgument:
        return False
    return True


def test_every_username_that_the_service_accepts_matches_the_pattern_in_schemas_yaml() -> None:
    characters = map(chr, range(sys.maxunicode + 1))
    for character in (entry for entry in characters if unicodedata.category(entry) not in ("Cn", "Co", "Cs")):
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


def test_every_item_that_can_be_added_can_be_marked() -> None:
    assert SCHEMAS["NewItem"]["properties"]["category"]["maxItems"] <= domain.MAX_CATEGORIES
    assert SCHEMAS["Category"]["maxLength"] <= domain.MAX_CATEGORY_LENGTH
