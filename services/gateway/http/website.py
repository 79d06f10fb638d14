"""The website's files: the page, and all other files under a path that changes with their content.

They are read, hashed and compressed once, at start. Only the page of an item is made for each request.
"""

import gzip
import hashlib
import html
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Scope

from seen.v1.types_pb2 import BOOK, Item, ItemType
from services.gateway.http.responses import REVALIDATE, Tagged

FOLDER = Path(__file__).parents[2] / "website"
PAGE = "index.html"
FILES_PREFIX = "/app/"
# Replaced in the page: by the path of the other files, and by an item's title and Open Graph tags.
PATH_PLACEHOLDER = "__APP__"
TITLE_PLACEHOLDER = "<title>Seen</title>"

FOREVER = "public, max-age=31536000, immutable"  # the path changes with the content
# By suffix. Other files, such as README.md, are not served.
MEDIA_TYPES: Mapping[str, str] = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

MAX_DESCRIPTION = 300  # characters; apps that preview links show fewer
# https://ogp.me/#types
OPEN_GRAPH_TYPES: Mapping[int, str] = {BOOK: "book"}
OTHER_OPEN_GRAPH_TYPE = "video.other"

_WEIGHT = re.compile(r"\s*q\s*=\s*([01](?:\.[0-9]{0,3})?)\s*", re.IGNORECASE)


class Website:
    """`files` are the files other than the page, by their path on the server."""

    def __init__(self, folder: Path, public_url: str, identity_provider_url: str) -> None:
        """Raises ValueError if a placeholder is missing in the page, OSError if the page cannot be read."""
        self._public_url = public_url
        contents = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.suffix in MEDIA_TYPES and not path.name.startswith(".")
        }
        files_path = f"{FILES_PREFIX}{_digest(contents)}"
        self.files = {
            f"{files_path}/{name}": Variants(content, MEDIA_TYPES[Path(name).suffix], FOREVER)
            for name, content in contents.items()
        }
        page = (folder / PAGE).read_text(encoding="utf-8")
        for placeholder in (PATH_PLACEHOLDER, TITLE_PLACEHOLDER):
            if placeholder not in page:
                raise ValueError(f"{folder / PAGE}: {placeholder} is missing")
        self._page = page.replace(PATH_PLACEHOLDER, files_path)
        self._page_headers = {"Content-Security-Policy": content_security_policy(identity_provider_url)}
        self._plain_page = self._variants(self._page)

    def page(self, item: Item | None) -> "Variants":
        """The page. If its URL names an item, it has the item's title and Open Graph tags, for link previews."""
        if item is None:
            return self._plain_page
        return self._variants(self._page.replace(TITLE_PLACEHOLDER, _title_and_tags(item, self._public_url), 1))

    def _variants(self, page: str) -> "Variants":
        return Variants(page.encode(), "text/html", REVALIDATE, self._page_headers)


class Variants:
    """The responses with a file's content: uncompressed, and compressed with gzip if that is shorter."""

    def __init__(
        self, content: bytes, media_type: str, cache_control: str, headers: Mapping[str, str] | None = None
    ) -> None:
        headers = {"Vary": "Accept-Encoding", **(headers or {})}
        self._plain = Tagged(content, cache_control, headers, media_type)
        compressed = gzip.compress(content, mtime=0)  # the same bytes, and so the same ETag, at each start
        if len(compressed) < len(content):
            headers["Content-Encoding"] = "gzip"
            self._compressed = Tagged(compressed, cache_control, headers, media_type)
        else:
            self._compressed = self._plain

    def response(self, scope: Scope) -> Response:
        """The compressed response if the request accepts it."""
        accepted = ", ".join(Headers(scope=scope).getlist("accept-encoding"))
        return self._compressed if accepts_gzip(accepted) else self._plain


def accepts_gzip(accept_encoding: str) -> bool:
    """RFC 9110, section 12.5.3: weight 0 refuses a coding, and `*` stands for all codings that are not listed."""
    weights: dict[str, float] = {}
    for entry in accept_encoding.lower().split(","):
        coding, separator, parameter = entry.partition(";")
        weight = _WEIGHT.fullmatch(parameter)
        weights[coding.strip()] = float(weight[1]) if weight else float(not separator)
    return weights.get("gzip", weights.get("*", 0)) > 0


def content_security_policy(identity_provider_url: str) -> str:
    """Admits images from any HTTPS server, everything else only from this server, and calls of the identity provider.

    Trusted Types are required and no policy of them is allowed, so scripts cannot turn text into HTML or code.
    """
    provider = urlsplit(identity_provider_url)
    directives = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' https: data:",
        "connect-src": f"'self' {provider.scheme}://{provider.netloc}",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in directives.items())


def _digest(contents: Mapping[str, bytes]) -> str:
    """A digest of all names and contents."""
    digest = hashlib.blake2b(digest_size=8)
    for name, content in contents.items():
        digest.update(f"{name}\0{len(content)}\0".encode())  # the length marks where the content ends
        digest.update(content)
    return digest.hexdigest()


def _title_and_tags(item: Item, public_url: str) -> str:
    """The title element and the Open Graph tags (https://ogp.me) of an item."""
    properties = {
        "og:site_name": "Seen",
        "og:type": OPEN_GRAPH_TYPES.get(item.type, OTHER_OPEN_GRAPH_TYPE),
        "og:title": item.name,
        "og:url": f"{public_url}/?item={ItemType.Name(item.type)}/{item.id}",
    }
    if description := _shorten(item.description) or ", ".join(item.category):
        properties["og:description"] = description
    if item.image_url.lower().startswith("https://"):
        properties["og:image"] = item.image_url
    tags = (f'<meta property="{name}" content="{html.escape(content)}">' for name, content in properties.items())
    return "\n".join((f"<title>{html.escape(item.name)} · Seen</title>", *tags))


def _shorten(text: str) -> str:
    """The text in one line, cut after a whole word to at most MAX_DESCRIPTION characters."""
    line = " ".join(text.split())
    if len(line) <= MAX_DESCRIPTION:
        return line
    return line[: MAX_DESCRIPTION - 1].rsplit(" ", 1)[0] + "…"
