"""Runs the account service."""

import contextlib
from collections.abc import AsyncIterator

from seen.v1 import account_pb2, account_pb2_grpc
from services.account import metrics
from services.account.servicer import AccountServicer
from services.account.settings import AccountSettings
from services.account.store import Store
from services.common.server import GrpcService, run


@contextlib.asynccontextmanager
async def main(settings: AccountSettings) -> AsyncIterator[GrpcService]:
    metrics.show_certificates(settings)
    with contextlib.closing(Store(settings)) as store:
        yield GrpcService(
            settings,
            account_pb2.DESCRIPTOR.services_by_name["Account"].full_name,
            account_pb2_grpc.add_AccountServicer_to_server,
            AccountServicer(store),
            store.ping,
        )


if __name__ == "__main__":
    settings = AccountSettings.load()
    run("account", settings, lambda: main(settings))
