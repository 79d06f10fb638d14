"""The simulated users: guests, who browse, and members, who mark items and request suggestions.

There are as many guests as members, and each picks one of four tasks at random, so that the eight kinds of requests
are equally frequent. A user waits 1 to 10 seconds between tasks.
"""

import random
import time
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple
from urllib.parse import quote

import orjson
from geventhttpclient import HTTPClient
from geventhttpclient.response import HTTPParseError
from locust import User, between, task
from locust.env import Environment
from locust.exception import StopUser

from load.locust_users import accounts, checks
from load.locust_users.checks import WrongAnswer
from load.locust_users.marks import Item, Marks, item_path

GUEST_PAGE = 20  # items on a page, the API's default
MEMBER_PAGE = 100  # the maximum: a member takes the items to mark from one page
AMOUNT = 5  # suggestions per type and category
# One mark in this many is looked up in the member's list; the points of suggestions show whether all marks were stored.
LOOK_UP_EVERY = 10
# One answer in this many is checked in full: Locust shares the processors with the services that it measures.
CHECK_EVERY = 10
TIMEOUT_S = 15.0  # the gateway's own deadline is 5 s
BLOCK_BYTES = 64 * 1024  # read from the socket at a time; a page has up to 150 KB
NOTHING_MISSING = b'"missing":[]'
JSON = {"Accept": "application/json"}
HTML = {"Accept": "text/html"}


def in_full() -> bool:
    """Whether the next answer is checked in full. The others are checked without decoding their JSON, if possible."""
    return random.randrange(CHECK_EVERY) == 0


class Answer(NamedTuple):
    content: bytes
    location: str

    def json(self) -> Any:
        return orjson.loads(self.content)


Check = Callable[[Answer], None]


