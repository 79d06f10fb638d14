"""The website: its page, and its other files under a path that changes with their content.

Everything is read, hashed and compressed once, at start.
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
# In the page: the path of the other files, and the line that gives way to an item's title and Open Graph tags.
PATH_PLACEHOLDER = "__APP__"
TITLE_PLACEHOLDER = "<title>Seen</title>"

FOREVER = "public, max-age=31536000, immutable"  # the path changes with the content
# Files of other kinds, such as README.md, are not served.
MEDIA_TYPES: Mapping[str, str] = {
    ".css": "text/css",
    ".ico": "image/x-icon",
    ".js": "text/javascript",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}

MAX_DESCRIPTION = 300  # characters; those who show links cut it shorter
# https://ogp.me/#types
OPEN_GRAPH_TYPES: Mapping[int, str] = {BOOK: "book"}
OTHER_OPEN_GRAPH_TYPE = "video.other"

_WEIGHT = re.compile(r"\s*q\s*=\s*([01](?:\.[0-9]{0,3})?)\s*", re.IGNORECASE)


class Website:
    def __init__(self, folder: Path, public_url: str, identity_provider_url: str) -> None:
        """Raises ValueError if a placeholder is missing in the page, OSError if the page cannot be read."""
        self._public_url = public_url
        contents = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.suffix in MEDIA_TYPES and not path.name.startswith(".")
        }
        files_path = f"{FILES_PREFIX}{_hash(contents)}"
        # By path on the server.
        self.files = {
            f"{files_path}/{name}": Variants(content, MEDIA_TYPES[Path(name).suffix], FOREVER)
            for name, content in contents.items()
        }
        page = (folder / PAGE).read_text(encoding="utf-8")
        for placeholder in (PATH_PLACEHOLDER, TITLE_PLACEHOLDER):
            if placeholder not in page:
                raise ValueError(f"{folder / PAGE}: {placeholder} is missing")
        self._page = page.replace(PATH_PLACEHOLDER, files_path)
        self._page_headers = {"Content-Security-Policy": policy(identity_provider_url)}
        self._plain_page = self._variants(self._page)

    def page(self, item: Item | None) -> "Variants":
        """The page; with the title and the Open Graph tags of an item, for those who show links."""
        if item is None:
            return self._plain_page
        return self._variants(self._page.replace(TITLE_PLACEHOLDER, _head(item, self._public_url), 1))

    def _variants(self, page: str) -> "Variants":
        return Variants(page.encode(), "text/html", REVALIDATE, self._page_headers)


class Variants:
    """A file as it is and, if that is shorter, compressed."""

    def __init__(
        self, content: bytes, media_type: str, cache_control: str, headers: Mapping[str, str] | None = None
    ) -> None:
        headers = {"Vary": "Accept-Encoding", **(headers or {})}
        self._plain = Tagged(content, cache_control, headers, media_type)
        compressed = gzip.compress(content, mtime=0)  # the same at each start, as its ETag
        if len(compressed) < len(content):
            headers["Content-Encoding"] = "gzip"
            self._compressed = Tagged(compressed, cache_control, headers, media_type)
        else:
            self._compressed = self._plain

    def response(self, scope: Scope) -> Response:
        """The one that the request accepts."""
        accepted = ", ".join(Headers(scope=scope).getlist("accept-encoding"))
        return self._compressed if accepts_gzip(accepted) else self._plain


def accepts_gzip(accept_encoding: str) -> bool:
    """RFC 9110, section 12.5.3: weight 0 refuses a coding, and `*` stands for those that are not named."""
    weights: dict[str, float] = {}
    for entry in accept_encoding.lower().split(","):
        coding, separator, parameter = entry.partition(";")
        weight = _WEIGHT.fullmatch(parameter)
        weights[coding.strip()] = float(weight[1]) if weight else float(not separator)
    return weights.get("gzip", weights.get("*", 0)) > 0


def policy(identity_provider_url: str) -> str:
    """The page's Content-Security-Policy: covers come from anywhere, everything else from this server.

    With Trusted Types and without a policy of them, no text becomes HTML or script.
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


def _hash(contents: Mapping[str, bytes]) -> str:
    """Of names and contents; lengths, so that no content can look like the next name."""
    digest = hashlib.blake2b(digest_size=8)
    for name, content in contents.items():
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _head(item: Item, public_url: str) -> str:
    """https://ogp.me."""
    properties = {
        "og:site_name": "Seen",
        "og:type": OPEN_GRAPH_TYPES.get(item.type, OTHER_OPEN_GRAPH_TYPE),
        "og:title": item.name,
        "og:url": f"{public_url}/?item={ItemType.Name(item.type)}/{item.id}",
    }
    if description := _short(item.description) or ", ".join(item.category):
        properties["og:description"] = description
    if item.image_url.lower().startswith("https://"):
        properties["og:image"] = item.image_url
    tags = (f'<meta property="{name}" content="{html.escape(content)}">' for name, content in properties.items())
    return "\n".join((f"<title>{html.escape(item.name)} · Seen</title>", *tags))


def _short(text: str) -> str:
    """At most MAX_DESCRIPTION characters, in one line and ending with a whole word."""
    line = " ".join(text.split())
    if len(line) <= MAX_DESCRIPTION:
        return line
    return line[: MAX_DESCRIPTION - 1].rsplit(" ", 1)[0] + "…"
