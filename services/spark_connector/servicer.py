"""seen.v1.Spark: reads requests and writes replies."""

from typing import cast

from seen.v1 import spark_pb2, spark_pb2_grpc
from services.common.server import Context
from services.spark_connector.computations.scheduler import Scheduler, Status
from services.spark_connector.queries import BEST_DIRECTOR, MOST_CONNECTED


class SparkServicer(spark_pb2_grpc.SparkServicer):
    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    async def GetBestDirector(
        self, request: spark_pb2.GetBestDirectorRequest, context: Context
    ) -> spark_pb2.GetBestDirectorResponse:
        query = BEST_DIRECTOR.query(min_films=request.min_films, min_votes=request.min_votes)
        status = await self._scheduler.get(query, request.refresh)
        answer = cast(spark_pb2.BestDirector | None, status.answer)
        return spark_pb2.GetBestDirectorResponse(answer=answer, computation=_computation(status))

    async def GetMostConnected(
        self, request: spark_pb2.GetMostConnectedRequest, context: Context
    ) -> spark_pb2.GetMostConnectedResponse:
        status = await self._scheduler.get(MOST_CONNECTED.query(), request.refresh)
        answer = cast(spark_pb2.MostConnected | None, status.answer)
        return spark_pb2.GetMostConnectedResponse(answer=answer, computation=_computation(status))


def _computation(status: Status) -> spark_pb2.Computation:
    message = spark_pb2.Computation(
        stale=status.stale,
        running=status.running,
        stage=status.stage,
        progress=status.progress,
        failure=status.failure,
        retry_after_s=status.retry_after_s,
    )
    if status.computed_at:
        message.computed_at.FromDatetime(status.computed_at)
    return message
