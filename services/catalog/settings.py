"""Settings of a dataset's service."""

from pydantic import Field, SecretStr, field_validator

from services.catalog.store import mongo
from services.common.settings import GrpcSettings

DATABASE = "seen"


class CatalogSettings(GrpcSettings):
    mongo_uris: SecretStr = Field(description="mongodb:// URI of each shard, separated by commas, shard 1 first")
    mongo_database: str = Field(DATABASE, description="name of the database on each shard")

    @field_validator("mongo_uris")
    @classmethod
    def _well_formed(cls, value: SecretStr) -> SecretStr:
        mongo.split_uris(value.get_secret_value())
        return value

    def uris(self) -> list[str]:
        return mongo.split_uris(self.mongo_uris.get_secret_value())
