"""Every limit, pattern and enumeration of the OpenAPI document agrees with the service that enforces it.

The fields of an item are those of the proto, and their limits those of services/catalog/item.py.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest

from seen.v1 import library_pb2
from seen.v1.types_pb2 import Item as ItemMessage
from services.account import cursors, usernames
from services.account import servicer as account
from services.account.database import users
from services.catalog import item as catalog
from services.catalog.store import ids, search
from services.common import checks
from services.common.errors import InvalidArgument
from services.gateway import specification
from services.library import servicer as library
from services.library.suggestions.suggester import Strategy
from services.spark_connector.queries import BEST_DIRECTOR

DOCUMENT = specification.document("https://tenant.eu.auth0.com")
SCHEMAS = DOCUMENT["components"]["schemas"]
KEYWORDS = ("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "default")
# All control characters and white space, and samples of other characters.
CHARACTERS = [*map(chr, range(0x3100)), "\uffff", "\U0001f600"]

FILMS, VOTES = BEST_DIRECTOR.parameters["min_films"], BEST_DIRECTOR.parameters["min_votes"]
# By a number's place in the document: the file and the value that it must equal.
SOURCES: dict[str, tuple[str, object]] = {
    "list_items.page.maximum": ("services/library/servicer.py", library.MAX_PAGE),
    "size.maximum": ("services/library/servicer.py", library.MAX_PAGE_SIZE),
    "cursor.maxLength": ("services/account/cursors.py", cursors.MAX_LENGTH),
    "Search.maxLength": ("services/library/servicer.py", library.MAX_SEARCH),
    "Category.maxLength": ("services/library/servicer.py", library.MAX_CATEGORY),
    "Username.maxLength": ("services/account/usernames.py", usernames.MAX_LENGTH),
    "items.maxItems": ("services/library/servicer.py", library.MAX_BATCH),
    "Usernames.usernames.maxItems": ("services/account/database/users.py", users.MAX_SEARCH_RESULTS),
    "SuggestionRequest.amount.maximum": ("services/library/servicer.py", library.MAX_SUGGESTIONS),
    "SuggestionRequest.exclude.maxItems": ("services/library/servicer.py", library.MAX_EXCLUDED),
    "SuggestionRequest.likes.maxItems": ("services/library/servicer.py", library.MAX_LIKES),
    "SuggestionRequest.seed.maximum": ("services/library/servicer.py", 2**library.SEED_BITS - 1),
    "Suggestions.seed.maximum": ("services/library/servicer.py", 2**library.SEED_BITS - 1),
    "list_similar.limit.maximum": ("services/library/servicer.py", library.MAX_SIMILAR),
    "get_best_director.minFilms.maximum": ("services/spark_connector/queries.py", FILMS.maximum),
    "get_best_director.minFilms.default": ("services/spark_connector/queries.py", FILMS.default),
    "get_best_director.minVotes.maximum": ("services/spark_connector/queries.py", VOTES.maximum),
    "get_best_director.minVotes.default": ("services/spark_connector/queries.py", VOTES.default),
}
SOURCES |= {place.replace("get_", "refresh_"): source for place, source in SOURCES.items() if place.startswith("get_")}
# Limits that no service enforces: defaults, a bound on the work for a request, and ranges of values in responses.
ONLY_IN_THE_DOCUMENT = {
    "size.default",
    "SuggestionRequest.amount.default",
    "SuggestionRequest.strategy.default",
    "SuggestionRequest.types.maxItems",
    "list_similar.limit.default",
    "TopTen.items.maxItems",
    "Computation.progress.maximum",
    "SuggestionQuality.ndcgAt10.maximum",
    "SuggestionQuality.votesNdcgAt10.maximum",
    "Problem.status.minimum",
    "Problem.status.maximum",
}


def item_limits() -> Iterator[tuple[str, tuple[str, object]]]:
    for name, limit in catalog.LIMITS.items():
        schema = "ItemName" if name == "name" else f"NewItem.{catalog.CAMEL_CASE[name]}"
        if isinstance(limit, catalog.Text):
            yield f"{schema}.maxLength", (f"services/catalog/item.py: {name}", limit.max_length)
        elif isinstance(limit, catalog.Number):
            yield f"{schema}.minimum", (f"services/catalog/item.py: {name}", limit.minimum)
            yield f"{schema}.maximum", (f"services/catalog/item.py: {name}", limit.maximum)
        else:
            yield f"{schema}.maxItems", (f"services/catalog/item.py: {name}", limit.max_entries)


SOURCES |= dict(item_limits())


def limits(schema: Any, place: str) -> Iterator[tuple[str, object]]:
    """The limits in a schema by their places, without those that only exclude empty and negative values."""
    for keyword in KEYWORDS:
        if keyword in schema and not (keyword.startswith("min") and schema[keyword] in (0, 1)):
            yield f"{place}.{keyword}", schema[keyword]
    for name, member in schema.get("properties", {}).items():
        yield from limits(member, f"{place}.{name}")
    if "items" in schema:
        yield from limits(schema["items"], f"{place}[]")


def all_limits() -> dict[str, object]:
    collected: dict[str, object] = {}
    for name, schema in SCHEMAS.items():
        collected |= dict(limits(schema, name))
    parameters = DOCUMENT["components"]["parameters"]
    for name, parameter in parameters.items():
        collected |= dict(limits(parameter["schema"], name))
    for methods in DOCUMENT["paths"].values():
        for operation in methods.values():
            for parameter in operation.get("parameters", []):
                if "schema" in parameter:
                    collected |= dict(limits(parameter["schema"], f"{operation['operationId']}.{parameter['name']}"))
    return collected


LIMITS = all_limits()
# A rating in a response, and the fields that Item shares with NewItem.
DERIVED = {place for place in LIMITS if place.startswith("Item.") or place.endswith(("ating.minimum", "ating.maximum"))}


@pytest.mark.parametrize("place", sorted(SOURCES))
def test_a_limit_is_the_same_in_the_document_and_its_source(place: str) -> None:
    source, value = SOURCES[place]
    assert LIMITS.get(place) == value or (value == 0 and place not in LIMITS), f"openapi: {place}, and {source}"


def test_each_limit_of_the_document_has_a_source() -> None:
    assert LIMITS.keys() - DERIVED - ONLY_IN_THE_DOCUMENT <= SOURCES.keys()


def test_a_search_finds_as_many_items_as_the_document_says() -> None:
    assert f"at most {search.MAX_HITS} " in SCHEMAS["Page"]["properties"]["total"]["description"]


def test_other_services_have_the_same_limits_as_the_library() -> None:
    assert library.MAX_PAGE_SIZE == account.MAX_LIST_SIZE, "services/library and services/account: page size"
    assert library.MAX_BATCH == account.MAX_GET_ITEMS, "services/library and services/account: items at once"
    assert catalog.CATEGORY.max_length == library.MAX_CATEGORY, "services/library and services/catalog: category"


# Fields


def test_the_strategies_are_those_of_the_proto_and_of_the_library() -> None:
    names = [name.lower() for name in library_pb2.Strategy.keys()]  # noqa: SIM118
    assert SCHEMAS["SuggestionRequest"]["properties"]["strategy"]["enum"] == names == list(Strategy)


def test_the_fields_of_an_item_are_those_of_the_proto() -> None:
    fields = {field.json_name for field in ItemMessage.DESCRIPTOR.fields}
    required = {field.json_name for field in ItemMessage.DESCRIPTOR.fields if not field.has_presence}
    item, new_item = SCHEMAS["Item"], SCHEMAS["NewItem"]
    assert item["properties"].keys() == fields, "schemas.yaml: Item, and types.proto: Item"
    assert set(item["required"]) == required, "schemas.yaml: Item, and types.proto: Item"
    computed = {"id", "themes"}
    assert new_item["properties"].keys() == fields - computed, "schemas.yaml: NewItem, and types.proto: Item"
    for name in fields - required:
        assert item["properties"][name] == new_item["properties"][name], f"schemas.yaml: Item and NewItem: {name}"
    assert {catalog.CAMEL_CASE[name] for name in catalog.LIMITS} == fields - computed - {"type"}, (
        "services/catalog/item.py: Item, and types.proto: Item"
    )


# Patterns


def accepted(pattern: str, characters: list[str], before: str = "", after: str = "") -> set[str]:
    search_pattern = re.compile(pattern).search
    return {character for character in characters if search_pattern(before + character + after)}


@pytest.mark.parametrize(
    ("schema", "line_breaks"), [(SCHEMAS["ItemName"], False), (SCHEMAS["NewItem"]["properties"]["description"], True)]
)
def test_text_may_contain_the_characters_that_services_accept(schema: Any, line_breaks: bool) -> None:
    controls = [character for character in CHARACTERS if unicodedata.category(character) == "Cc"]
    others = set(CHARACTERS) - set(controls)
    allowed = set("\t\r\n") if line_breaks else set()
    assert accepted(schema["pattern"], CHARACTERS, "a", "b") == others | allowed
    for character in controls:
        if character in allowed:
            assert checks.text("field", f"a{character}b", 9, line_breaks=line_breaks)
        else:
            with pytest.raises(InvalidArgument):
                checks.text("field", f"a{character}b", 9, line_breaks=line_breaks)


def test_text_needs_a_visible_character() -> None:
    spaces = [character for character in CHARACTERS if character.isspace()]
    assert not accepted(SCHEMAS["ItemName"]["pattern"], spaces)
    for character in spaces:
        with pytest.raises(InvalidArgument):
            checks.text("field", character, 9)


def test_all_texts_have_the_same_pattern() -> None:
    texts = [SCHEMAS[name] for name in ("ItemName", "Category", "Search")]
    texts += [SCHEMAS["NewItem"]["properties"][name] for name in ("kind", "sourceId")]
    assert len({text["pattern"] for text in texts}) == 1


def test_a_path_of_an_item_is_a_type_and_an_id() -> None:
    path = SCHEMAS["ItemPath"]
    assert re.search(path["pattern"], path["example"])
    assert path["pattern"].endswith(SCHEMAS["ItemId"]["pattern"].removeprefix("^"))
    assert not re.search(path["pattern"], "FILM/" + "0" * 24)


def test_an_id_may_begin_with_the_character_of_a_shard() -> None:
    assert "".join(sorted(accepted(SCHEMAS["ItemId"]["pattern"], CHARACTERS, after="0" * 24))) == (ids.SHARD_CHARACTERS)


@pytest.mark.parametrize("link", ["https://a", "http://a.example:80/b?c#d", "HTTPS://münchen.example/1.jpg"])
def test_links_are_accepted_by_the_catalog_too(link: str) -> None:
    assert re.search(SCHEMAS["NewItem"]["properties"]["imageUrl"]["pattern"], link)
    assert catalog.IMAGE_URL.accepts(link)


@pytest.mark.parametrize(
    "link", ["http://", "http:///a", "http://:80", "http://a@", "ftp://a", "http://a b", "http://[::1"]
)
def test_what_is_not_a_link_is_refused(link: str) -> None:
    assert not re.search(SCHEMAS["NewItem"]["properties"]["imageUrl"]["pattern"], link)


def test_a_username_contains_no_emoji() -> None:  # services/account tests what usernames may contain
    assert not re.search(SCHEMAS["Username"]["pattern"], "Á😍")
