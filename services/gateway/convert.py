"""Protocol messages as the JSON of the API, and back. Names and optional fields come from the message types."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from seen.v1.types_pb2 import Item, ItemRef

Json = dict[str, Any]


def to_json(message: Message) -> Json:
    """The fields in the order of their declaration, in camelCase; absent optional fields are left out.

    protobuf's own JSON has strings for 64-bit integers; the API has numbers.
    """
    return {
        json_name: convert(getattr(message, name))
        for name, json_name, optional, convert in _fields(message.DESCRIPTOR)
        if not optional or message.HasField(name)
    }


def new_item(body: Mapping[str, Any]) -> Item:
    """The item in a request's body, which has been checked against the specification."""
    return Item(**{field.name: body[field.json_name] for field in Item.DESCRIPTOR.fields if field.json_name in body})


def ref(type: str, id: str) -> ItemRef:
    return ItemRef(type=type, id=id)


def ref_from_path(path: str) -> ItemRef:
    """`path` is a type and an id, such as BOOK/606e2683b3fff1da8a207ae9."""
    return ref(*path.split("/"))


@functools.cache
def _fields(descriptor: Descriptor) -> list[tuple[str, str, bool, Callable[[Any], Any]]]:
    """Name, JSON name, whether the field is optional, and conversion to JSON, for each field of the message."""
    return [(field.name, field.json_name, field.has_presence, _conversion(field)) for field in descriptor.fields]


def _conversion(field: FieldDescriptor) -> Callable[[Any], Any]:
    convert: Callable[[Any], Any] | None = None
    if field.enum_type:
        convert = {number: value.name for number, value in field.enum_type.values_by_number.items()}.__getitem__
    elif field.message_type:
        convert = Timestamp.ToJsonString if field.message_type is Timestamp.DESCRIPTOR else to_json
    if field.is_repeated:
        return list if convert is None else lambda values: [convert(value) for value in values]
    return convert or (lambda value: value)
