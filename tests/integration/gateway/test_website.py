"""The website over HTTP: its page, its files, /site.json, and the titles of items' URLs."""

import re

import httpx
import pytest
from grpc import StatusCode

from seen.v1 import library_pb2
from seen.v1.types_pb2 import BOOK, ItemRef
from services.common.errors import NotFound, Unavailable
from tests.integration.gateway.conftest import Gateway
from tests.integration.gateway.fakes import BOOK_ID
from tests.integration.gateway.provider import AUDIENCE

pytestmark = pytest.mark.asyncio(loop_scope="package")

ITEM_PAGE = f"/?item=BOOK/{BOOK_ID}"
PLAIN_TITLE = "<title>Seen</title>"


def linked(page: httpx.Response) -> list[str]:
    return re.findall(r'(?:href|src)="(/app/[^"]+)"', page.text)


async def test_the_page_is_html_and_must_be_revalidated(gateway: Gateway) -> None:
    page = await gateway.request("GET", "/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "public, no-cache"
    assert PLAIN_TITLE in page.text


async def test_the_page_may_connect_to_the_identity_provider_only(gateway: Gateway) -> None:
    policy = (await gateway.request("GET", "/")).headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert f"connect-src 'self' {gateway.provider.url};" in policy


@pytest.mark.parametrize("coding", ["identity", "gzip"])
@pytest.mark.parametrize("path", ["/", ITEM_PAGE])
async def test_an_unchanged_page_is_304(gateway: Gateway, path: str, coding: str) -> None:
    accept = {"Accept-Encoding": coding}
    etag = (await gateway.request("GET", path, headers=accept)).headers["etag"]
    assert not etag.startswith("W/")
    again = await gateway.request("GET", path, headers={"If-None-Match": etag, **accept})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(("suffix", "media_type"), [(".js", "text/javascript"), (".css", "text/css")])
async def test_the_page_links_to_files_that_stay_cached(gateway: Gateway, suffix: str, media_type: str) -> None:
    [path, *_] = [path for path in linked(await gateway.request("GET", "/")) if path.endswith(suffix)]
    file = await gateway.request("GET", path)
    assert file.status_code == 200
    assert file.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert file.headers["content-type"] == f"{media_type}; charset=utf-8"


async def test_head_describes_a_file_without_sending_it(gateway: Gateway) -> None:
    [path, *_] = linked(await gateway.request("GET", "/"))
    head, file = await gateway.request("HEAD", path), await gateway.request("GET", path)
    assert head.content == b""
    assert head.headers["content-length"] == file.headers["content-length"]


@pytest.mark.parametrize(
    "path",
    [
        "/app",
        "/app/",
        "/app/{hash}",
        "/app/{hash}/",
        "/app/{hash}/index.html",
        "/app/{hash}/README.md",
        "/app/{hash}/../../../website/index.html",
        "/app/{hash}/%2e%2e/%2e%2e/settings.py",
        "/app/{hash}/..%2f..%2fsettings.py",
        "/app/{hash}//etc/passwd",
        "/app/0123456789abcdef/{file}",
        "/app/{file}",
        "/{file}",
        "/index.html",
        "/site.json/",
        "//",
    ],
)
async def test_no_other_path_is_served(gateway: Gateway, path: str) -> None:
    [_, _, digest, file] = linked(await gateway.request("GET", "/"))[0].split("/", 3)
    # Sent as it is: httpx would resolve the dots.
    raw = path.format(hash=digest, file=file).encode()
    url = httpx.URL(gateway.url).copy_with(raw_path=raw)
    assert (await gateway.client.get(url)).status_code == 404


@pytest.mark.parametrize("path", ["/", "/site.json"])
async def test_only_reading_is_supported(gateway: Gateway, path: str) -> None:
    refused = await gateway.request("POST", path)
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")


async def test_the_page_learns_how_to_sign_in(gateway: Gateway) -> None:
    site = await gateway.request("GET", "/site.json")
    assert site.json() == {
        "issuer": f"{gateway.provider.url}/",
        "clientId": "seen-website",
        "audience": AUDIENCE,
        "version": "1.0.0",
    }
    assert site.headers["cache-control"] == "public, no-cache"
    assert "etag" in site.headers


async def test_the_url_of_an_item_has_its_title(gateway: Gateway) -> None:
    page = await gateway.request("GET", ITEM_PAGE)
    assert "<title>The Hobbit · Seen</title>" in page.text
    assert f'<meta property="og:url" content="http://gateway.example/?item=BOOK/{BOOK_ID}">' in page.text
    expected = library_pb2.GetLibraryItemRequest(item=ItemRef(type=BOOK, id=BOOK_ID))
    assert gateway.fakes.calls == [("GetItem", expected)]


async def test_the_url_of_an_item_may_be_percent_encoded_and_have_other_parameters(gateway: Gateway) -> None:
    page = await gateway.request("GET", f"/?type=ANIME&item=BOOK%2F{BOOK_ID}&q=%C3%A9")
    assert "<title>The Hobbit · Seen</title>" in page.text


async def test_an_items_page_has_the_headers_of_the_page(gateway: Gateway) -> None:
    plain, page = await gateway.request("GET", "/"), await gateway.request("GET", ITEM_PAGE)
    for name in ("content-type", "content-security-policy", "cache-control", "referrer-policy"):
        assert page.headers[name] == plain.headers[name]


@pytest.mark.parametrize(
    "query",
    [
        "item=",
        "item=BOOK",
        f"item=book/{BOOK_ID}",
        f"item=NONE/{BOOK_ID}",
        f"item=BOOK/{BOOK_ID}%0A",
        f"item=BOOK/{BOOK_ID}/similar",
        "item=BOOK/%3Cscript%3E",
        f"item=%FF&item=BOOK/{BOOK_ID}",
        "&".join(f"a{number}=" for number in range(100)) + f"&item=BOOK/{BOOK_ID}",
        "code=abc&state=def",
    ],
)
async def test_a_url_without_a_valid_item_has_the_plain_page_without_a_call(gateway: Gateway, query: str) -> None:
    page = await gateway.request("GET", f"/?{query}")
    assert (page.status_code, PLAIN_TITLE in page.text) == (200, True)
    assert gateway.fakes.calls == []


@pytest.mark.parametrize(
    "error", [NotFound("there is no such item"), Unavailable("down"), StatusCode.INTERNAL], ids=lambda error: str(error)
)
async def test_an_item_that_cannot_be_read_has_the_plain_page(
    gateway: Gateway, error: NotFound | Unavailable | StatusCode
) -> None:
    plain = await gateway.request("GET", "/")
    gateway.fakes.library.errors["GetItem"] = error
    page = await gateway.request("GET", ITEM_PAGE)
    assert (page.status_code, page.headers["etag"]) == (200, plain.headers["etag"])


async def test_the_page_waits_at_most_a_second_for_an_item(gateway: Gateway) -> None:
    gateway.fakes.library.hold("GetItem")
    page = await gateway.request("GET", ITEM_PAGE)
    assert (page.status_code, PLAIN_TITLE in page.text) == (200, True)
    left_s = gateway.fakes.library.time_left_s
    assert left_s is not None
    assert left_s < 1.5  # of the gateway's 2 s; gRPC rounds up
