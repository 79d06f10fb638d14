"""Seen's eight kinds of requests in one plain FastAPI process: the same fields, totals and status codes.

It has the indexes and batched look-ups that it needs, but no deadlines, partial answers, limits, metrics or logs.
"""

import asyncio
import itertools
import json
import os
import random
import secrets
import sqlite3
from collections.abc import AsyncIterator, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
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

ItemType = Literal["BOOK", "SHOW", "ANIME"]
Ref = tuple[str, str]  # type and id
Json = dict[str, Any]
FIELDS = ("name", "category", "rating", "description", "imageUrl", "kind", "year", "sourceId")
POINTS = {"seen": 1, "like": 3}
AUTH0_URL, AUDIENCE = os.environ.get("PEER_AUTH0_URL"), os.environ.get("PEER_AUTH0_AUDIENCE")
CLIENT = {"client_id": "seen-swagger-ui"}
SIGN_IN = {"response_type": "token", "audience": AUDIENCE, "redirect_uri": os.environ.get("PEER_PUBLIC_URL")}
SIGN_OUT = {"returnTo": os.environ.get("PEER_PUBLIC_URL")}
SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
CREATE TABLE users (subject TEXT PRIMARY KEY, username TEXT, username_key TEXT UNIQUE) WITHOUT ROWID;
CREATE TABLE marks (subject, type, item, kind, marked_at, PRIMARY KEY (subject, type, item, kind)) WITHOUT ROWID;
CREATE TABLE points (subject, category, points INT, PRIMARY KEY (subject, category)) WITHOUT ROWID;
CREATE TABLE likes (type, item, likes INT, PRIMARY KEY (type, item)) WITHOUT ROWID;
CREATE INDEX most_points ON points (subject, points DESC, category);
CREATE INDEX most_likes ON likes (type, likes DESC, item);
"""

shards: dict[str, list[Any]] = {}
categories: dict[str, set[str]] = {}  # by type
keys: dict[str, Any] = {}
thread = ThreadPoolExecutor(1)  # of the only connection to SQLite
db = sqlite3.connect(os.environ.get("PEER_DATABASE", ":memory:"), check_same_thread=False)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    db.executescript(SCHEMA)
    for item_type, (collection, uris) in json.loads(os.environ["PEER_SHARDS"]).items():
        shards[item_type] = [AsyncMongoClient(uri)["seen"][collection] for uri in uris]
        for shard in shards[item_type]:
            await shard.create_index([("category", 1), ("_id", 1)])
        categories[item_type] = {name for shard in shards[item_type] for name in await shard.distinct("category")}
    async with httpx.AsyncClient() as client:
        for key in (await client.get(f"{AUTH0_URL}/.well-known/jwks.json")).json()["keys"]:
            keys[key["kid"]] = jwk.construct(key, "RS256")
    yield


app = FastAPI(lifespan=lifespan)


async def verify(authorization: Annotated[str, Header()] = "") -> str:
    """The subject of the token."""
    try:
        token = authorization.removeprefix("Bearer ")
        key = keys[jwt.get_unverified_header(token)["kid"]]
        return str(jwt.decode(token, key, "RS256", audience=AUDIENCE, issuer=f"{AUTH0_URL}/")["sub"])
    except (JOSEError, KeyError):
        raise HTTPException(401, "the token is missing or invalid") from None


User = Annotated[str, Depends(verify)]


async def in_thread(function: Any, *arguments: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(thread, function, *arguments)


async def sql(statement: str, *parameters: str) -> list[Any]:
    return list(await in_thread(lambda: db.execute(statement, parameters).fetchall()))


def add_user(user: str, username: str) -> None:
    with db:
        db.execute("INSERT INTO users VALUES (?, ?, ?)", (user, username, username.casefold()))


def add_mark(user: str, item: Json, kind: str) -> None:
    with db:  # one transaction
        insert = "INSERT OR IGNORE INTO marks VALUES (?, ?, ?, ?, CURRENT_TIMESTAMP)"
        if db.execute(insert, (user, item["type"], item["id"], kind)).rowcount:
            upsert = "INSERT INTO points VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET points = points + excluded.points"
            db.executemany(upsert, [(user, category, POINTS[kind]) for category in item["category"]])
            if kind == "like":
                upsert = "INSERT INTO likes VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET likes = likes + 1"
                db.execute(upsert, (item["type"], item["id"]))


def to_json(item_type: str, shard: int, document: Json) -> Json:
    item_id = f"{shard + 1 if len(shards[item_type]) > 1 else ''}{document['_id']}"
    return {"type": item_type, "id": item_id} | {name: document[name] for name in FIELDS if name in document}


def from_id(item_id: str) -> tuple[int, ObjectId]:
    """The index of the shard, and the id in it."""
    return int(item_id[:-24] or 1) - 1, ObjectId(item_id[-24:])


async def find(item_type: str, shard: int, query: Json, **options: Any) -> list[Json]:
    documents = await shards[item_type][shard].find(query, FIELDS, **options).to_list()
    return [to_json(item_type, shard, document) for document in documents]


async def get(item_type: str, item_id: str) -> Json:
    shard, object_id = from_id(item_id)
    document = await shards[item_type][shard].find_one({"_id": object_id}, FIELDS)
    if document is None:
        raise HTTPException(404, "there is no such item")
    return to_json(item_type, shard, document)


async def get_all(refs: Collection[Ref]) -> list[Json]:
    """The items that exist, in the order of the refs; one query for each shard."""
    ids: dict[tuple[str, int], list[ObjectId]] = {}
    for item_type, item_id in refs:
        shard, object_id = from_id(item_id)
        ids.setdefault((item_type, shard), []).append(object_id)
    found = await asyncio.gather(*(find(*where, {"_id": {"$in": those}}) for where, those in ids.items()))
    items = {(item["type"], item["id"]): item for some in found for item in some}
    return [items[ref] for ref in refs if ref in items]


async def sample(item_type: str, category: str | None, amount: int) -> list[Ref]:
    """Random items. Of a category, MongoDB reads the entries in the index and no document."""
    stages: list[Json] = [{"$match": {"category": category}}, {"$project": {"_id": 1}}] if category else []
    stages.append({"$sample": {"size": amount}})
    cursors = [await shard.aggregate(stages) for shard in shards[item_type]]
    drawn = await asyncio.gather(*(cursor.to_list() for cursor in cursors))
    refs = [to_json(item_type, shard, one) for shard, documents in enumerate(drawn) for one in documents]
    return [(item_type, ref["id"]) for ref in random.sample(refs, min(amount, len(refs)))]


@app.get("/item/{item_type}/{item_id}")
async def get_item(item_type: ItemType, item_id: str) -> JSONResponse:
    return JSONResponse(await get(item_type, item_id))


@app.put("/item/{item_type}/{item_id}/{kind}", status_code=204)
async def mark_item(item_type: ItemType, item_id: str, kind: Literal["seen", "like"], user: User) -> None:
    await in_thread(add_mark, user, await get(item_type, item_id), kind)


@app.get("/lib/{page}")
async def list_items(
    page: Annotated[int, Path(ge=1)], size: Annotated[int, Query(ge=1, le=100)] = 20, type: ItemType | None = None
) -> JSONResponse:
    lists = [(name, shard) for name in ([type] if type else shards) for shard in range(len(shards[name]))]
    counts = await asyncio.gather(*(shards[name][shard].estimated_document_count() for name, shard in lists))
    start, total = (page - 1) * size, sum(counts)
    if page > 1 and start >= total:
        raise HTTPException(400, "there is no such page")
    spans = zip(lists, interleave.spans(counts, start, size), strict=True)
    found = await asyncio.gather(
        *(find(*where, {}, sort={"_id": 1}, skip=skip, limit=limit) for where, (skip, limit) in spans if limit)
    )
    items = [item for row in itertools.zip_longest(*found) for item in row if item]
    numbers = {"page": page, "pages": -(-total // size), "size": size, "total": total}
    return JSONResponse({"items": items, **numbers, "missing": []})


@app.get("/getTopTen/{item_type}")
async def get_top_ten(item_type: ItemType) -> JSONResponse:
    likes = dict(await sql("SELECT item, likes FROM likes WHERE type = ? ORDER BY 2 DESC, 1 LIMIT 10", item_type))
    items = await get_all([(item_type, item_id) for item_id in likes])
    return JSONResponse({"items": [{"item": item, "likes": likes[item["id"]]} for item in items]})


@app.post("/suggest")
async def suggest(
    user: User, types: Annotated[list[ItemType], Body()], amount: Annotated[int, Body(ge=1, le=100)] = 10
) -> JSONResponse:
    top = "SELECT category, points FROM points WHERE subject = ? ORDER BY points DESC, category LIMIT 12"
    points = dict(await sql(top, user))
    chosen = [
        (one, name) for one in types for name in [name for name in points if name in categories[one]][:3] or [None]
    ]
    drawn = await asyncio.gather(*(sample(*those, 2 * amount + 2) for those in chosen))
    refs = list(itertools.chain(*drawn))
    rows = ", ".join(["(?, ?)"] * len(refs))
    marked = f"SELECT type, item FROM marks WHERE subject = ? AND (type, item) IN (VALUES {rows})"  # noqa: S608
    excluded = set(await sql(marked, user, *itertools.chain(*refs)))
    reasons: dict[Ref, str | None] = {}
    for (_, category), some in zip(chosen, drawn, strict=True):
        new = [ref for ref in some if ref not in excluded and ref not in reasons]
        reasons |= dict.fromkeys(new[:amount], category)
    items = await get_all(reasons)
    suggestions = [{"item": item, "because": {"category": reasons[item["type"], item["id"]]}} for item in items]
    used = {name for _, name in chosen}
    listed = [{"category": name, "points": number} for name, number in points.items() if name in used]
    return JSONResponse({"personal": True, "categories": listed, "suggestions": suggestions, "missing": []})


@app.post("/user", status_code=201)
async def create_user(user: User, username: Annotated[str, Body(embed=True)]) -> None:
    await in_thread(add_user, user, username)


@app.get("/user/search/{prefix}")
async def search_users(prefix: str) -> JSONResponse:
    search = "SELECT username FROM users WHERE username_key BETWEEN ? AND ? ORDER BY username_key LIMIT 20"
    names = await sql(search, prefix.casefold(), prefix.casefold() + "\U0010ffff")
    return JSONResponse({"usernames": [name for (name,) in names]})


@app.get("/user/login")
async def log_in() -> RedirectResponse:
    state = secrets.token_urlsafe(16)
    response = RedirectResponse(f"{AUTH0_URL}/authorize?{urlencode(CLIENT | SIGN_IN | {'state': state})}", 302)
    response.set_cookie("seen_sign_in", state, 600, samesite="lax")
    return response


@app.get("/user/logout")
async def log_out() -> RedirectResponse:
    return RedirectResponse(f"{AUTH0_URL}/v2/logout?{urlencode(CLIENT | SIGN_OUT)}", 302)
