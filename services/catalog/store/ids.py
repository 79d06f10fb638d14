"""An item's id: the ObjectId in hex, after the character of its shard if the dataset has several shards."""

import re

from bson import ObjectId

from services.common.errors import InvalidArgument

# Shard 1 is "1". Shards are only ever added, so ids stay valid.
SHARD_CHARACTERS = "123456789abcdefghijklmnopqrstuvwxyz"
_OBJECT_ID = re.compile(r"[0-9a-f]{24}")  # lower case only: an item has exactly one id


class Ids:
    def __init__(self, shards: int) -> None:
        self._characters = SHARD_CHARACTERS[:shards] if shards > 1 else ""

    def parse(self, text: str) -> tuple[int, ObjectId]:
        """The index of the shard, from 0, and the ObjectId. Raises InvalidArgument if the text cannot be an id."""
        shard, object_id = 0, text
        if self._characters:
            shard, object_id = self._characters.find(text[:1]) if text else -1, text[1:]
        if shard < 0 or not _OBJECT_ID.fullmatch(object_id):
            raise InvalidArgument("id", "is not an id of this dataset")
        return shard, ObjectId(object_id)

    def text(self, shard: int, object_id: ObjectId) -> str:
        return f"{self._characters[shard : shard + 1]}{object_id}"
