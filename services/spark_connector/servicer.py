"""seen.v1.Spark: reads requests and writes replies."""

from typing import cast

from seen.v1 import spark_pb2, spark_pb2_grpc
from seen.v1.types_pb2 import ItemType
from services.common import checks
from services.common.server import Context
from services.spark_connector.computations.computation import Status
from services.spark_connector.computations.scheduler import AnswerStatus, Scheduler
from services.spark_connector.queries import BEST_DIRECTOR, MOST_CONNECTED
from services.spark_connector.training.model_store import ModelStore, Summary
from services.spark_connector.training.trainer import Trainer

MAX_OFFSET = 2**40


class SparkServicer(spark_pb2_grpc.SparkServicer):
    def __init__(self, scheduler: Scheduler, trainer: Trainer, models: ModelStore) -> None:
        self._scheduler = scheduler
        self._trainer = trainer
        self._models = models

    async def GetBestDirector(
        self, request: spark_pb2.GetBestDirectorRequest, context: Context
    ) -> spark_pb2.GetBestDirectorResponse:
        query = BEST_DIRECTOR.query(min_films=request.min_films, min_votes=request.min_votes)
        status = await self._scheduler.get(query, request.refresh)
        answer = cast(spark_pb2.BestDirector | None, status.answer)
        return spark_pb2.GetBestDirectorResponse(answer=answer, computation=_computation_of_answer(status))

    async def GetMostConnected(
        self, request: spark_pb2.GetMostConnectedRequest, context: Context
    ) -> spark_pb2.GetMostConnectedResponse:
        status = await self._scheduler.get(MOST_CONNECTED.query(), request.refresh)
        answer = cast(spark_pb2.MostConnected | None, status.answer)
        return spark_pb2.GetMostConnectedResponse(answer=answer, computation=_computation_of_answer(status))

    async def GetModel(self, request: spark_pb2.GetModelRequest, context: Context) -> spark_pb2.GetModelResponse:
        status = await self._trainer.get(request.train)
        model = _model_info(status.model) if status.model else None
        computation = _computation(status)
        if model:
            computation.computed_at.CopyFrom(model.trained_at)
        return spark_pb2.GetModelResponse(model=model, computation=computation)

    async def ReadModel(self, request: spark_pb2.ReadModelRequest, context: Context) -> spark_pb2.ReadModelResponse:
        offset = checks.integer("offset", request.offset, 0, MAX_OFFSET)
        version, size, data = await self._models.read(request.version, offset)
        return spark_pb2.ReadModelResponse(version=version, size=size, data=data)


def _computation_of_answer(status: AnswerStatus) -> spark_pb2.Computation:
    message = _computation(status)
    if status.computed_at:
        message.computed_at.FromDatetime(status.computed_at)
    return message


def _computation(status: Status) -> spark_pb2.Computation:
    return spark_pb2.Computation(
        stale=status.stale,
        running=status.running,
        stage=status.stage,
        progress=status.progress,
        failure=status.failure,
        retry_after_s=status.retry_after_s,
    )


def _model_info(model: Summary) -> spark_pb2.ModelInfo:
    message = spark_pb2.ModelInfo(
        version=model.version,
        people=model.people,
        marks=model.marks,
        items=model.items_with_neighbours,
        quality=[
            spark_pb2.ModelQuality(
                type=cast(ItemType, item_type),
                people=quality.people,
                ndcg_at_10=round(quality.ndcg_at_10, 4),
                votes_ndcg_at_10=round(quality.votes_ndcg_at_10, 4),
            )
            for item_type, quality in model.quality
        ],
    )
    message.trained_at.FromNanoseconds(int(model.trained_at * 1e9))
    return message
