"""Stored answers: a JSON file for each query."""

import datetime
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from services.spark_connector.storage.files import Storage

log = logging.getLogger(__name__)

SUFFIX = ".json"


@dataclass(frozen=True)
class AnswerRecord:
    """A job's result and its inputs. Times are ISO 8601 in UTC."""

    question: str
    arguments: Mapping[str, int]
    fingerprint: str
    inputs: Sequence[Mapping[str, Any]]
    result: Mapping[str, Any]
    runner: str
    startedAt: str
    computedAt: str

    @property
    def computed_at(self) -> datetime.datetime:
        return datetime.datetime.fromisoformat(self.computedAt)


class AnswerStore:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self.ping = storage.ping

    async def load(self, name: str) -> AnswerRecord | None:
        """None if there is no answer, or if it is damaged or has the format of another version."""
        content = await self._storage.read(f"{name}{SUFFIX}")
        if content is None:
            return None
        try:
            record = AnswerRecord(**json.loads(content))
            record.computed_at  # noqa: B018 (raises ValueError if it is malformed)
            return record
        except (ValueError, TypeError) as error:
            log.warning("a stored answer cannot be read and is ignored", extra={"answer": name, "error": str(error)})
            return None

    async def save(self, name: str, record: AnswerRecord) -> None:
        content = json.dumps(asdict(record), ensure_ascii=False, indent=1).encode()
        await self._storage.write(f"{name}{SUFFIX}", content, "application/json")

    async def delete_oldest(self, prefix: str, protected: Sequence[str], limit: int) -> None:
        """Reduces the answers whose names begin with the prefix to `limit`, without deleting protected ones."""
        files = sorted(await self._storage.list(prefix), key=lambda file: file.version)
        names = [file.name.removesuffix(SUFFIX) for file in files if file.name.endswith(SUFFIX)]
        deletable = [name for name in names if name not in protected]
        for name in deletable[: max(0, len(names) - limit)]:
            await self._storage.delete(f"{name}{SUFFIX}")
