"""An item's id: the ObjectId in hex, with its shard's character in front where the dataset has several shards."""

import re

from bson import ObjectId

from services.common.errors import InvalidArgument

# Shard 1 is "1"; a dataset never shrinks, so that ids stay what they are.
CHARACTERS = "123456789abcdefghijklmnopqrstuvwxyz"
_OBJECT_ID = re.compile(r"[0-9a-f]{24}")  # lower case only, so that an item has one id and not several


class Ids:
    def __init__(self, shards: int) -> None:
        self._characters = CHARACTERS[:shards] if shards > 1 else ""

    def parse(self, text: str) -> tuple[int, ObjectId]:
        """The number of the shard, from 0, and the ObjectId there; raises InvalidArgument for what cannot be an id."""
        shard, rest = 0, text
        if self._characters:
            shard, rest = self._characters.find(text[:1]) if text else -1, text[1:]
        if shard < 0 or not _OBJECT_ID.fullmatch(rest):
            raise InvalidArgument("id", "is not an id of this dataset")
        return shard, ObjectId(rest)

    def text(self, shard: int, object_id: ObjectId) -> str:
        return f"{self._characters[shard : shard + 1]}{object_id}"
