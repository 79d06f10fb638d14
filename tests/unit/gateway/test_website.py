"""The website's files as they are prepared at start: paths, headers, compression, and the page of an item."""

import gzip
import posixpath
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from seen.v1.types_pb2 import ANIME, BOOK, Item
from services.gateway.handlers.users import STATE_COOKIE
from services.gateway.http.website import (
    FOLDER,
    MAX_DESCRIPTION,
    MEDIA_TYPES,
    Variants,
    Website,
    accepts_gzip,
    content_security_policy,
)
from tests.integration.gateway.fakes import BOOK_ID, HOBBIT

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Seen</title>
<link rel="stylesheet" href="__APP__/style.css">
<script type="module" src="__APP__/main.js"></script>
</head>
<body></body>
</html>
"""
SCRIPT = "import { card } from './views/card.js';\n" * 20
HOSTILE = """</title><script>alert(1)</script>"'&amp;\u202e"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {
        "index.html": PAGE,
        "main.js": SCRIPT,
        "style.css": "body { color: red }\n" * 20,
        "views/card.js": "export function card() {}\n",
        "README.md": "# website",
        "__init__.py": "",
        ".hidden.js": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def website(folder: Path) -> Website:
    return Website(folder, "https://seen.example", "https://tenant.eu.auth0.com")


def respond(variants: Variants, accept_encoding: str = "") -> tuple[dict[str, str], bytes]:
    headers = [(b"accept-encoding", accept_encoding.encode())] if accept_encoding else []
    response = variants.response({"type": "http", "headers": headers})
    return dict(response.headers), bytes(response.body)


def page_of(folder: Path, item: Item | None) -> str:
    return respond(website(folder).page(item))[1].decode()


class Head(HTMLParser):
    """The title and the Open Graph properties of a page, as a parser reads them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.title = ""
        self.properties: dict[str, str | None] = {}
        self.scripts = 0
        self._in_title = False
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        self._in_title = tag == "title"
        self.scripts += tag == "script"
        if tag == "meta" and (name := values.get("property")):
            self.properties[name] = values["content"]

    def handle_endtag(self, tag: str) -> None:
        self._in_title = False

    def handle_data(self, data: str) -> None:
        self.title += data if self._in_title else ""


def test_all_served_files_except_the_page_are_under_one_path(folder: Path) -> None:
    paths = website(folder).files
    [root] = {path.split("/")[2] for path in paths}
    assert re.fullmatch("[0-9a-f]{16}", root)
    assert set(paths) == {f"/app/{root}/{name}" for name in ("main.js", "style.css", "views/card.js")}


def test_the_page_names_the_path_of_the_files(folder: Path) -> None:
    page = page_of(folder, None)
    linked = set(re.findall('(?:href|src)="([^"]+)"', page))
    assert linked < website(folder).files.keys()
    assert "__APP__" not in page


@pytest.mark.parametrize("change", ["another content", "another name", "a new file"])
def test_the_path_changes_when_a_file_changes(folder: Path, change: str) -> None:
    before = set(website(folder).files)
    if change == "another content":
        (folder / "views/card.js").write_text("export function card() { }\n")
    elif change == "another name":
        (folder / "views/card.js").rename(folder / "views/cards.js")
    else:
        (folder / "new.js").touch()
    assert not before & set(website(folder).files)


def test_the_path_is_the_same_at_each_start(folder: Path) -> None:
    assert website(folder).files.keys() == website(folder).files.keys()


def test_a_file_is_cached_for_ever_and_the_page_is_not(folder: Path) -> None:
    site = website(folder)
    for variants in site.files.values():
        assert respond(variants)[0]["cache-control"] == "public, max-age=31536000, immutable"
    assert respond(site.page(None))[0]["cache-control"] == "public, no-cache"


def test_a_module_has_the_media_type_of_javascript(folder: Path) -> None:
    types = {Path(path).suffix: respond(file)[0]["content-type"] for path, file in website(folder).files.items()}
    assert types == {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}


def test_a_file_is_compressed_for_clients_that_accept_gzip(folder: Path) -> None:
    [module] = [file for path, file in website(folder).files.items() if path.endswith("/main.js")]
    plain_headers, plain = respond(module)
    gzip_headers, compressed = respond(module, "gzip, deflate, br")
    assert (plain.decode(), gzip.decompress(compressed).decode()) == (SCRIPT, SCRIPT)
    assert "content-encoding" not in plain_headers
    assert gzip_headers["content-encoding"] == "gzip"
    assert plain_headers["vary"] == gzip_headers["vary"] == "Accept-Encoding"
    assert plain_headers["etag"] != gzip_headers["etag"]  # a strong ETag belongs to one representation


def test_a_file_that_would_grow_is_not_compressed(folder: Path) -> None:
    [module] = [file for path, file in website(folder).files.items() if path.endswith("/card.js")]
    assert "content-encoding" not in respond(module, "gzip")[0]


@pytest.mark.parametrize("header", ["gzip", "GZIP", "br, gzip;q=0.5", "*", "deflate;q=0, *;q=0.1", "gzip ; Q = 1.000"])
def test_gzip_is_accepted(header: str) -> None:
    assert accepts_gzip(header)


@pytest.mark.parametrize(
    "header", ["", "identity", "br", "gzip;q=0", "gzip;q=0.000, *", "*;q=0", "x-gzipped", "gzip;level=9"]
)
def test_gzip_is_not_accepted(header: str) -> None:
    assert not accepts_gzip(header)


def test_the_policy_allows_only_this_server_the_identity_provider_and_covers() -> None:
    assert content_security_policy("https://tenant.eu.auth0.com/path") == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: data:; "
        "connect-src 'self' https://tenant.eu.auth0.com; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )


def test_the_page_of_an_item_has_its_title_and_open_graph_tags(folder: Path) -> None:
    head = Head(page_of(folder, HOBBIT))
    assert head.title == "The Hobbit · Seen"
    assert head.properties == {
        "og:site_name": "Seen",
        "og:type": "book",
        "og:title": "The Hobbit",
        "og:url": f"https://seen.example/?item=BOOK/{BOOK_ID}",
        "og:description": "In a hole in the ground there lived a hobbit.",
        "og:image": "https://images.example/books/5907.jpg",
    }


def test_only_the_title_differs_from_the_plain_page(folder: Path) -> None:
    plain, page = page_of(folder, None), page_of(folder, HOBBIT)
    before, after = plain.split("<title>Seen</title>")
    assert page.startswith(before)
    assert page.endswith(after)


def test_texts_of_an_item_are_escaped(folder: Path) -> None:
    item = Item(type=ANIME, id=BOOK_ID, name=HOSTILE, description=HOSTILE, image_url=f"https://x/{HOSTILE}")
    head = Head(page_of(folder, item))
    assert head.title == f"{HOSTILE} · Seen"
    assert head.properties["og:title"] == head.properties["og:description"] == HOSTILE
    assert head.properties["og:image"] == f"https://x/{HOSTILE}"
    assert head.scripts == Head(page_of(folder, None)).scripts


def test_a_placeholder_in_an_items_name_is_not_replaced(folder: Path) -> None:
    head = Head(page_of(folder, Item(type=BOOK, id=BOOK_ID, name="__APP__ <title>Seen</title>")))
    assert head.title == "__APP__ <title>Seen</title> · Seen"


def test_a_cover_without_https_is_left_out(folder: Path) -> None:
    item = Item(type=BOOK, id=BOOK_ID, name="x", image_url="http://images.example/books/5907.jpg")
    assert "og:image" not in Head(page_of(folder, item)).properties


def test_an_item_without_a_description_is_described_by_its_categories(folder: Path) -> None:
    item = Item(type=BOOK, id=BOOK_ID, name="x", category=["Fantasy", "Classics"])
    assert Head(page_of(folder, item)).properties["og:description"] == "Fantasy, Classics"
    item.ClearField("category")
    assert "og:description" not in Head(page_of(folder, item)).properties


def test_a_long_description_is_cut_between_words(folder: Path) -> None:
    item = Item(type=BOOK, id=BOOK_ID, name="x", description="long\n" + "word " * 1000)
    description = Head(page_of(folder, item)).properties["og:description"]
    assert description
    assert len(description) <= MAX_DESCRIPTION
    assert description.endswith("word…")


def test_two_items_have_different_etags(folder: Path) -> None:
    site = website(folder)
    items = [None, HOBBIT, Item(type=BOOK, id=BOOK_ID, name="x")]
    assert len({respond(site.page(item))[0]["etag"] for item in items}) == 3


@pytest.mark.parametrize("placeholder", ["__APP__", "<title>Seen</title>"])
def test_a_page_template_without_a_placeholder_is_refused(folder: Path, placeholder: str) -> None:
    (folder / "index.html").write_text(PAGE.replace(placeholder, ""))
    with pytest.raises(ValueError, match=re.escape(f"{placeholder} is missing")):
        website(folder)


def test_every_file_of_the_website_is_served() -> None:
    names = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file()}
    served = {path.split("/", 3)[3] for path in website(FOLDER).files}
    assert names - served <= {"index.html", "README.md"}
    assert {Path(name).suffix for name in served} <= MEDIA_TYPES.keys()


def test_every_file_that_the_website_names_exists() -> None:
    """Modules name each other by relative paths; the page names files by their path on the server."""
    site = website(FOLDER)
    linked = set(re.findall(r'(?:href|src)="(/app/[^"]+)"', respond(site.page(None))[1].decode()))
    for path, file in site.files.items():
        if path.endswith(".js"):
            imported = re.findall(r"""(?:from|import)\s*\(?\s*["'](\.[^"']+)["']""", respond(file)[1].decode())
            linked |= {posixpath.normpath(posixpath.join(posixpath.dirname(path), name)) for name in imported}
    assert linked
    assert linked <= site.files.keys()


def test_the_website_reads_the_cookie_that_sign_in_sets() -> None:
    assert any(f'"{STATE_COOKIE}"' in path.read_text() for path in FOLDER.rglob("*.js"))
