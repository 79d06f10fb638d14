"""Builds the Spark connector."""

import contextlib
from collections.abc import AsyncIterator

from seen.v1 import spark_pb2, spark_pb2_grpc
from services.common.server import GrpcServer
from services.spark_connector import metrics, parts
from services.spark_connector.answers import Answers, Backoff
from services.spark_connector.questions import QUESTIONS
from services.spark_connector.runners.program import Program
from services.spark_connector.servicer import SparkServicer
from services.spark_connector.settings import SparkSettings


@contextlib.asynccontextmanager
async def build(settings: SparkSettings) -> AsyncIterator[GrpcServer]:
    metrics.begin(question.name for question in QUESTIONS)
    program = Program(settings.spark_jobs.absolute())
    records = parts.records(settings)
    backoff = Backoff(settings.retry_first_s, settings.retry_longest_s)
    answers = Answers(parts.runner(settings, program), records, parts.source(settings), program.version, backoff)
    async with answers.running():
        yield GrpcServer(
            settings,
            spark_pb2.DESCRIPTOR.services_by_name["Spark"],
            spark_pb2_grpc.add_SparkServicer_to_server,
            SparkServicer(answers),
            records.ping,
        )
