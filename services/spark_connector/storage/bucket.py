"""Objects in Cloud Storage under a gs:// prefix. Needs Google's libraries: imported only if a bucket is used."""

import contextlib
import functools
import logging
from collections.abc import Callable, Coroutine, Iterable
from functools import cached_property
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from google.api_core.exceptions import NotFound, PreconditionFailed
from google.cloud.storage import Blob as StoredBlob
from google.cloud.storage import Client

from services.common.errors import Unavailable
from services.spark_connector.google_retry import CALL_ERRORS, ONE_ATTEMPT, retry
from services.spark_connector.settings import GS
from services.spark_connector.storage.files import StoredFile

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

RETRY_TIMEOUT_S = 5.0
UPLOAD_TIMEOUT_S = 300.0  # of a whole file
PING_TIMEOUT_S = 0.9


def _retried(
    timeout_s: float | None = None,
) -> Callable[[Callable[P, T]], Callable[P, Coroutine[Any, Any, T]]]:
    """Runs a blocking method in a thread, and repeats it for up to `timeout_s`, by default RETRY_TIMEOUT_S."""

    def decorate(method: Callable[P, T]) -> Callable[P, Coroutine[Any, Any, T]]:
        @functools.wraps(method)
        async def run(*args: P.args, **kwargs: P.kwargs) -> T:
            try:
                return await retry(lambda: method(*args, **kwargs), RETRY_TIMEOUT_S if timeout_s is None else timeout_s)
            except CALL_ERRORS as error:
                log.warning("Cloud Storage does not answer or denies access", extra={"error": str(error)})
                raise Unavailable("Cloud Storage does not answer; try again later") from error

        return run

    return decorate


class Bucket:
    """Storage in Cloud Storage. The version of an object is its generation: the time of writing in microseconds."""

    def __init__(self, url: str, connect: Callable[[], Client] = Client) -> None:
        """`url` is gs://bucket or gs://bucket/prefix. The first call connects, so that starting does not wait."""
        self.location = url.rstrip("/")
        self._name, _, prefix = self.location.removeprefix(GS).partition("/")
        self._prefix = f"{prefix}/" if prefix else ""
        self._connect = connect

    @_retried()
    def list(self, prefix: str) -> list[StoredFile]:
        return [
            StoredFile(blob.name.removeprefix(self._prefix), blob.size or 0, blob.generation or 0)
            for blob in self._blobs(prefix)
            if not blob.name.endswith("/")  # the console creates such an object for a folder
        ]

    @_retried()
    def read(self, name: str) -> bytes | None:
        with contextlib.suppress(NotFound):
            return bytes(self._blob(name).download_as_bytes(**ONE_ATTEMPT))
        return None

    @_retried()
    def find(self, name: str) -> StoredFile | None:
        blob = self._client.bucket(self._name).get_blob(self._prefix + name, **ONE_ATTEMPT)
        return StoredFile(name, blob.size or 0, blob.generation or 0) if blob else None

    async def read_part(self, file: StoredFile, offset: int, size: int) -> bytes | None:
        if offset >= file.size:  # Cloud Storage denies such a range
            current = await self.find(file.name)
            return b"" if current == file else None
        return await self._read_range(file, offset, size)

    @_retried()
    def _read_range(self, file: StoredFile, offset: int, size: int) -> bytes | None:
        with contextlib.suppress(NotFound, PreconditionFailed):
            content = self._blob(file.name).download_as_bytes(
                start=offset, end=offset + size - 1, if_generation_match=file.version, **ONE_ATTEMPT
            )
            return bytes(content)
        return None

    @_retried()
    def write(self, name: str, content: bytes, content_type: str) -> None:
        self._blob(name).upload_from_string(content, content_type, **ONE_ATTEMPT)

    @_retried(UPLOAD_TIMEOUT_S)
    def write_file(self, name: str, source: Path) -> None:
        self._blob(name).upload_from_filename(str(source), retry=None, timeout=UPLOAD_TIMEOUT_S)

    @_retried()
    def delete(self, name: str) -> None:
        with contextlib.suppress(NotFound):
            self._blob(name).delete(**ONE_ATTEMPT)

    @_retried()
    def delete_all(self, prefix: str) -> None:
        """Deletes the objects whose names begin with the prefix, including the ones that Hadoop creates for folders."""
        for blob in self._blobs(prefix):
            with contextlib.suppress(NotFound):
                blob.delete(**ONE_ATTEMPT)

    @_retried(0)
    def ping(self) -> None:
        list(self._client.list_blobs(self._name, max_results=1, retry=None, timeout=PING_TIMEOUT_S))

    def _blobs(self, prefix: str) -> Iterable[StoredBlob]:
        blobs: Iterable[StoredBlob] = self._client.list_blobs(self._name, prefix=self._prefix + prefix, **ONE_ATTEMPT)
        return blobs

    def _blob(self, name: str) -> StoredBlob:
        return self._client.bucket(self._name).blob(self._prefix + name)

    @cached_property
    def _client(self) -> Client:
        return self._connect()
