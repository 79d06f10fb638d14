"""The website's files: their size, the modules that the page preloads, and limits that the API has too."""

import gzip
import re
from pathlib import Path

import httpx
from connexion.json_schema import resolve_refs

from scripts.local.suite import ROOT
from services.gateway import specification
from tests.end_to_end.suites import SuiteUnderTest

FOLDER = ROOT / "services" / "website"


MAX_SIZE = 60_000  # bytes, compressed, of all files together


def test_the_files_are_small(suite: SuiteUnderTest) -> None:
    with httpx.Client(base_url=suite.url) as client:
        page = client.get("/").text
        app = re.search(r"/app/[0-9a-f]+", page)
        assert app
        names = [name.relative_to(FOLDER).as_posix() for name in files()]
        sizes = {
            name: len(client.get(f"{app[0]}/{name}").raise_for_status().content) and compressed(FOLDER / name)
            for name in names
        }
    assert sum(sizes.values()) + compressed(FOLDER / "index.html") <= MAX_SIZE, sizes


def compressed(file: Path) -> int:
    return len(gzip.compress(file.read_bytes()))


def files() -> list[Path]:
    return [file for file in FOLDER.rglob("*") if file.suffix in (".js", ".css", ".svg")]


def test_the_page_announces_every_module_to_the_browser() -> None:
    page = (FOLDER / "index.html").read_text()
    announced = re.findall(r'(?:rel="modulepreload" href|type="module" src)="__APP__/([^"]+)"', page)
    assert sorted(announced) == sorted(file.relative_to(FOLDER).as_posix() for file in FOLDER.rglob("*.js"))


def test_limits_are_those_of_the_specification() -> None:
    limits = (FOLDER / "limits.js").read_text()
    numbers = re.findall(r"^export const (\w+) = (-?[\d_]+);$", limits, re.MULTILINE)
    [item_key] = re.findall(r"^export const ITEM_KEY = /(.+)/;$", limits, re.MULTILINE)
    document = resolve_refs(specification.document("https://tenant.eu.auth0.com"))
    schemas = document["components"]["schemas"]
    item, request = schemas["NewItem"]["properties"], schemas["SuggestionRequest"]["properties"]
    page, marks, director = (
        {parameter["name"]: parameter["schema"] for parameter in document["paths"][path]["get"]["parameters"]}
        for path in ("/lib/{page}", "/user/marks", "/bestDirector")
    )
    assert item_key.replace("\\/", "/") == schemas["ItemPath"]["pattern"]
    assert marks["items"]["maxItems"] == page["size"]["maximum"]
    assert {name: int(number) for name, number in numbers} == {
        "MAX_ITEMS": page["size"]["maximum"],
        "MAX_EXCLUDED": request["exclude"]["maxItems"],
        "MAX_LIKES": request["likes"]["maxItems"],
        "MAX_SEARCH": page["search"]["maxLength"],
        "MAX_USERNAME": schemas["Username"]["maxLength"],
        "MAX_NAME": item["name"]["maxLength"],
        "MAX_KIND": item["kind"]["maxLength"],
        "MAX_IMAGE_URL": item["imageUrl"]["maxLength"],
        "MAX_SOURCE_ID": item["sourceId"]["maxLength"],
        "MAX_DESCRIPTION": item["description"]["maxLength"],
        "MIN_YEAR": item["year"]["minimum"],
        "MAX_YEAR": item["year"]["maximum"],
        "MAX_RATING": item["rating"]["maximum"],
        "DEFAULT_MIN_FILMS": director["minFilms"]["default"],
        "DEFAULT_MIN_VOTES": director["minVotes"]["default"],
        "MAX_MIN_FILMS": director["minFilms"]["maximum"],
        "MAX_MIN_VOTES": director["minVotes"]["maximum"],
    }
