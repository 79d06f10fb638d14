"""Kept answers: files in a folder, or objects in a bucket. Each is replaced as a whole."""

import asyncio
import datetime
import json
import logging
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from services.common.errors import Unavailable

if TYPE_CHECKING:
    from services.spark_connector.storage.bucket import Bucket

T = TypeVar("T")

log = logging.getLogger(__name__)

SUFFIX = ".json"


@dataclass(frozen=True)
class KeptAnswer:
    """A job's result and what it was computed from. Times are ISO 8601 in UTC."""

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

    def to_json(self) -> bytes:
        return json.dumps(asdict(self), ensure_ascii=False, indent=1).encode()

    @classmethod
    def from_json(cls, name: str, content: bytes) -> "KeptAnswer | None":
        """None if another version wrote it or it is damaged: then it is computed again."""
        try:
            kept = cls(**json.loads(content))
            kept.computed_at  # noqa: B018 (raises ValueError now rather than later)
            return kept
        except (ValueError, TypeError) as error:
            log.warning("a kept answer cannot be read and is ignored", extra={"answer": name, "error": str(error)})
            return None


class AnswerStore(Protocol):
    """Every method raises Unavailable if the storage does not answer."""

    async def load(self, name: str) -> KeptAnswer | None: ...

    async def save(self, name: str, kept: KeptAnswer) -> None: ...

    async def delete_oldest(self, prefix: str, protected: Sequence[str], limit: int) -> None:
        """Reduces the answers whose names begin with the prefix to `limit`, without the protected ones."""
        ...

    async def ping(self) -> None: ...


class FolderAnswerStore:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def load(self, name: str) -> KeptAnswer | None:
        return await _in_thread(self._load, name)

    async def save(self, name: str, kept: KeptAnswer) -> None:
        await _in_thread(self._save, name, kept.to_json())

    async def delete_oldest(self, prefix: str, protected: Sequence[str], limit: int) -> None:
        await _in_thread(self._delete_oldest, prefix, protected, limit)

    async def ping(self) -> None:
        await _in_thread(self._ping)

    def _load(self, name: str) -> KeptAnswer | None:
        try:
            return KeptAnswer.from_json(name, (self._folder / f"{name}{SUFFIX}").read_bytes())
        except FileNotFoundError:
            return None

    def _save(self, name: str, content: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._folder, prefix=".new-", delete=False) as file:
            try:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
                Path(file.name).replace(self._folder / f"{name}{SUFFIX}")
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise

    def _delete_oldest(self, prefix: str, protected: Sequence[str], limit: int) -> None:
        paths = sorted(self._folder.glob(f"{prefix}*{SUFFIX}"), key=lambda path: path.stat().st_mtime)
        for name in _surplus([path.name for path in paths], protected, limit):
            (self._folder / name).unlink(missing_ok=True)

    def _ping(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        if not os.access(self._folder, os.W_OK):
            raise PermissionError(13, "Permission denied")


class BucketAnswerStore:
    def __init__(self, bucket: "Bucket") -> None:
        self._bucket = bucket

    async def load(self, name: str) -> KeptAnswer | None:
        content = await self._bucket.read(f"{name}{SUFFIX}")
        return None if content is None else KeptAnswer.from_json(name, content)

    async def save(self, name: str, kept: KeptAnswer) -> None:
        await self._bucket.write(f"{name}{SUFFIX}", kept.to_json(), "application/json")

    async def delete_oldest(self, prefix: str, protected: Sequence[str], limit: int) -> None:
        blobs = sorted(await self._bucket.list(prefix), key=lambda blob: blob.generation)
        names = [blob.name for blob in blobs if blob.name.endswith(SUFFIX)]
        for name in _surplus(names, protected, limit):
            await self._bucket.delete(name)

    async def ping(self) -> None:
        await self._bucket.ping()


def _surplus(oldest_first: Sequence[str], protected: Sequence[str], limit: int) -> Sequence[str]:
    deletable = [name for name in oldest_first if name.removesuffix(SUFFIX) not in protected]
    return deletable[: max(0, len(oldest_first) - limit)]


async def _in_thread(call: Callable[..., T], *arguments: object) -> T:
    try:
        return await asyncio.to_thread(call, *arguments)
    except OSError as error:
        raise Unavailable(f"the kept answers cannot be read or written: {error.strerror}") from error
