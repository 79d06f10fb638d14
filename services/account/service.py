"""Builds the account service."""

import contextlib
from collections.abc import AsyncIterator

from seen.v1 import account_pb2, account_pb2_grpc
from services.account import metrics
from services.account.database.database import Database
from services.account.servicer import AccountServicer
from services.account.settings import AccountSettings
from services.common.server import GrpcServer


@contextlib.asynccontextmanager
async def build(settings: AccountSettings) -> AsyncIterator[GrpcServer]:
    metrics.set_certificate_expiry(settings)
    with contextlib.closing(Database(settings)) as database:
        yield GrpcServer(
            settings,
            account_pb2.DESCRIPTOR.services_by_name["Account"],
            account_pb2_grpc.add_AccountServicer_to_server,
            AccountServicer(database),
            database.ping,
        )
