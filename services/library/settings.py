"""Settings of the library, read from SEEN_… variables."""

from pydantic import Field

from services.common.addresses import CatalogAddresses
from services.common.settings import GrpcSettings


class LibrarySettings(GrpcSettings):
    account_address: str = Field(description="host:port of the account service")
    catalog_addresses: CatalogAddresses = Field(
        description="host:port of each item type's dataset: BOOK=host:port,SHOW=host:port,…"
    )
    spark_address: str = Field(description="host:port of the Spark connector, which may be down")
    model_check_interval_s: float = Field(
        5, gt=0, le=10, description="seconds between checks for a newly trained suggestion model"
    )
    votes_interval_s: float = Field(
        60, gt=0, description="seconds between readings of the most voted items, which are used without a trained model"
    )
