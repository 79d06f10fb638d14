"""Kept answers: files in a folder, or objects in a bucket. Each is written whole or not at all."""

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
    from services.spark_connector.bucket import Bucket

T = TypeVar("T")

log = logging.getLogger(__name__)

SUFFIX = ".json"


@dataclass(frozen=True)
class Record:
    """An answer, and what it came from. Times are ISO 8601 in UTC."""

    question: str
    arguments: Mapping[str, int]
    fingerprint: str
    inputs: Sequence[Mapping[str, Any]]
    answer: Mapping[str, Any]
    engine: str
    startedAt: str
    computedAt: str

    @property
    def computed_at(self) -> datetime.datetime:
        return datetime.datetime.fromisoformat(self.computedAt)

    def to_json(self) -> bytes:
        return json.dumps(asdict(self), ensure_ascii=False, indent=1).encode()

    @classmethod
    def from_json(cls, name: str, content: bytes) -> "Record | None":
        """None, said in the log, for what an older or a foreign hand wrote: it will be computed again."""
        try:
            record = cls(**json.loads(content))
            record.computed_at  # noqa: B018 (a ValueError here, not when it is served)
            return record
        except (ValueError, TypeError) as error:
            log.warning("a kept answer cannot be read", extra={"name_of_answer": name, "error": str(error)})
            return None


class Records(Protocol):
    """Every method raises Unavailable where the place does not answer."""

    async def load(self, name: str) -> Record | None: ...

    async def save(self, name: str, record: Record) -> None: ...

    async def forget(self, prefix: str, keep: Sequence[str], most: int) -> None:
        """Drops the oldest answers whose names begin with the prefix, until `most` are left; never one of `keep`."""
        ...

    async def ping(self) -> None: ...


class FolderRecords:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def load(self, name: str) -> Record | None:
        return await _in_thread(self._load, name)

    async def save(self, name: str, record: Record) -> None:
        await _in_thread(self._save, name, record.to_json())

    async def forget(self, prefix: str, keep: Sequence[str], most: int) -> None:
        await _in_thread(self._forget, prefix, keep, most)

    async def ping(self) -> None:
        await _in_thread(self._ping)

    def _load(self, name: str) -> Record | None:
        try:
            return Record.from_json(name, (self._folder / f"{name}{SUFFIX}").read_bytes())
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

    def _forget(self, prefix: str, keep: Sequence[str], most: int) -> None:
        paths = list(self._folder.glob(f"{prefix}*{SUFFIX}"))
        for path in _spare(sorted(paths, key=lambda path: path.stat().st_mtime), keep, most):
            path.unlink(missing_ok=True)

    def _ping(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        if not os.access(self._folder, os.W_OK):
            raise PermissionError(13, "Permission denied")


class BucketRecords:
    def __init__(self, bucket: "Bucket") -> None:
        self._bucket = bucket

    async def load(self, name: str) -> Record | None:
        content = await self._bucket.read(f"{name}{SUFFIX}")
        return None if content is None else Record.from_json(name, content)

    async def save(self, name: str, record: Record) -> None:
        await self._bucket.write(f"{name}{SUFFIX}", record.to_json(), "application/json")

    async def forget(self, prefix: str, keep: Sequence[str], most: int) -> None:
        blobs = [blob for blob in await self._bucket.list(prefix) if blob.name.endswith(SUFFIX)]
        for blob in _spare(sorted(blobs, key=lambda blob: blob.generation), keep, most):
            await self._bucket.delete(blob.name)

    async def ping(self) -> None:
        await self._bucket.ping()


class _Named(Protocol):
    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=_Named)


def _spare(by_age: Sequence[N], keep: Sequence[str], most: int) -> Sequence[N]:
    kept = {f"{name}{SUFFIX}" for name in keep}
    droppable = [entry for entry in by_age if entry.name not in kept]
    return droppable[: max(0, len(by_age) - most)]


async def _in_thread(call: Callable[..., T], *arguments: object) -> T:
    try:
        return await asyncio.to_thread(call, *arguments)
    except OSError as error:
        raise Unavailable(f"the kept answers cannot be reached: {error.strerror}") from error
