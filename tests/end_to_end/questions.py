"""What the end-to-end tests ask of the API again and again."""

from typing import Any

import httpx

from tests.end_to_end.running import wait_for

PROBLEM = "application/problem+json"
Item = dict[str, Any]
WITHIN_S = 60
"""In which a question over all of IMDb has an answer."""


def get(client: httpx.Client, path: str, **query: str | int) -> Any:
    """The JSON of an answer that must be 200."""
    answer = client.get(path, params=query)
    assert answer.status_code == 200, f"GET {path}: {answer.status_code} {answer.text}"
    return answer.json()


def items(client: httpx.Client, **query: str | int) -> list[Item]:
    """The first page of the library."""
    found: list[Item] = get(client, "/lib/1", **query)["items"]
    return found


def path(item: Item) -> str:
    return f"/item/{item['type']}/{item['id']}"


def mark(client: httpx.Client, item: Item, *kinds: str) -> None:
    for kind in kinds:
        answer = client.put(f"{path(item)}/{kind}")
        assert answer.status_code == 204, f"{kind} {item['name']}: {answer.status_code} {answer.text}"


def problem(answer: httpx.Response, status: int, *fields: str) -> Any:
    """The problem that an answer must be; `fields` are those it must name."""
    assert answer.status_code == status, f"{answer.status_code} {answer.text}"
    assert answer.headers["content-type"] == PROBLEM
    said = answer.json()
    assert said["status"] == status
    assert said["requestId"] == answer.headers["x-request-id"]
    assert {error["field"] for error in said.get("errors", [])} == set(fields), said
    return said


def answer(client: httpx.Client, question: str) -> Item:
    """Asks until there is an answer that is not stale; on the way there is progress, and when to ask again."""

    def fresh() -> Item | None:
        response = client.get(question)
        if response.status_code == 202:
            assert response.json()["running"]
            assert int(response.headers["retry-after"]) >= 1
            return None
        assert response.status_code == 200, response.text
        found: Item = response.json()
        return None if found["stale"] else found

    found: Item = wait_for(fresh, WITHIN_S)
    return found
