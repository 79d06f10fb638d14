"""The stored suggestion model: one file, which each training replaces, and a record of the training's inputs."""

import asyncio
import dataclasses
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from services.common.errors import Aborted, NotFound
from services.spark_connector.storage.files import Storage, StoredFile
from services.taste import model_file
from services.taste.model import Quality

log = logging.getLogger(__name__)

MODEL, RECORD = "suggestions.model", "suggestions.json"
MAX_PART_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Summary:
    """The facts about a model that its file contains."""

    version: str
    trained_at: float
    people: int
    marks: int
    items_with_neighbours: int
    quality: Sequence[tuple[int, Quality]]  # by item type


@dataclass(frozen=True)
class TrainingRecord:
    """The number of marks and the ratings files from which the model of this version was trained."""

    version: str
    counted_marks: int
    ratings: Sequence[StoredFile]


class ModelStore:
    """Caches the current model's summary until this connector, or another one, replaces the file."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._current: tuple[StoredFile, Summary | None] | None = None  # no summary if the file is damaged

    async def summary(self) -> Summary | None:
        """None before the first training, and if the file is damaged."""
        current = await self._find()
        return current[1] if current else None

    async def read(self, version: str, offset: int) -> tuple[str, int, bytes]:
        """Returns the model's version, the size of its file, and at most MAX_PART_BYTES from `offset` on.

        An empty version names the current model. Raises NotFound before the first training, Aborted if the named model
        has been replaced.
        """
        current = await self._find()
        if current is None:
            raise NotFound("no suggestion model has been trained")
        file, summary = current
        if version in ("", summary.version):
            part = await self._storage.read_part(file, offset, MAX_PART_BYTES)
            if part is not None:
                return summary.version, file.size, part
        raise Aborted("the suggestion model has been replaced by a newer one")

    async def _find(self) -> tuple[StoredFile, Summary] | None:
        file = await self._storage.find(MODEL)
        if file is None:
            return None
        if self._current is None or self._current[0] != file:
            content = await self._storage.read(MODEL)
            self._current = file, await asyncio.to_thread(_summary, content) if content else None
        file, summary = self._current
        return (file, summary) if summary else None

    async def replace(self, model: Path, counted_marks: int, ratings: Sequence[StoredFile]) -> Summary:
        """Raises ValueError and changes nothing if the file is not a model."""
        summary = await asyncio.to_thread(lambda: _summary(model.read_bytes()))
        if summary is None:
            raise ValueError("the training wrote no model")
        await self._storage.write_file(MODEL, model)
        record = TrainingRecord(summary.version, counted_marks, ratings)
        await self._storage.write(RECORD, json.dumps(dataclasses.asdict(record)).encode(), "application/json")
        return summary

    async def record(self) -> TrainingRecord | None:
        """None if there is no record of the current model."""
        summary, content = await self.summary(), await self._storage.read(RECORD)
        if summary is None or content is None:
            return None
        try:
            values = json.loads(content)
            ratings = [StoredFile(**file) for file in values.pop("ratings")]
            record = TrainingRecord(ratings=ratings, **values)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            log.warning("the record of the last training cannot be read", extra={"error": str(error)})
            return None
        return record if record.version == summary.version else None


def _summary(content: bytes) -> Summary | None:
    try:
        model = model_file.from_bytes(content)
    except ValueError as error:
        log.error("the suggestion model is damaged and is not served", extra={"error": str(error)})
        return None
    return Summary(
        model.version,
        model.trained_at,
        model.people,
        model.marks,
        model.items_with_neighbours,
        sorted(model.quality.items()),
    )
