"""Real services for trainings: accounts in SQLite, and two datasets in MongoDB with the sample library."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from scripts.local import suite
from seen.v1 import catalog_pb2, catalog_pb2_grpc
from seen.v1.account_pb2 import LIKE, SEEN, DeleteUserRequest, SetMarkRequest
from seen.v1.types_pb2 import Item, ItemRef, ItemType
from services.account.service import build as build_account
from services.account.settings import AccountSettings
from services.catalog import datasets
from services.catalog.loader.job import LoadJob
from services.catalog.loader.report import Report
from services.catalog.service import build as build_catalog
from services.catalog.settings import CatalogSettings
from services.common import clients
from services.spark_connector.training import ratings
from tests.conftest import ROOT
from tests.integration.account.calls import Account, connect
from tests.integration.catalog.servers import Server

NAMES = ("book", "anime")
DATABASE = "seen"


@dataclass(frozen=True)
class Services:
    """Running services with the sample library; `items` are those of each type, in the order of the file."""

    account: Account
    account_address: str
    catalog_addresses: Mapping[ItemType, str]
    items: Mapping[ItemType, Sequence[Item]]

    @property
    def addresses(self) -> dict[str, str]:
        """As settings of the connector."""
        catalogs = (f"{ItemType.Name(item_type)}={address}" for item_type, address in self.catalog_addresses.items())
        return {"account_address": self.account_address, "catalog_addresses": ",".join(catalogs)}

    async def mark(self, person: str, items: Sequence[Item], *, like: bool = True) -> None:
        for item in items:
            ref = ItemRef(type=item.type, id=item.id)
            request = SetMarkRequest(
                subject=person, item=ref, kind=LIKE if like else SEEN, category=item.category, themes=item.themes
            )
            await self.account.SetMark(request)

    async def mark_alike(self, people: int, items: Sequence[Item]) -> None:
        """Each of these people likes all of these items."""
        await asyncio.gather(*(self.mark(f"auth0|{number}", items) for number in range(people)))

    async def delete_user(self, person: str) -> None:
        await self.account.DeleteUser(DeleteUserRequest(subject=person))


@contextmanager
def mongod(folder: Path) -> Iterator[Server]:
    """A server whose database has the sample library."""
    server = Server(folder)
    try:
        server.start()
        server.wait()
        for dataset in suite.DATASETS:
            if dataset.name in NAMES:
                files = [ROOT / "services" / dataset.name / "sample" / name for name in dataset.sample]
                job = LoadJob(datasets.get_adapter(dataset.name), files, [server.uri], DATABASE)
                asyncio.run(job.run(Report()))
        yield server
    finally:
        server.kill()


def account_settings(file: Path) -> AccountSettings:
    return AccountSettings(port=0, metrics_port=0, database_url=SecretStr(f"sqlite:///{file}"))


@asynccontextmanager
async def running(server: Server, accounts: Path) -> AsyncIterator[Services]:
    """`accounts` is a migrated SQLite file."""
    async with AsyncExitStack() as stack:
        account_server = await stack.enter_async_context(build_account(account_settings(accounts)))
        account_port = await stack.enter_async_context(account_server.running())
        account = await stack.enter_async_context(connect(account_port))
        addresses: dict[ItemType, str] = {}
        items = {}
        for name in NAMES:
            adapter = datasets.get_adapter(name)
            settings = CatalogSettings(port=0, metrics_port=0, mongo_uris=server.uri, mongo_database=DATABASE)
            catalog_server = await stack.enter_async_context(build_catalog(adapter, settings))
            address = f"127.0.0.1:{await stack.enter_async_context(catalog_server.running())}"
            addresses[adapter.type] = address
            channel = clients.connect(address, catalog_pb2.DESCRIPTOR.services_by_name["Catalog"])
            async with channel:
                stub = catalog_pb2_grpc.CatalogStub(channel)
                items[adapter.type] = (await stub.ListItems(catalog_pb2.ListItemsRequest(limit=100))).items
        yield Services(Account(account), f"127.0.0.1:{account_port}", addresses, items)


def write_ratings(folder: Path, item_type: ItemType, rows: Sequence[str]) -> None:
    """Writes a ratings file into the folder `ratings`."""
    path = folder / "ratings" / ratings.file_name(ItemType.Name(item_type))
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(f"{row}\n" for row in [",".join(ratings.COLUMNS), *rows]))
