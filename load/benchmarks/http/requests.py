"""The requests of each kind: for the items and users of one target, and with marks that are new each time."""

import functools
import itertools
import json
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx

from load.locust_users import checks
from load.locust_users.credentials import Credentials
from load.locust_users.marks import item_path
from scripts.local.suite import AUDIENCE, DATASETS

T = TypeVar("T")
Json = dict[str, Any]
KINDS = ("item", "page", "top ten", "suggest", "user search", "login, logout", "like", "seen")
CACHEABLE = ("item", "page", "top ten")  # by the gateway's response cache
NEW_MARKS = ("like", "seen")
MIX = "all eight"
USERS = 500
PAGES, PAGE_SIZE, AMOUNT = 100, 20, 5
HOT = 20  # number of items and pages if a cache is to answer every request
TIMEOUT_S = 30
TRIED = 20  # requests of each kind whose answers are checked before a measurement
# Before the measurement each user likes some of these items, so that the top ten has ten and everybody has points.
POPULAR, LIKES = 60, 4
LISTED_PAGES = 200  # of 100 items each, from which the requests take their items
TYPES = [dataset.type for dataset in DATASETS]
CONCURRENCY = 8


@dataclass(frozen=True)
class Request:
    """`status` is the expected one; `check` raises WrongAnswer."""

    method: str
    path: str
    status: int
    check: Callable[[httpx.Response], object]
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""

    def raw(self, host: str) -> str:
        """The bytes of the request in HTTP/1.1."""
        headers = {"Host": host, **self.headers, **({"Content-Length": str(len(self.body))} if self.body else {})}
        lines = [f"{self.method} {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", self.body])


@functools.cache
def sign_in(auth0_url: str, users: int = USERS) -> list[str]:
    """The tokens of visitor-1, visitor-2 …"""
    accounts = Credentials.from_env({"SEEN_AUTH0_URL": auth0_url, "SEEN_AUTH0_AUDIENCE": AUDIENCE})
    headers = {"Content-Type": "application/x-www-form-urlencoded"}

    def token(number: int) -> str:
        answer = client.post("/oauth/token", content=accounts.token_request(number), headers=headers)
        return str(answer.raise_for_status().json()["access_token"])

    with httpx.Client(base_url=auth0_url, timeout=TIMEOUT_S) as client:
        return in_parallel(token, range(1, users + 1))


