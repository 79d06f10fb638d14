"""The peer's own data: users and marks in SQLite. Each run of load.benchmarks.http checks what needs MongoDB."""

from collections.abc import Iterator

import httpx
import pytest

from load.peer import app as peer

ITEM = {"type": "BOOK", "id": "606e2683b3fff1da8a207ae9", "themes": ["Fantasy", "Classics"]}


@pytest.fixture
def client() -> Iterator[httpx.AsyncClient]:
    """Without the start of the app, which connects to MongoDB."""
    peer.db.executescript(peer.SCHEMA)
    yield httpx.AsyncClient(transport=httpx.ASGITransport(peer.app), base_url="http://peer")
    for table in ("users", "marks", "themes", "likes"):
        peer.db.execute(f"DROP TABLE {table}")


@pytest.mark.usefixtures("client")
def test_a_repeated_mark_counts_once() -> None:
    for kind in ("like", "like", "seen"):
        peer.add_mark("ana", ITEM, kind)
    themes = map(tuple, peer.sql("SELECT category, seen, liked, points FROM themes ORDER BY 1"))
    assert list(themes) == [("Classics", 1, 1, 4), ("Fantasy", 1, 1, 4)]
    assert list(map(tuple, peer.sql("SELECT item, likes FROM likes"))) == [(ITEM["id"], 1)]


async def test_usernames_are_found_regardless_of_case(client: httpx.AsyncClient) -> None:
    peer.db.executemany("INSERT INTO users VALUES (?, ?, ?)", [("1", "Ana", "ana"), ("2", "rui", "rui")])
    assert (await client.get("/user/search/aN")).json() == {"usernames": ["Ana"]}


@pytest.mark.parametrize("authorization", [{}, {"Authorization": "Bearer nonsense"}])
async def test_a_mark_without_a_valid_token_is_unauthorized(
    client: httpx.AsyncClient, authorization: dict[str, str]
) -> None:
    response = await client.put(f"/item/BOOK/{ITEM['id']}/like", headers=authorization)
    assert response.status_code == 401


@pytest.mark.parametrize("path", ["/user/login", "/user/logout"])
async def test_signing_in_and_out_redirects(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 302
