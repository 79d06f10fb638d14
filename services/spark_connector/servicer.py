"""seen.v1.Spark: reads the request, asks the domain, writes the reply."""

from typing import cast

from seen.v1 import spark_pb2, spark_pb2_grpc
from services.common.server import Context
from services.spark_connector import convert, questions
from services.spark_connector.answers import Answers


class SparkServicer(spark_pb2_grpc.SparkServicer):
    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    async def GetBestDirector(
        self, request: spark_pb2.GetBestDirectorRequest, context: Context
    ) -> spark_pb2.GetBestDirectorResponse:
        asked = questions.best_director(request.min_films, request.min_votes)
        standing = await self._answers.get(asked, request.refresh)
        return spark_pb2.GetBestDirectorResponse(
            answer=cast(spark_pb2.BestDirector | None, standing.answer), computation=convert.computation(standing)
        )

    async def GetMostConnected(
        self, request: spark_pb2.GetMostConnectedRequest, context: Context
    ) -> spark_pb2.GetMostConnectedResponse:
        standing = await self._answers.get(questions.most_connected(), request.refresh)
        return spark_pb2.GetMostConnectedResponse(
            answer=cast(spark_pb2.MostConnected | None, standing.answer), computation=convert.computation(standing)
        )
