"""Objects in Cloud Storage under a gs:// prefix. Imported only if a bucket is used: it needs Google's libraries."""

import contextlib
import logging
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from google.api_core.exceptions import GoogleAPICallError, NotFound, PreconditionFailed
from google.auth.exceptions import GoogleAuthError
from google.cloud.storage import Blob as StoredBlob
from google.cloud.storage import Client

from services.common.errors import Unavailable
from services.spark_connector.google_retry import CALL_TIMEOUT_S, RetriesFailed, retry
from services.spark_connector.settings import GS
from services.spark_connector.storage.files import StoredFile

log = logging.getLogger(__name__)

T = TypeVar("T")

RETRY_TIMEOUT_S = 5.0
UPLOAD_TIMEOUT_S = 300.0  # of a whole file
PING_TIMEOUT_S = 0.9


class Bucket:
    """Storage in Cloud Storage. The version of an object is its generation: the time of writing in microseconds."""

    def __init__(self, url: str, connect: Callable[[], Client] = Client) -> None:
        """`url` is gs://bucket or gs://bucket/prefix. The first call connects, so that the start does not wait."""
        self.location = url.rstrip("/")
        self._name, _, prefix = self.location.removeprefix(GS).partition("/")
        self._prefix = f"{prefix}/" if prefix else ""
        self._connect = connect

    async def list(self, prefix: str) -> list[StoredFile]:
        def call() -> list[StoredFile]:
            blobs = self._client.list_blobs(
                self._name, prefix=self._prefix + prefix, retry=None, timeout=CALL_TIMEOUT_S
            )
            return [
                StoredFile(blob.name.removeprefix(self._prefix), blob.size or 0, blob.generation or 0)
                for blob in blobs
                if not blob.name.endswith("/")  # the console creates such an object for a folder
            ]

        return await _call(call)

    async def read(self, name: str) -> bytes | None:
        def call() -> bytes | None:
            with contextlib.suppress(NotFound):
                return bytes(self._blob(name).download_as_bytes(retry=None, timeout=CALL_TIMEOUT_S))
            return None

        return await _call(call)

    async def find(self, name: str) -> StoredFile | None:
        def call() -> StoredFile | None:
            blob = self._client.bucket(self._name).get_blob(self._prefix + name, retry=None, timeout=CALL_TIMEOUT_S)
            return StoredFile(name, blob.size or 0, blob.generation or 0) if blob else None

        return await _call(call)

    async def read_part(self, file: StoredFile, offset: int, size: int) -> bytes | None:
        if offset >= file.size:  # Cloud Storage denies such a range
            current = await self.find(file.name)
            return b"" if current == file else None

        def call() -> bytes | None:
            with contextlib.suppress(NotFound, PreconditionFailed):
                return bytes(
                    self._blob(file.name).download_as_bytes(
                        start=offset,
                        end=offset + size - 1,
                        if_generation_match=file.version,
                        retry=None,
                        timeout=CALL_TIMEOUT_S,
                    )
                )
            return None

        return await _call(call)

    async def write(self, name: str, content: bytes, content_type: str) -> None:
        await _call(
            lambda: self._blob(name).upload_from_string(content, content_type, retry=None, timeout=CALL_TIMEOUT_S)
        )

    async def write_file(self, name: str, source: Path) -> None:
        await _call(
            lambda: self._blob(name).upload_from_filename(str(source), retry=None, timeout=UPLOAD_TIMEOUT_S),
            UPLOAD_TIMEOUT_S,
        )

    async def delete(self, name: str) -> None:
        def call() -> None:
            with contextlib.suppress(NotFound):
                self._blob(name).delete(retry=None, timeout=CALL_TIMEOUT_S)

        await _call(call)

    async def delete_all(self, prefix: str) -> None:
        """Deletes the objects whose names begin with the prefix, and those that Hadoop creates for folders."""

        def call() -> None:
            for blob in self._client.list_blobs(
                self._name, prefix=self._prefix + prefix, retry=None, timeout=CALL_TIMEOUT_S
            ):
                with contextlib.suppress(NotFound):
                    blob.delete(retry=None, timeout=CALL_TIMEOUT_S)

        await _call(call)

    async def ping(self) -> None:
        await _call(
            lambda: list(self._client.list_blobs(self._name, max_results=1, retry=None, timeout=PING_TIMEOUT_S)), 0
        )

    def _blob(self, name: str) -> StoredBlob:
        return self._client.bucket(self._name).blob(self._prefix + name)

    @cached_property
    def _client(self) -> Client:
        return self._connect()


async def _call(call: Callable[[], T], timeout_s: float = RETRY_TIMEOUT_S) -> T:
    try:
        return await retry(call, timeout_s)
    except (RetriesFailed, GoogleAPICallError, GoogleAuthError) as error:
        log.warning("Cloud Storage does not answer or denies access", extra={"error": str(error)})
        raise Unavailable("Cloud Storage does not answer; try again later") from error
