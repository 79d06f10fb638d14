"""Settings of the library, read from SEEN_… variables."""

from typing import Annotated

from pydantic import Field, SkipValidation, field_validator
from pydantic_settings import NoDecode

from seen.v1.types_pb2 import ItemType
from services.common.settings import GrpcSettings


class LibrarySettings(GrpcSettings):
    account_address: str = Field(description="host:port of the account service")
    catalog_addresses: Annotated[dict[SkipValidation[ItemType], str], NoDecode] = Field(
        description="host:port of each item type's dataset: BOOK=host:port,SHOW=host:port,…"
    )

    @field_validator("catalog_addresses", mode="before")
    @classmethod
    def _by_type(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        addresses = {}
        for entry in filter(None, map(str.strip, value.split(","))):
            name, equals, address = entry.partition("=")
            if not equals or not address:
                raise ValueError("each entry must read TYPE=host:port")
            try:
                addresses[ItemType.Value(name)] = address
            except ValueError:
                raise ValueError(f"there is no item type {name}") from None
        if not addresses:
            raise ValueError("must name at least one dataset")
        return addresses