class Visitor(User):
    """The common base of guests and members.

    Uses geventhttpclient instead of Locust's FastHttpUser, whose cookies, redirects and events take half of the time.
    """

    abstract = True
    wait_time = between(1, 10)
    # Shared by all users: the item types, and the number of items of each type and of all types (None).
    types: ClassVar[set[str]] = set()
    totals: ClassVar[dict[str | None, int]] = {}

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.items: list[Item] = []  # of the page requested last
        self.authorization: dict[str, str] = {}
        self._client = HTTPClient.from_url(
            str(self.host), block_size=BLOCK_BYTES, connection_timeout=TIMEOUT_S, network_timeout=TIMEOUT_S
        )

    def request(
        self,
        method: str,
        path: str,
        check: Check,
        *,
        name: str = "",
        status: int = 200,
        accept: dict[str, str] = JSON,
        body: Any = None,
    ) -> bool:
        """Sends a request and checks the answer. Returns False for a wrong answer, which counts as a failure."""
        headers = self.authorization | accept
        if body is not None:
            headers["Content-Type"] = "application/json"
        started, answer, failure = time.perf_counter(), Answer(b"", ""), None
        ended = started
        try:
            response = self._client.request(method, path, orjson.dumps(body) if body is not None else b"", headers)
            answer = Answer(response.read(), str(response.get("location", "")))
            ended = time.perf_counter()
            checks.status(response.status_code, status, answer.content)
            check(answer)
        except WrongAnswer as wrong:
            failure = str(wrong)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            failure = f"not in the format of the API: {type(error).__name__}"
        except (OSError, HTTPParseError) as error:
            ended, failure = time.perf_counter(), f"no answer: {type(error).__name__}"
        self.environment.events.request.fire(
            request_type=method,
            name=name or path,
            response_time=(ended - started) * 1000,
            response_length=len(answer.content),
            exception=failure and WrongAnswer(failure),
            context={},
        )
        return failure is None

    def browse(self, size: int) -> None:
        """Requests a random page of all items or of one type."""
        item_type = random.choice([None, *sorted(self.types)])
        pages = -(-self.totals.get(item_type, 1) // size)
        number = random.randint(1, pages)

        def check(answer: Answer) -> None:
            page = answer.json()
            if in_full() or page["missing"]:
                checks.page(page, number, size, item_type)
            self.items = page["items"]
            self.types.update(item["type"] for item in self.items)
            self.totals[item_type] = page["total"]

        type_filter = f"&type={item_type}" if item_type else ""
        self.request("GET", f"/lib/{number}?size={size}{type_filter}", check, name="/lib/{page}")

    def expect_redirect(self, path: str, provider_path: str, *parameters: str) -> None:
        """Requests a page that redirects browsers to the identity provider."""
        address = accounts.CREDENTIALS.auth0_url + provider_path

        def check(answer: Answer) -> None:
            checks.redirect(answer.location, address, *parameters)

        self.request("GET", path, check, status=302, accept=HTML)


class Guest(Visitor):
    """Browses without an account."""

    def on_start(self) -> None:
        self.browse(GUEST_PAGE)

    @task
    def page(self) -> None:
        self.browse(GUEST_PAGE)

    @task
    def item(self) -> None:
        if not self.items:
            return self.browse(GUEST_PAGE)
        item = random.choice(self.items)

        def check(answer: Answer) -> None:
            if in_full():
                checks.item(answer.json(), item)
            else:
                checks.expect(item["id"].encode() in answer.content, "another item")

        self.request("GET", item_path(item), check, name="/item/{type}/{id}")

    @task
    def search(self) -> None:
        username = random.choice(accounts.usernames or [None])
        prefix = username[: random.randint(1, len(username))] if username else "v"
        self.request(
            "GET",
            f"/user/search/{quote(prefix)}",
            lambda answer: checks.usernames(answer.json(), prefix, username),
            name="/user/search/{username}",
        )

    @task
    def log_in(self) -> None:
        self.expect_redirect("/user/login", "/authorize", "client_id", "audience", "redirect_uri", "state")


class Member(Visitor):
    """Has an account of their own, without marks at first. Signs in once."""

    def on_start(self) -> None:
        runner = self.environment.runner
        self.marks = Marks()
        try:
            self.authorization = accounts.sign_in(str(self.host), runner.worker_index if runner else 0)
        except WrongAnswer as wrong:
            self.environment.events.request.fire(
                request_type="", name="signing in", response_time=0, response_length=0, exception=wrong, context={}
            )
            raise StopUser from None
        self.browse(MEMBER_PAGE)

    @task
    def like(self) -> None:
        self.mark("like", "/user/liked")

    @task
    def see(self) -> None:
        self.mark("seen", "/user/seen")

    def mark(self, mark: str, list_path: str) -> None:
        if not self.items:
            return self.browse(MEMBER_PAGE)
        unmarked = [item for item in self.items if not self.marks.was_sent(mark, item)]
        item = random.choice(unmarked or self.items)
        self.marks.add_sent(mark, item)
        confirmed = self.request(
            "PUT",
            f"{item_path(item)}/{mark}",
            lambda answer: checks.empty(answer.content),
            name=f"/item/{{type}}/{{id}}/{mark}",
            status=204,
        )
        if not confirmed:
            return
        self.marks.add_confirmed(mark, item)
        if unmarked and len(self.marks) % LOOK_UP_EVERY == 1:
            self.request(
                "GET",
                f"{list_path}?size=1",
                lambda answer: checks.newest_mark(answer.json(), item),
                name=list_path,
            )

    @task
    def suggest(self) -> None:
        if not self.types:
            return self.browse(MEMBER_PAGE)
        types = random.sample(sorted(self.types), random.randint(1, len(self.types)))

        def check(answer: Answer) -> None:
            if in_full() or NOTHING_MISSING not in answer.content:
                checks.suggestions(answer.json(), types, AMOUNT, self.marks, self.items)

        self.request("POST", "/suggest", check, body={"types": types, "amount": AMOUNT})

    @task
    def log_out(self) -> None:
        self.expect_redirect("/user/logout", "/v2/logout", "client_id", "returnTo")
