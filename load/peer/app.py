"""Seen's eight kinds of requests in one plain FastAPI process: the same fields, totals and status codes.

It reads collections of its own (copy_items.py). It has the indexes and batched look-ups that it needs, but no
deadlines, partial answers, retries, rate limit, metrics, traces or logs.
"""

import asyncio
import json
import os
import random
import secrets
import sqlite3
from collections import defaultdict
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from itertools import chain, zip_longest
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import httpx
from fastapi import Body, Depends, FastAPI, Header, HTTPException, Path, Query
from fastapi.responses import JSONResponse, RedirectResponse
from jose import JOSEError, jwk, jwt
from pymongo import AsyncMongoClient

from services.common import interleave

ItemType = Literal["BOOK", "SHOW", "ANIME"]
Json = dict[str, Any]
AUTH0, AUDIENCE = os.environ.get("PEER_AUTH0_URL"), os.environ.get("PEER_AUTH0_AUDIENCE")
HOME, CLIENT = os.environ.get("PEER_PUBLIC_URL"), {"client_id": "seen-swagger-ui"}
SCHEMA = """
PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
CREATE TABLE users (subject TEXT PRIMARY KEY, username TEXT, username_key TEXT UNIQUE) WITHOUT ROWID;
CREATE TABLE marks (subject, item, type, mark, marked_at, PRIMARY KEY (subject, item, type, mark)) WITHOUT ROWID;
CREATE TABLE themes (subject, category, seen, liked, points AS (seen + 3 * liked), PRIMARY KEY (subject, category));
CREATE TABLE likes (type, item, likes INT, PRIMARY KEY (type, item)) WITHOUT ROWID;
CREATE INDEX most_points ON themes (subject, points DESC, category);
CREATE INDEX most_likes ON likes (type, likes DESC, item);
"""
shards: dict[str, Any] = {}  # collections by type and the first character of their ids: BOOK, SHOW1, SHOW2, ANIME
themes: dict[str, set[str]] = defaultdict(set)  # of all items, by type
keys: list[Any] = []  # of the identity provider
thread = ThreadPoolExecutor(1)  # of the only connection to SQLite
db = sqlite3.connect(os.environ.get("PEER_DATABASE", ":memory:"), check_same_thread=False)
db.row_factory = sqlite3.Row


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    db.executescript(SCHEMA)
    for shard, (uri, name) in json.loads(os.environ["PEER_SHARDS"]).items():
        shards[shard] = AsyncMongoClient[Json](uri)["seen"][name]
        themes[shard.rstrip("12")].update(await shards[shard].distinct("themes"))
    async with httpx.AsyncClient() as client:
        jwks = await client.get(f"{AUTH0}/.well-known/jwks.json")
    keys.extend(jwk.construct(key, "RS256") for key in jwks.json()["keys"])
    yield


app = FastAPI(lifespan=lifespan)


async def verify(authorization: Annotated[str, Header()] = "") -> str:
    try:
        token = authorization.removeprefix("Bearer ")
        return str(jwt.decode(token, keys, "RS256", audience=AUDIENCE, issuer=f"{AUTH0}/")["sub"])
    except JOSEError:
        raise HTTPException(401, "the token is missing or invalid") from None


User = Annotated[str, Depends(verify)]  # the subject of the token


