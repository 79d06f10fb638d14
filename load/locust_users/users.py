"""The simulated people: guests, who look around, and members, who mark things and ask what to see next.

There are as many of one as of the other, and each picks one of four things at random, so that the eight kinds of
requests come in equal parts. Between two of them a person waits 1 to 3 seconds.
"""

import random
from collections.abc import Callable
from typing import Any, ClassVar
from urllib.parse import quote

from locust import FastHttpUser, between, task
from locust.contrib.fasthttp import FastResponse
from locust.env import Environment
from locust.exception import StopUser

from load.locust_users import accounts, checks
from load.locust_users.checks import Wrong
from load.locust_users.marks import Item, Marks, path

PAGE = 20  # items, as the API has it where nobody says otherwise
SHELF = 100  # the most on a page: what a member marks comes from one, and should last
AMOUNT = 5  # suggestions for a type and category
# A mark in so many is looked up in the person's list; all of them count in the points of the suggestions.
LOOKED_UP = 10
TIMEOUT_S = 15.0  # the gateway itself gives up after 5
JSON = {"Accept": "application/json"}
HTML = {"Accept": "text/html"}


class Visitor(FastHttpUser):
    """What guests and members have in common."""

    abstract = True
    wait_time = between(1, 3)
    network_timeout = connection_timeout = TIMEOUT_S
    # What one has learned of the library, all know: its types, and how many items there are of each and of all (None).
    types: ClassVar[set[str]] = set()
    totals: ClassVar[dict[str | None, int]] = {}

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.items: list[Item] = []  # on the page looked at last
        self.identity: dict[str, str] = {}

    def ask(
        self,
        method: str,
        where: str,
        check: Callable[[FastResponse], None],
        *,
        name: str = "",
        status: int = 200,
        accept: dict[str, str] = JSON,
        body: Any = None,
    ) -> bool:
        """Sends a request. Whether the answer was right; what was wrong with it counts as a failure."""
        with self.client.request(
            method,
            where,
            name=name or where,
            json=body,
            headers=self.identity | accept,
            catch_response=True,
            allow_redirects=False,
        ) as answer:
            if not answer.status_code:
                return False  # there is no answer, and Locust counts why
            try:
                checks.status(answer.status_code, status, answer.text)
                check(answer)
            except Wrong as wrong:
                answer.failure(str(wrong))
                return False
            except (LookupError, TypeError, ValueError, AttributeError) as error:
                answer.failure(f"not what the API promises: {type(error).__name__}")
                return False
            answer.success()
            return True

    def look(self, size: int) -> None:
        """At a random page of everything, or of one type."""
        of_type = random.choice([None, *sorted(self.types)])
        pages = -(-self.totals.get(of_type, 1) // size)
        number = random.randint(1, pages)

        def check(answer: FastResponse) -> None:
            said = answer.json()
            checks.page(said, number, size, of_type)
            self.items = said["items"]
            self.types.update(item["type"] for item in self.items)
            self.totals[of_type] = said["total"]

        only = f"&type={of_type}" if of_type else ""
        self.ask("GET", f"/lib/{number}?size={size}{only}", check, name="/lib/{page}")

    def be_sent(self, where: str, provider_path: str, *parameters: str) -> None:
        """To the identity provider, as a browser is."""
        start = accounts.WHO.auth0_url + provider_path

        def check(answer: FastResponse) -> None:
            assert answer.headers
            checks.address(str(answer.headers["location"]), start, *parameters)

        self.ask("GET", where, check, status=302, accept=HTML)


class Guest(Visitor):
    """Looks around without an account."""

    def on_start(self) -> None:
        self.look(PAGE)

    @task
    def page(self) -> None:
        self.look(PAGE)

    @task
    def item(self) -> None:
        if not self.items:
            return self.look(PAGE)
        item = random.choice(self.items)
        self.ask("GET", path(item), lambda answer: checks.item(answer.json(), item), name="/item/{type}/{id}")

    @task
    def search(self) -> None:
        known = random.choice(list(accounts.signed_in) or [None])
        prefix = known[: random.randint(1, len(known))] if known else "v"
        self.ask(
            "GET",
            f"/user/search/{quote(prefix)}",
            lambda answer: checks.usernames(answer.json(), prefix, known),
            name="/user/search/{username}",
        )

    @task
    def log_in(self) -> None:
        self.be_sent("/user/login", "/authorize", "client_id", "audience", "redirect_uri", "state")


class Member(Visitor):
    """Signs in once, as somebody nobody else is, and has marked nothing yet."""

    def on_start(self) -> None:
        runner = self.environment.runner
        self.marks = Marks()
        try:
            self.identity = accounts.sign_in(str(self.host), runner.worker_index if runner else 0)
        except Wrong as wrong:
            self.environment.events.request.fire(
                request_type="", name="signing in", response_time=0, response_length=0, exception=wrong, context={}
            )
            raise StopUser from None
        self.look(SHELF)

    @task
    def like(self) -> None:
        self.mark("like", "/user/liked")

    @task
    def see(self) -> None:
        self.mark("seen", "/user/seen")

    def mark(self, kind: str, listed: str) -> None:
        if not self.items:
            return self.look(SHELF)
        fresh = [item for item in self.items if not self.marks.has(kind, item)]
        item = random.choice(fresh or self.items)
        self.marks.sent(kind, item)
        if not self.ask(
            "PUT",
            f"{path(item)}/{kind}",
            lambda answer: checks.empty(answer.text),
            name=f"/item/{{type}}/{{id}}/{kind}",
            status=204,
        ):
            return
        self.marks.confirmed(kind, item)
        if fresh and len(self.marks) % LOOKED_UP == 1:
            self.ask("GET", f"{listed}?size=1", lambda answer: checks.newest(answer.json(), item), name=listed)

    @task
    def suggest(self) -> None:
        if not self.types:
            return self.look(SHELF)
        types = random.sample(sorted(self.types), random.randint(1, len(self.types)))
        self.ask(
            "POST",
            "/suggest",
            lambda answer: checks.suggestions(answer.json(), types, AMOUNT, self.marks, self.items),
            body={"types": types, "amount": AMOUNT},
        )

    @task
    def log_out(self) -> None:
        self.be_sent("/user/logout", "/v2/logout", "client_id", "returnTo")
