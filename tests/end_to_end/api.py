"""Requests and checks that several end-to-end tests need."""

from typing import Any

import httpx

from tests.end_to_end.suites import wait_for

PROBLEM = "application/problem+json"
INTERNALS = ("Traceback", "grpc", "127.0.0.1", "services/")  # in no error
JOB_TIMEOUT_S = 60  # for the answer to a question over all of IMDb
Item = dict[str, Any]


def get(client: httpx.Client, path: str, **query: str | int) -> Any:
    """The JSON of an answer, whose status must be 200."""
    answer = client.get(path, params=query)
    assert answer.status_code == 200, f"GET {path}: {answer.status_code} {answer.text}"
    return answer.json()


def items(client: httpx.Client, **query: str | int) -> list[Item]:
    """The first page of the library."""
    page: list[Item] = get(client, "/lib/1", **query)["items"]
    return page


def path(item: Item) -> str:
    return f"/item/{item['type']}/{item['id']}"


def mark(client: httpx.Client, item: Item, *kinds: str) -> None:
    for kind in kinds:
        answer = client.put(f"{path(item)}/{kind}")
        assert answer.status_code == 204, f"{kind} {item['name']}: {answer.status_code} {answer.text}"


def add_book(admin: httpx.Client, name: str, **fields: str) -> Item:
    answer = admin.post("/item", json={"type": "BOOK", "name": name, "category": ["Fantasy"], **fields})
    assert answer.status_code == 201, answer.text
    book: Item = answer.json()
    return book


def problem(answer: httpx.Response, status: int, *fields: str) -> Any:
    """Checks that the answer is this problem and names exactly these fields; returns its JSON."""
    assert answer.status_code == status, f"{answer.status_code} {answer.text}"
    assert answer.headers["content-type"] == PROBLEM
    assert [internal for internal in INTERNALS if internal in answer.text] == []
    content = answer.json()
    assert content["status"] == status
    assert content["requestId"] == answer.headers["x-request-id"]
    assert {error["field"] for error in content.get("errors", [])} == set(fields), content
    return content


def job_answer(client: httpx.Client, question: str) -> Item:
    """Polls until there is an answer that is not stale; until then, each answer must report progress."""

    def fresh() -> Item | None:
        response = client.get(question)
        if response.status_code == 202:
            assert response.json()["running"]
            assert int(response.headers["retry-after"]) >= 1
            return None
        assert response.status_code == 200, response.text
        content: Item = response.json()
        return None if content["stale"] else content

    answer: Item = wait_for(fresh, JOB_TIMEOUT_S)
    return answer
