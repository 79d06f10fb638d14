"""Settings of the library, read from SEEN_… variables."""

from pydantic import Field

from services.common.addresses import CatalogAddresses
from services.common.settings import GrpcSettings


class LibrarySettings(GrpcSettings):
    account_address: str = Field(description="host:port of the account service")
    catalog_addresses: CatalogAddresses = Field(
        description="host:port of each item type's dataset: BOOK=host:port,SHOW=host:port,…"
    )
    spark_address: str = Field(description="host:port of the Spark connector, which need not run")
