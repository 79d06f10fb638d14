"""Seen's eight kinds of requests in one plain FastAPI process: the same fields, totals and status codes.

It copies the items into collections of its own, with themes and a random number for suggestions, and has the indexes
and batched look-ups that it needs, but no deadlines, partial answers, limits, metrics or logs.
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
from bson import ObjectId
from fastapi import Body, Depends, FastAPI, Header, HTTPException, Path, Query
from fastapi.responses import JSONResponse, RedirectResponse
from jose import jwk, jwt
from jose.exceptions import JOSEError
from pymongo import AsyncMongoClient

from services.common import interleave
from services.common.themes import themes

ItemType = Literal["BOOK", "SHOW", "ANIME"]
Json = dict[str, Any]
FIELDS = ("name", "category", "rating", "description", "imageUrl", "kind", "year", "sourceId", "votes", "themes")
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
shards: dict[str, list[Any]] = {}  # collections by type
known: dict[str, set[str]] = {}  # themes by type
keys: dict[str, Any] = {}
thread = ThreadPoolExecutor(1)  # of the only connection to SQLite
db = sqlite3.connect(os.environ.get("PEER_DATABASE", ":memory:"), check_same_thread=False)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    db.executescript(SCHEMA)
    for kind, (name, uris) in json.loads(os.environ["PEER_SHARDS"]).items():
        databases = [AsyncMongoClient[Json](uri)["seen"] for uri in uris]
        shards[kind] = [database[f"peer_{name}"] for database in databases]
        for database, shard in zip(databases, shards[kind], strict=True):
            items = await database[name].find({}, FIELDS[:-1]).to_list()
            await shard.drop()
            await shard.insert_many(
                item | {"themes": themes(kind, item["category"]), "random": random.random()} for item in items
            )
            await shard.create_index([("themes", 1), ("random", 1)])
        known[kind] = {theme for shard in shards[kind] for theme in await shard.distinct("themes")}
    async with httpx.AsyncClient() as client:
        for key in (await client.get(f"{AUTH0}/.well-known/jwks.json")).json()["keys"]:
            keys[key["kid"]] = jwk.construct(key, "RS256")
    yield


app = FastAPI(lifespan=lifespan)


async def verify(authorization: Annotated[str, Header()] = "") -> str:
    try:
        token = authorization.removeprefix("Bearer ")
        key = keys[jwt.get_unverified_header(token)["kid"]]
        return str(jwt.decode(token, key, "RS256", audience=AUDIENCE, issuer=f"{AUTH0}/")["sub"])
    except (JOSEError, KeyError):
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


async def find(kind: str, number: int, query: Json, **options: Any) -> list[Json]:
    documents = await shards[kind][number].find(query, FIELDS, **options).to_list()
    prefix = number + 1 if len(shards[kind]) > 1 else ""
    return [{"type": kind, "id": f"{prefix}{document.pop('_id')}"} | document for document in documents]


async def get_all(kind: str, ids: list[str]) -> list[Json]:
    """The items that exist, in the order of the ids; one query for each shard."""
    keys: dict[int, list[ObjectId]] = defaultdict(list)
    for item_id in ids:
        keys[int(item_id[:-24] or 1) - 1].append(ObjectId(item_id[-24:]))
    found = await asyncio.gather(*(find(kind, number, {"_id": {"$in": some}}) for number, some in keys.items()))
    items = {item["id"]: item for item in chain(*found)}
    return [items[item_id] for item_id in ids if item_id in items]


async def get(kind: str, item_id: str) -> Json:
    if items := await get_all(kind, [item_id]):
        return items[0]
    raise HTTPException(404, "there is no such item")


async def draw(kind: str, theme: str | None, amount: int) -> list[Json]:
    """Random items: those that follow a random number, in each shard."""
    query: Json = {"themes": theme} if theme else {}
    items: list[Json] = []
    for start in (random.random(), 0):  # from the smallest number if too few follow
        if len(items) < amount:
            query["random"] = {"$gte": start}
            numbers = range(len(shards[kind]))
            found = [find(kind, number, query, sort={"random": 1}, limit=amount) for number in numbers]
            items = list(chain(*await asyncio.gather(*found)))
    return random.sample(items, min(amount, len(items)))


@app.get("/item/{kind}/{item_id}")
async def get_item(kind: ItemType, item_id: str) -> JSONResponse:
    return JSONResponse(await get(kind, item_id))


@app.put("/item/{kind}/{item_id}/{mark}", status_code=204)
async def mark_item(kind: ItemType, item_id: str, mark: Literal["seen", "like"], user: User) -> None:
    await in_thread(add_mark, user, await get(kind, item_id), mark)


@app.get("/lib/{page}")
async def list_items(
    page: Annotated[int, Path(ge=1)], size: Annotated[int, Query(ge=1, le=100)] = 20, type: ItemType | None = None
) -> JSONResponse:
    lists = [(kind, number) for kind in ([type] if type else shards) for number in range(len(shards[kind]))]
    counts = await asyncio.gather(*(shards[kind][number].estimated_document_count() for kind, number in lists))
    start, total = (page - 1) * size, sum(counts)
    if page > 1 and start >= total:
        raise HTTPException(400, "there is no such page")
    spans = zip(lists, interleave.spans(counts, start, size), strict=True)
    parts = [find(*where, {}, sort={"_id": 1}, skip=skip, limit=limit) for where, (skip, limit) in spans if limit]
    items = [item for row in zip_longest(*await asyncio.gather(*parts)) for item in row if item]
    pages = {"page": page, "pages": -(-total // size), "size": size, "total": total}
    return JSONResponse({"items": items, **pages, "missing": []})


@app.get("/getTopTen/{kind}")
async def get_top_ten(kind: ItemType) -> JSONResponse:
    likes = dict(
        await in_thread(sql, "SELECT item, likes FROM likes WHERE type = ? ORDER BY likes DESC, item LIMIT 10", kind)
    )
    items = await get_all(kind, list(likes))
    return JSONResponse({"items": [{"item": item, "likes": likes[item["id"]]} for item in items]})


@app.post("/suggest")
async def suggest(
    user: User, types: Annotated[list[ItemType], Body()], amount: Annotated[int, Body(ge=1, le=100)] = 10
) -> JSONResponse:
    names = ("category", "seen", "liked", "points")
    top = f"SELECT {', '.join(names)} FROM themes WHERE subject = ? ORDER BY points DESC, category LIMIT 12"  # noqa: S608
    rows = [dict(zip(names, row, strict=True)) for row in await in_thread(sql, top, user)]
    chosen = [(kind, row) for kind in types for row in [row for row in rows if row["category"] in known[kind]][:3]]
    chosen = chosen or [(kind, {}) for kind in types]
    drawn = await asyncio.gather(*(draw(kind, row.get("category"), amount + 3) for kind, row in chosen))
    ids = {item["id"] for items in drawn for item in items}
    marked = f"SELECT item FROM marks WHERE subject = ? AND item IN ({', '.join('?' * len(ids))})"  # noqa: S608
    new, suggestions = ids - set(chain(*await in_thread(sql, marked, user, *ids))), []
    for (_, row), items in zip(chosen, drawn, strict=True):
        chosen_items = [item for item in items if item["id"] in new][:amount]
        new -= {item["id"] for item in chosen_items}
        because = {"because": {name: row[name] for name in names[:3]}} if row else {}
        suggestions += [{"item": item, **because} for item in chosen_items]
    used = [row for row in rows if any(row is one for _, one in chosen)]
    return JSONResponse({"personal": True, "categories": used, "suggestions": suggestions, "missing": [], "seed": 0})


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
