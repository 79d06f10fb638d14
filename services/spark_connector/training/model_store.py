"""The stored suggestion model: one file, which each training replaces, and a record of what it was trained from."""

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
    """What the model's file says about itself."""

    version: str
    trained_at: float
    people: int
    marks: int
    items_with_neighbours: int
    quality: Sequence[tuple[int, Quality]]  # by item type


@dataclass(frozen=True)
class TrainingRecord:
    """From how many marks, and from which ratings files, the model of this version was trained."""

    version: str
    counted_marks: int
    ratings: Sequence[StoredFile]


class ModelStore:
    """Remembers the current model's summary until its file is replaced, by this connector or by another one."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._current: tuple[StoredFile, Summary] | None = None
        self._damaged: StoredFile | None = None

    async def summary(self) -> Summary | None:
        """None before the first training, and if the file is damaged."""
        current = await self._find()
        return current[1] if current else None

    async def read(self, version: str, offset: int) -> tuple[str, int, bytes]:
        """The version of the model; the size of its file; at most MAX_PART_BYTES from `offset` on, none at the end.

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
        if file is None or file == self._damaged:
            return None
        if self._current is None or self._current[0] != file:
            content = await self._storage.read(MODEL)
            summary = await asyncio.to_thread(_summary, content) if content else None
            if summary is None:
                self._damaged = file
                return None
            self._current = file, summary
        return self._current

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
        """None if there is none for the current model: then nothing is known of its marks."""
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
