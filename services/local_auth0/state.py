"""Small secret files in a folder of their own: readable by their owner only, whole or not there at all."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from services.local_auth0.serving import CannotStart


class State:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not any(folder.iterdir()):  # made for us; one that holds other things keeps its mode
                folder.chmod(0o700)
        except OSError as error:
            raise CannotStart(f"SEEN_STATE_DIR: cannot use {folder}: {error.strerror}") from None

    def read(self, name: str) -> str | None:
        try:
            return (self._folder / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise self.unreadable(name) from error

    def write(self, name: str, text: str) -> None:
        """Atomic and durable: after a crash the file holds the old text or the new, never a part."""
        fresh = self._folder / f".{name}.{secrets.token_hex(4)}"
        try:
            with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._folder / name)
            self._sync_folder()
        except OSError as error:
            fresh.unlink(missing_ok=True)
            raise CannotStart(f"SEEN_STATE_DIR: cannot write {self._folder / name}: {error.strerror}") from None

    def read_or_make(self, name: str, make: Callable[[], str]) -> str:
        text = self.read(name)
        if not text:
            text = make()
            self.write(name, text)
        return text

    def unreadable(self, name: str) -> CannotStart:
        return CannotStart(f"SEEN_STATE_DIR: cannot read {self._folder / name}; remove it to start with a new one")

    def _sync_folder(self) -> None:
        descriptor = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
