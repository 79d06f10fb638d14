"""Between the domain's items and the protocol's."""

from seen.v1 import catalog_pb2, types_pb2
from seen.v1.types_pb2 import ItemType
from services.catalog.item import Item
from services.catalog.sampling import Sample
from services.catalog.search import Hit

# Same name and meaning on both sides; None here is "not set" there.
_OPTIONAL = ("rating", "description", "image_url", "kind", "year", "source_id")


def item_to_pb(item: Item, item_type: ItemType) -> types_pb2.Item:
    message = types_pb2.Item(type=item_type, id=item.id, name=item.name, category=item.category)
    for field in _OPTIONAL:
        value = getattr(item, field)
        if value is not None:
            setattr(message, field, value)
    return message


def item_from_pb(message: types_pb2.Item) -> Item:
    given = {field: getattr(message, field) for field in _OPTIONAL if message.HasField(field)}
    return Item(name=message.name, category=tuple(message.category), **given)


def sample_to_pb(sample: Sample, item_type: ItemType) -> catalog_pb2.Sample:
    items = [item_to_pb(item, item_type) for item in sample.items]
    return catalog_pb2.Sample(category=sample.category, items=items, complete=sample.complete)


def hit_to_pb(hit: Hit) -> catalog_pb2.SearchHit:
    return catalog_pb2.SearchHit(id=hit.id, name=hit.name, match=catalog_pb2.Match.Name(hit.match))
