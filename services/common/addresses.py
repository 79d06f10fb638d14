"""The type of the settings that name the datasets' addresses."""

from typing import Annotated

from pydantic import BeforeValidator, SkipValidation
from pydantic_settings import NoDecode

from seen.v1.types_pb2 import ItemType


def _by_type(value: object) -> object:
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


# The address of each item type's dataset. As an environment variable: BOOK=host:port,SHOW=host:port,…
CatalogAddresses = Annotated[dict[SkipValidation[ItemType], str], NoDecode, BeforeValidator(_by_type)]