async def in_thread(function: Any, *arguments: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(thread, function, *arguments)


def sql(statement: str, *values: str) -> list[Any]:
    with db:  # one transaction
        return db.execute(statement, values).fetchall()


def add_mark(user: str, item: Json, mark: str) -> None:
    with db:
        insert = "INSERT OR IGNORE INTO marks VALUES (?, ?, ?, ?, CURRENT_TIMESTAMP)"
        if not db.execute(insert, (user, item["id"], item["type"], mark)).rowcount:
            return
        liked = mark == "like"
        upsert = "INSERT INTO themes VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET seen = seen + ?3, liked = liked + ?4"
        db.executemany(upsert, [(user, theme, not liked, liked) for theme in item["themes"]])
        if liked:
            upsert = "INSERT INTO likes VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET likes = likes + 1"
            db.execute(upsert, (item["type"], item["id"]))


async def find(shard: str, query: Json, **options: Any) -> list[Json]:
    documents = await shards[shard].find(query, {"random": 0}, **options).to_list()
    return [{"id": document.pop("_id")} | document for document in documents]


async def get_all(item_type: str, ids: list[str]) -> list[Json]:
    """The items that exist, in the order of the ids; one query for each shard."""
    by_shard: dict[str, list[str]] = defaultdict(list)
    for item_id in ids:
        by_shard[item_type + item_id[:-24]].append(item_id)
    found = await asyncio.gather(*(find(shard, {"_id": {"$in": own}}) for shard, own in by_shard.items()))
    items = {item["id"]: item for item in chain(*found)}
    return [items[item_id] for item_id in ids if item_id in items]


async def get(item_type: str, item_id: str) -> Json:
    if items := await get_all(item_type, [item_id]):
        return items[0]
    raise HTTPException(404, "there is no such item")


async def draw(item_type: str, theme: str, amount: int) -> list[Json]:
    """Random items of the theme, or of all: in each shard those that follow a random number."""
    items: list[Json] = []
    for start in (random.random(), 0):  # from the smallest number if too few follow
        if len(items) < amount:
            query = ({"themes": theme} if theme else {}) | {"random": {"$gte": start}}
            names = [shard for shard in shards if shard.startswith(item_type)]
            found = await asyncio.gather(*(find(name, query, sort={"random": 1}, limit=amount) for name in names))
            items = list(chain(*found))
    return random.sample(items, min(amount, len(items)))


@app.get("/item/{item_type}/{item_id}")
async def get_item(item_type: ItemType, item_id: str) -> JSONResponse:
    return JSONResponse(await get(item_type, item_id))


@app.put("/item/{item_type}/{item_id}/{mark}", status_code=204)
async def mark_item(item_type: ItemType, item_id: str, mark: Literal["seen", "like"], user: User) -> None:
    await in_thread(add_mark, user, await get(item_type, item_id), mark)


@app.get("/lib/{page}")
async def list_items(
    page: Annotated[int, Path(ge=1)], size: Annotated[int, Query(ge=1, le=100)] = 20, type: ItemType | None = None
) -> JSONResponse:
    names = [shard for shard in shards if shard.startswith(type or "")]
    counts = await asyncio.gather(*(shards[name].estimated_document_count() for name in names))
    start, total = (page - 1) * size, sum(counts)
    if page > 1 and start >= total:
        raise HTTPException(400, "there is no such page")
    spans = zip(names, interleave.spans(counts, start, size), strict=True)
    parts = [find(name, {}, sort={"_id": 1}, skip=skip, limit=limit) for name, (skip, limit) in spans if limit]
    items = [item for row in zip_longest(*await asyncio.gather(*parts)) for item in row if item]
    pages = {"page": page, "pages": -(-total // size), "size": size, "total": total}
    return JSONResponse({"items": items, **pages, "missing": []})


@app.get("/getTopTen/{item_type}")
async def get_top_ten(item_type: ItemType) -> JSONResponse:
    most = "SELECT item, likes FROM likes WHERE type = ? ORDER BY likes DESC, item LIMIT 10"
    likes = dict(await in_thread(sql, most, item_type))
    items = await get_all(item_type, list(likes))
    return JSONResponse({"items": [{"item": item, "likes": likes[item["id"]]} for item in items]})


@app.post("/suggest")
async def suggest(
    user: User, types: Annotated[list[ItemType], Body()], amount: Annotated[int, Body(ge=1, le=100)] = 10
) -> JSONResponse:
    top = "SELECT category, seen, liked, points FROM themes WHERE subject = ? ORDER BY points DESC, category LIMIT 12"
    points = {row["category"]: dict(row) for row in await in_thread(sql, top, user)}
    drawn_from = [(each, theme) for each in types for theme in [name for name in points if name in themes[each]][:3]]
    drawn_from = drawn_from or [(each, "") for each in types]
    drawn = await asyncio.gather(*(draw(*source, amount + 3) for source in drawn_from))
    ids = {item["id"] for items in drawn for item in items}
    marked = f"SELECT item FROM marks WHERE subject = ? AND item IN ({', '.join('?' * len(ids))})"  # noqa: S608
    new, suggestions = ids - set(chain(*await in_thread(sql, marked, user, *ids))), []
    for (_, theme), items in zip(drawn_from, drawn, strict=True):
        chosen = [item for item in items if item["id"] in new][:amount]
        new -= {item["id"] for item in chosen}
        because = {"because": {name: points[theme][name] for name in ("category", "seen", "liked")}} if theme else {}
        suggestions += [{"item": item, **because} for item in chosen]
    used = {theme for _, theme in drawn_from}
    categories = [row for theme, row in points.items() if theme in used]
    answer = {"personal": True, "categories": categories, "suggestions": suggestions, "missing": [], "seed": 0}
    return JSONResponse(answer)


@app.post("/user", status_code=201)
async def create_user(user: User, username: Annotated[str, Body(embed=True)]) -> None:
    await in_thread(sql, "INSERT INTO users VALUES (?, ?, ?)", user, username, username.casefold())


@app.get("/user/search/{prefix}")
async def search_users(prefix: str) -> JSONResponse:
    search = "SELECT username FROM users WHERE username_key BETWEEN ? AND ? ORDER BY username_key LIMIT 20"
    rows = await in_thread(sql, search, prefix.casefold(), prefix.casefold() + "\U0010ffff")
    return JSONResponse({"usernames": [username for (username,) in rows]})


@app.get("/user/login")
async def log_in() -> RedirectResponse:
    state = secrets.token_urlsafe(16)
    query = {"response_type": "token", "audience": AUDIENCE, "redirect_uri": HOME, "state": state} | CLIENT
    response = RedirectResponse(f"{AUTH0}/authorize?{urlencode(query)}", 302)
    response.set_cookie("seen_sign_in", state, 600, samesite="lax")
    return response


@app.get("/user/logout")
async def log_out() -> RedirectResponse:
    return RedirectResponse(f"{AUTH0}/v2/logout?{urlencode({'returnTo': HOME} | CLIENT)}", 302)
