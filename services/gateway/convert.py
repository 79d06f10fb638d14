"""Messages of the protocols as the JSON of the API, and back."""

from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from seen.v1 import account_pb2, library_pb2, spark_pb2
from seen.v1.types_pb2 import Item, ItemRef, ItemType

Json = dict[str, Any]

# The fields of an item that may be absent, as the protocol and as the API call them.
_OPTIONAL = {
    "rating": "rating",
    "description": "description",
    "image_url": "imageUrl",
    "kind": "kind",
    "year": "year",
    "source_id": "sourceId",
}


def ref(type_name: str, item_id: str) -> ItemRef:
    return ItemRef(type=type_name, id=item_id)


def item(message: Item) -> Json:
    found: Json = {
        "type": ItemType.Name(message.type),
        "id": message.id,
        "name": message.name,
        "category": list(message.category),
    }
    for field, name in _OPTIONAL.items():
        if message.HasField(field):
            found[name] = getattr(message, field)
    return found


def new_item(body: Mapping[str, Any]) -> Item:
    given = {field: body[name] for field, name in _OPTIONAL.items() if name in body}
    return Item(type=body["type"], name=body["name"], category=body.get("category", ()), **given)


def types(numbers: Iterable[ItemType]) -> list[str]:
    return [ItemType.Name(number) for number in numbers]


def time(timestamp: Timestamp) -> str:
    return timestamp.ToJsonString()


def user(message: account_pb2.User) -> Json:
    found: Json = {"createdAt": time(message.created_at), "seen": message.seen, "liked": message.liked}
    if message.HasField("username"):
        found["username"] = message.username
    return found


def marked_items(message: library_pb2.ListMarkedItemsResponse) -> Json:
    found: Json = {
        "items": [{"item": item(mark.item), "markedAt": time(mark.marked_at)} for mark in message.items],
        "missing": types(message.missing),
    }
    if message.next_cursor:
        found["nextCursor"] = message.next_cursor
    return found


def top_ten(message: library_pb2.GetTopTenResponse) -> Json:
    return {"items": [{"item": item(top.item), "likes": top.likes} for top in message.items]}


def suggestions(message: library_pb2.SuggestResponse, personal: bool) -> Json:
    return {
        "personal": personal,
        "categories": [{"category": chosen.category, "points": chosen.points} for chosen in message.categories],
        "suggestions": [
            {"item": item(suggestion.item)} | ({"because": suggestion.because} if suggestion.because else {})
            for suggestion in message.suggestions
        ],
        "missing": types(message.missing),
    }


def best_director(message: spark_pb2.GetBestDirectorResponse) -> Json:
    answer = message.answer
    return {
        **({"winner": _director(answer.winner)} if answer.HasField("winner") else {}),
        "films": [_film(film) for film in answer.films],
        "runnersUp": [_director(rank) for rank in answer.runners_up],
        "leftOut": _left_out(answer.left_out),
        **_age(message.computation),
    }


def most_connected(message: spark_pb2.GetMostConnectedResponse) -> Json:
    answer = message.answer
    return {
        **({"winner": _connected(answer.winner)} if answer.HasField("winner") else {}),
        "runnersUp": [_connected(rank) for rank in answer.runners_up],
        "leftOut": _left_out(answer.left_out),
        **_age(message.computation),
    }


def computation(message: spark_pb2.Computation) -> Json:
    found: Json = {"running": message.running}
    if message.running:
        found |= {"stage": message.stage, "progress": message.progress}
    if message.failure:
        found["failure"] = message.failure
    if message.retry_after_s > 0:
        found["retryAfterSeconds"] = message.retry_after_s
    return found


def _age(message: spark_pb2.Computation) -> Json:
    found: Json = {"stale": message.stale}
    if message.HasField("computed_at"):
        found["computedAt"] = time(message.computed_at)
    if message.stale or message.running or message.failure:
        found["computation"] = computation(message)
    return found


def _person(message: spark_pb2.Person) -> Json:
    name = {"name": message.name} if message.HasField("name") else {}
    return {"id": message.id, **name, "link": message.link}


def _director(message: spark_pb2.DirectorRank) -> Json:
    return {
        "person": _person(message.person),
        "averageRating": message.average_rating,
        "films": message.films,
        "votes": message.votes,
    }


def _connected(message: spark_pb2.ConnectedRank) -> Json:
    return {"person": _person(message.person), "coworkers": message.coworkers}


def _film(message: spark_pb2.Film) -> Json:
    year = {"year": message.year} if message.HasField("year") else {}
    return {"id": message.id, "name": message.name, **year, "rating": message.rating, "votes": message.votes}


def _left_out(message: spark_pb2.LeftOut) -> Json:
    return {"unreadableLines": message.unreadable_lines, "peopleWithoutName": message.people_without_name}
