"""After any sequence of calls the service agrees with a model of it in plain Python."""

import contextlib
from collections import defaultdict
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from seen.v1.account_pb2 import LIKE, SEEN, MarkKind
from services.common.errors import NotFound
from tests.integration.account.calls import (
    KINDS,
    Account,
    book,
    delete_user,
    ids,
    mark,
    points,
    raises,
    remove_item,
    top,
    unmark,
    user,
)
from tests.integration.account.conftest import IN_SHARED_LOOP, delete_all_rows
from tests.integration.account.recount import assert_counters_exact

pytestmark = IN_SHARED_LOOP

SUBJECTS, BOOKS, CATEGORIES = ("ana", "rui"), ("dune", "emma"), ("Art", "art", "Zen ")

subjects, books, kinds = st.sampled_from(SUBJECTS), st.sampled_from(BOOKS), st.sampled_from(KINDS)
calls = st.one_of(
    st.tuples(st.just("mark"), subjects, books, kinds, st.lists(st.sampled_from(CATEGORIES), max_size=3)),
    st.tuples(st.just("unmark"), subjects, books, kinds),
    st.tuples(st.just("delete_user"), subjects),
    st.tuples(st.just("remove_item"), books),
)


class Model:
    """The marks in the order they were set, each with the categories it was set with."""

    def __init__(self) -> None:
        self.subjects: set[str] = set()
        self.marks: dict[tuple[str, str, MarkKind], list[str]] = {}

    def mark(self, subject: str, name: str, kind: MarkKind, category: list[str]) -> None:
        self.subjects.add(subject)
        self.marks.setdefault((subject, name, kind), list(set(category)))

    def unmark(self, subject: str, name: str, kind: MarkKind) -> None:
        self.marks.pop((subject, name, kind), None)

    def delete_user(self, subject: str) -> None:
        self.subjects.discard(subject)
        self.marks = {key: value for key, value in self.marks.items() if key[0] != subject}

    def remove_item(self, name: str) -> None:
        self.marks = {key: value for key, value in self.marks.items() if key[1] != name}

    def newest_first(self, subject: str, kind: MarkKind) -> list[str]:
        return [name for owner, name, mark_kind in self.marks if (owner, mark_kind) == (subject, kind)][::-1]

    def points(self, subject: str) -> list[tuple[str, int]]:
        sums: dict[str, int] = defaultdict(int)
        for (owner, _, kind), category in self.marks.items():
            for name in category:
                sums[name] += {SEEN: 1, LIKE: 3}.get(kind, 0) if owner == subject else 0
        return most_first(sums)

    def top(self) -> list[tuple[str, int]]:
        likes: dict[str, int] = defaultdict(int)
        for _, name, kind in self.marks:
            likes[name] += kind == LIKE
        return most_first(likes)


def most_first(sums: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(((name, number) for name, number in sums.items() if number), key=lambda entry: (-entry[1], entry[0]))


async def _call(account: Account, call: str, *arguments: Any) -> None:
    match call, arguments:
        case "mark", (subject, name, kind, category):
            await mark(account, subject, book(name), kind, category)
        case "unmark", (subject, name, kind):
            await unmark(account, subject, book(name), kind)
        case "remove_item", (name,):
            await remove_item(account, book(name))
        case "delete_user", (subject,):
            with contextlib.suppress(NotFound):
                await delete_user(account, subject)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sequence=st.lists(calls, max_size=25))
async def test_any_sequence_of_calls_agrees_with_the_model(
    account: Account, database: Engine, sequence: list[tuple[Any, ...]]
) -> None:
    delete_all_rows(database)
    model = Model()
    for call, *arguments in sequence:
        getattr(model, call)(*arguments)
        await _call(account, call, *arguments)
    for subject in SUBJECTS:
        listed = [await ids(account, subject, kind) for kind in KINDS]
        assert listed == [model.newest_first(subject, kind) for kind in KINDS]
        assert await points(account, subject) == model.points(subject)
        if subject in model.subjects:
            counts = await user(account, subject)
            assert [counts.seen, counts.liked] == [len(names) for names in listed[:2]]
        else:
            with raises(NotFound):
                await user(account, subject)
    assert await top(account) == model.top()
    assert_counters_exact(database)
