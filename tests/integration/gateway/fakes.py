"""Fake services behind the gateway, over real gRPC."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from seen.v1 import (
    account_pb2,
    account_pb2_grpc,
    catalog_pb2,
    library_pb2,
    library_pb2_grpc,
    spark_pb2,
    spark_pb2_grpc,
)
from seen.v1.types_pb2 import BOOK, SHOW, Item, ItemRef
from services.common import status
from services.common.errors import SeenError

BOOK_ID = "606e2683b3fff1da8a207ae9"
SHOW_ID = f"1{BOOK_ID}"
HOBBIT = Item(
    type=BOOK,
    id=BOOK_ID,
    name="The Hobbit",
    category=["Fantasy", "Classics"],
    themes=["Fantasy", "Classics"],
    rating=8.52,
    description="In a hole in the ground\nthere lived a hobbit.",
    image_url="https://images.example/books/5907.jpg",
    source_id="5907",
    votes=2_499_623,
)
UNRATED = Item(type=SHOW, id=SHOW_ID, name="Shōgun", kind="tvSeries", year=1980)
FANTASY = account_pb2.CategoryPoints(category="Fantasy", points=4, seen=1, liked=1)
NOON = Timestamp(seconds=1_770_033_600)
HITCHCOCK = spark_pb2.Person(id="nm0000033", name="Alfred Hitchcock", link="https://www.imdb.com/name/nm0000033/")


class Fake:
    """Each method returns `answers[method]` or fails with `errors[method]`; `calls` are the methods and requests."""

    def __init__(self, answers: dict[str, Message]) -> None:
        self._default_answers = answers
        self.held: dict[str, asyncio.Event] = {}
        self.reset()

    def hold(self, method: str) -> asyncio.Event:
        """Calls of the method wait until the event is set."""
        self.held[method] = asyncio.Event()
        return self.held[method]

    def reset(self) -> None:
        for event in self.held.values():
            event.set()
        self.held = {}
        self.answers = dict(self._default_answers)
        self.errors: dict[str, SeenError | grpc.StatusCode] = {}
        self.calls: list[tuple[str, Any]] = []
        self.metadata: dict[str, Any] = {}
        self.time_left_s: float | None = None

    def __getattr__(self, method: str) -> Callable[[Any, Any], Awaitable[Message]]:
        async def answer(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Message:
            self.calls.append((method, request))
            self.metadata = dict(context.invocation_metadata() or ())
            self.time_left_s = context.time_remaining()
            if method in self.held:
                await self.held[method].wait()
            error = self.errors.get(method)
            if isinstance(error, grpc.StatusCode):
                await context.abort(error, "internal details")
            if isinstance(error, SeenError) and (code := status.code_of(error)):
                await context.abort(code, error.message, status.trailing_metadata(error, code))
            return self.answers[method]

        return answer


class Fakes:
    def __init__(self) -> None:
        self.library = Fake(
            {
                "ListItems": library_pb2.ListLibraryResponse(items=[HOBBIT, UNRATED], total=42),
                "GetItem": HOBBIT,
                "BatchGetItems": library_pb2.BatchGetLibraryItemsResponse(items=[UNRATED, HOBBIT]),
                "CreateItem": HOBBIT,
                "DeleteItem": Empty(),
                "MarkItem": Empty(),
                "UnmarkItem": Empty(),
                "ListMarkedItems": library_pb2.ListMarkedItemsResponse(
                    items=[library_pb2.MarkedItem(item=HOBBIT, marked_at=NOON)], next_cursor="bmV4dA"
                ),
                "GetTopTen": library_pb2.GetTopTenResponse(items=[library_pb2.TopItem(item=HOBBIT, likes=3)]),
                "ListCategories": catalog_pb2.ListCategoriesResponse(
                    items=2,
                    categories=[catalog_pb2.CategoryCount(name="Science Fiction", items=1)],
                    themes=[catalog_pb2.CategoryCount(name="Sci-Fi", items=1)],
                ),
                "Suggest": library_pb2.SuggestResponse(
                    categories=[FANTASY],
                    suggestions=[
                        library_pb2.Suggestion(item=HOBBIT, because=library_pb2.Reason(category=FANTASY)),
                        library_pb2.Suggestion(item=UNRATED),
                    ],
                    seed=7,
                ),
                "ListSimilar": library_pb2.ListSimilarResponse(items=[UNRATED]),
            }
        )
        ana = account_pb2.User(username="ana", created_at=NOON, seen=2, liked=1)
        self.account = Fake(
            {
                "CreateUser": ana,
                "RenameUser": ana,
                "GetUser": ana,
                "DeleteUser": Empty(),
                "GetMarks": account_pb2.GetMarksResponse(
                    marks=[account_pb2.ItemMarks(item=ItemRef(type=BOOK, id=BOOK_ID), seen=True, not_interested=True)]
                ),
                "SearchUsers": account_pb2.SearchUsersResponse(usernames=["ana", "Anabela"]),
            }
        )
        director = spark_pb2.DirectorRank(person=HITCHCOCK, average_rating=7.9, films=23, votes=2_871_234)
        connected = spark_pb2.ConnectedRank(person=HITCHCOCK, coworkers=4711)
        fresh = spark_pb2.Computation(computed_at=NOON)
        film = spark_pb2.Film(id="tt0047396", name="Rear Window", year=1954, rating=8.5, votes=546_000)
        self.spark = Fake(
            {
                "GetBestDirector": spark_pb2.GetBestDirectorResponse(
                    answer=spark_pb2.BestDirector(winner=director, films=[film], left_out=spark_pb2.LeftOut()),
                    computation=fresh,
                ),
                "GetMostConnected": spark_pb2.GetMostConnectedResponse(
                    answer=spark_pb2.MostConnected(
                        winner=connected, runners_up=[connected], left_out=spark_pb2.LeftOut()
                    ),
                    computation=fresh,
                ),
                "GetModel": spark_pb2.GetModelResponse(
                    model=spark_pb2.ModelInfo(
                        version="6f1c",
                        trained_at=NOON,
                        people=863,
                        marks=25_919,
                        items=1204,
                        quality=[
                            spark_pb2.ModelQuality(type=BOOK, people=86, ndcg_at_10=0.25, votes_ndcg_at_10=0.0625)
                        ],
                    ),
                    computation=fresh,
                ),
            }
        )

    @property
    def all(self) -> tuple[Fake, ...]:
        return self.library, self.account, self.spark

    @property
    def calls(self) -> list[tuple[str, Any]]:
        return [call for fake in self.all for call in fake.calls]

    def reset(self) -> None:
        for fake in self.all:
            fake.reset()

    async def serve(self) -> tuple[grpc.aio.Server, int]:
        """All on one port: no two services have a method with the same name."""
        server = grpc.aio.server()
        library_pb2_grpc.add_LibraryServicer_to_server(self.library, server)  # type: ignore[arg-type]
        account_pb2_grpc.add_AccountServicer_to_server(self.account, server)  # type: ignore[arg-type]
        spark_pb2_grpc.add_SparkServicer_to_server(self.spark, server)  # type: ignore[arg-type]
        healthy = health.aio.HealthServicer()
        await healthy.set("", health_pb2.HealthCheckResponse.SERVING)
        health_pb2_grpc.add_HealthServicer_to_server(healthy, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        return server, port
