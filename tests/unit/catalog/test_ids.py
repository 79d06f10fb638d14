"""Ids and the shards in them."""

import pytest
from bson import ObjectId

from services.catalog.store.ids import Ids
from services.common.errors import InvalidArgument

OBJECT_ID = ObjectId("606e2683b3fff1da8a207ae9")


def test_with_one_shard_an_id_is_the_object_id() -> None:
    assert Ids(1).text(0, OBJECT_ID) == "606e2683b3fff1da8a207ae9"
    assert Ids(1).parse("606e2683b3fff1da8a207ae9") == (0, OBJECT_ID)


@pytest.mark.parametrize("shard", range(35))
def test_an_id_contains_its_shard(shard: int) -> None:
    ids = Ids(35)
    assert ids.parse(ids.text(shard, OBJECT_ID)) == (shard, OBJECT_ID)


def test_shards_are_numbered_from_1() -> None:
    assert Ids(2).text(1, OBJECT_ID) == "2606e2683b3fff1da8a207ae9"


@pytest.mark.parametrize(
    "text",
    [
        *("", "1", "606e2683b3fff1da8a207ae9", "3606e2683b3fff1da8a207ae9", "1606E2683B3FFF1DA8A207AE9", "1" * 26),
        *("1606e2683b3fff1da8a207ae\n", "1606e2683b3fff1da8a207aeg", "1٠06e2683b3fff1da8a207ae9", "x" * 1_000_000),
    ],
)
def test_a_text_that_cannot_be_an_id_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        Ids(2).parse(text)
    assert refused.value.field == "id"
