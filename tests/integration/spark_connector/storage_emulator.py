"""Cloud Storage in the test's own process."""

import contextlib
import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from gcp_storage_emulator.server import create_server
from google.api_core.exceptions import NotFound
from google.auth.credentials import AnonymousCredentials
from google.auth.transport.requests import AuthorizedSession
from google.cloud.storage import Client
from requests.adapters import HTTPAdapter

logging.getLogger("gcp_storage_emulator").setLevel(logging.ERROR)


@dataclass
class Storage:
    """Buckets of an emulator. They can be copied to a folder and back, for processes that read files.

    `before_call` is called with each request of this object's clients, and may wait or raise an error of requests.
    """

    port: int
    before_call: Callable[[requests.PreparedRequest], None] = lambda request: None

    def client(self) -> Client:
        credentials = AnonymousCredentials()  # type: ignore[no-untyped-call]
        session = AuthorizedSession(credentials)  # type: ignore[no-untyped-call]
        session.mount("http://", _Connection(self))
        return Client(
            project="seen-test",
            credentials=credentials,
            _http=session,
            client_options={"api_endpoint": f"http://127.0.0.1:{self.port}"},
        )

    def make_bucket(self, name: str) -> None:
        self.client().create_bucket(name)

    def put(self, bucket: str, files: Mapping[str, Path]) -> None:
        for name, file in files.items():
            self.client().bucket(bucket).blob(name).upload_from_filename(str(file))

    def download(self, bucket: str, folder: Path) -> set[str]:
        """Returns the names of the files."""
        names = set()
        for blob in self.client().list_blobs(bucket):
            path = folder / bucket / blob.name
            path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(NotFound):  # deleted meanwhile
                blob.download_to_filename(str(path))
                names.add(blob.name)
        return names

    def upload_new(self, bucket: str, folder: Path, downloaded: Collection[str]) -> None:
        for path in (folder / bucket).rglob("*"):
            name = str(path.relative_to(folder / bucket))
            if path.is_file() and not path.name.startswith(".") and name not in downloaded:
                self.put(bucket, {name: path})

    def names(self, bucket: str, prefix: str) -> list[str]:
        return [blob.name for blob in self.client().list_blobs(bucket, prefix=prefix)]


class _Connection(HTTPAdapter):
    def __init__(self, storage: Storage) -> None:
        super().__init__()
        self._storage = storage

    def send(self, request: requests.PreparedRequest, *arguments: Any, **options: Any) -> requests.Response:
        self._storage.before_call(request)
        return super().send(request, *arguments, **options)


@contextmanager
def storage_emulator() -> Iterator[Storage]:
    server = create_server("127.0.0.1", 0, in_memory=True)
    server.start()
    try:
        yield Storage(server._api._httpd.server_port)
    finally:
        server.stop()
