"""From the domain to the protocol's messages."""

from seen.v1.spark_pb2 import Computation
from services.spark_connector.answers import Standing


def computation(standing: Standing) -> Computation:
    message = Computation(
        stale=standing.stale,
        running=standing.running,
        stage=standing.stage,
        progress=standing.progress,
        failure=standing.failure,
        retry_after_s=standing.retry_after_s,
    )
    if standing.computed_at:
        message.computed_at.FromDatetime(standing.computed_at)
    return message