class Traffic:
    """Makes requests for one target. `hot`: for few items and pages, which a cache can answer."""

    def __init__(self, client: httpx.Client, auth0_url: str, tokens: Sequence[str], *, hot: bool = False) -> None:
        """Creates a user with some likes for each token, after deleting the one of an earlier run."""
        self._client = client
        self._auth0_url = auth0_url
        self._headers = [{"Authorization": f"Bearer {token}"} for token in tokens]
        self._rng = random.Random(1)
        items = self._list_items()
        self._popular, self._items = items[:POPULAR], items[POPULAR:]
        self._shown = self._items[:HOT] if hot else self._items
        self._pages = HOT if hot else PAGES
        self._marks = {kind: itertools.count() for kind in NEW_MARKS}
        self._makers: dict[str, Callable[[], Request]] = {
            "item": self._item,
            "page": self._page,
            "top ten": self._top_ten,
            "suggest": self._suggest,
            "user search": self._search,
            "login, logout": self._redirect,
            "like": lambda: self._new_mark("like"),
            "seen": lambda: self._new_mark("seen"),
        }
        in_parallel(self._create_user, range(len(tokens)))

    def _list_items(self) -> list[Json]:
        """All fields of many items, in random order."""
        pages = range(1, self._client.get("/lib/1?size=100").json()["total"] // 100 + 1)
        sample = self._rng.sample(pages, min(LISTED_PAGES, len(pages)))
        answers = in_parallel(lambda number: self._client.get(f"/lib/{number}?size=100").json()["items"], sample)
        items = list(itertools.chain.from_iterable(answers))
        self._rng.shuffle(items)
        return items

    def _create_user(self, user: int) -> None:
        self._client.delete("/user", headers=self._headers[user])  # the peer starts without users, and answers 405
        created = self._client.post("/user", headers=self._headers[user], json={"username": username(user)})
        checks.status(created.status_code, 201, created.text)
        for item in random.Random(user).sample(self._popular, LIKES):
            self.send(self._mark("like", item, user))

    def send(self, request: Request) -> None:
        """Sends one request and checks its answer; raises WrongAnswer."""
        content = request.body or None
        answer = self._client.request(request.method, request.path, headers=request.headers, content=content)
        checks.status(answer.status_code, request.status, answer.text)
        request.check(answer)

    def try_out(self) -> None:
        """Checks the answers to some requests of each kind; raises WrongAnswer."""
        for kind in KINDS:
            for request in self.make(kind, TRIED):
                self.send(request)

    def make(self, kind: str, amount: int) -> list[Request]:
        if kind == MIX:
            groups = [self.make(each, -(-amount // len(KINDS))) for each in KINDS]
            return list(itertools.chain.from_iterable(zip(*groups, strict=True)))
        return [self._makers[kind]() for _ in range(amount)]

    def _item(self) -> Request:
        item = self._rng.choice(self._shown)
        return Request("GET", item_path(item), 200, lambda answer: checks.item(answer.json(), item))

    def _page(self) -> Request:
        page = self._rng.randint(1, self._pages)
        path = f"/lib/{page}?size={PAGE_SIZE}"
        return Request("GET", path, 200, lambda answer: checks.page(answer.json(), page, PAGE_SIZE, None))

    def _top_ten(self) -> Request:
        return Request("GET", f"/getTopTen/{self._rng.choice(TYPES)}", 200, lambda answer: top_ten(answer.json()))

    def _suggest(self) -> Request:
        body = json.dumps({"types": TYPES, "amount": AMOUNT})
        headers = self._rng.choice(self._headers) | {"Content-Type": "application/json"}
        return Request("POST", "/suggest", 200, lambda answer: suggestions(answer.json()), headers, body)

    def _search(self) -> Request:
        name = username(self._rng.randrange(USERS))
        prefix = name[: self._rng.randint(1, len(name))]
        check = checks.usernames
        return Request("GET", f"/user/search/{prefix}", 200, lambda answer: check(answer.json(), prefix, name))

    def _redirect(self) -> Request:
        path, address = self._rng.choice((("/user/login", "/authorize"), ("/user/logout", "/v2/logout")))
        address = self._auth0_url + address
        check = checks.redirect
        return Request("GET", path, 302, lambda answer: check(answer.headers["Location"], address, "client_id"))

    def _new_mark(self, kind: str) -> Request:
        """Users take turns; each marks all items in turn and starts at a different item."""
        turn, user = divmod(next(self._marks[kind]), USERS)
        return self._mark(kind, self._items[(turn + user * len(self._items) // USERS) % len(self._items)], user)

    def _mark(self, kind: str, item: Json, user: int) -> Request:
        path = f"{item_path(item)}/{kind}"
        return Request("PUT", path, 204, lambda answer: checks.empty(answer.text), self._headers[user])


def username(user: int) -> str:
    return f"visitor-{user + 1}"


def top_ten(answer: Json) -> None:
    likes = [entry["likes"] for entry in answer["items"]]
    checks.expect(len(likes) == 10, f"{len(likes)} items instead of 10")
    checks.expect(likes == sorted(likes, reverse=True), "items out of order")


def suggestions(answer: Json) -> None:
    items = [suggestion["item"] for suggestion in answer["suggestions"]]
    checks.expect(answer["missing"] == [], "missing datasets")
    checks.expect(len({item_path(item) for item in items}) == len(items), "an item twice")
    for suggestion in answer["suggestions"]:
        item, because = suggestion["item"], suggestion["because"]
        checks.expect(because["category"] in item["themes"], "a wrong reason")
    most = len(TYPES) * 3 * AMOUNT  # some categories have fewer items than that
    checks.expect(most / 2 <= len(items) <= most, f"{len(items)} suggestions instead of up to {most}")


def in_parallel(function: Callable[[int], T], numbers: Iterable[int]) -> list[T]:
    with ThreadPoolExecutor(CONCURRENCY) as pool:
        return list(pool.map(function, numbers))
