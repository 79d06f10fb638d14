"""Settings of the compact process. A service's own settings have its name in front: SEEN_ACCOUNT_DATABASE_URL."""

from typing import TypeVar

from seen.v1.types_pb2 import ItemType
from services.account.settings import AccountSettings
from services.catalog import datasets
from services.catalog.settings import CatalogSettings
from services.common import in_process
from services.common.settings import ENV_PREFIX, ProgramSettings, Settings
from services.gateway.settings import GatewaySettings
from services.library.settings import LibrarySettings
from services.spark_connector.settings import SparkSettings

S = TypeVar("S", bound=ProgramSettings)


class CompactSettings(Settings):
    """The settings that all services share. Each method reads the settings of one service."""

    def gateway(self) -> GatewaySettings:
        return self._read(
            "gateway",
            GatewaySettings,
            library_address=address("library"),
            account_address=address("account"),
            spark_address=address("spark_connector"),
        )

    def library(self) -> LibrarySettings:
        return self._read(
            "library",
            LibrarySettings,
            port=0,
            account_address=address("account"),
            catalog_addresses=_catalog_addresses(),
            spark_address=address("spark_connector"),
        )

    def account(self) -> AccountSettings:
        return self._read("account", AccountSettings, port=0)

    def spark_connector(self) -> SparkSettings:
        return self._read(
            "spark_connector",
            SparkSettings,
            port=0,
            account_address=address("account"),
            catalog_addresses=_catalog_addresses(),
        )

    def dataset(self, name: str) -> CatalogSettings:
        return self._read(name, CatalogSettings, port=0)

    def _read(self, service: str, settings: type[S], **fixed: object) -> S:
        """Reads SEEN_<SERVICE>_… variables, except for the shared settings and the values in `fixed`."""
        shared = {name: getattr(self, name) for name in Settings.model_fields}
        return settings.from_env(f"{ENV_PREFIX}{service.upper()}_", **shared, **fixed)


def address(service: str) -> str:
    return f"{in_process.SCHEME}{service}"


def _catalog_addresses() -> dict[ItemType, str]:
    return {datasets.get_adapter(name).type: address(name) for name in datasets.names()}
