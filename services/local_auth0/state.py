"""Small secret files in a folder, readable by their owner only and replaced atomically."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path


class StateError(Exception):
    """The folder or one of its files cannot be used; the message names it and SEEN_STATE_DIR."""


class State:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not any(folder.iterdir()):  # a folder with other files keeps its mode
                folder.chmod(0o700)
        except OSError as error:
            raise StateError(f"SEEN_STATE_DIR: cannot use {folder}: {error.strerror}") from None

    def read(self, name: str) -> str | None:
        try:
            return (self._folder / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise self.unreadable(name) from error

    def write(self, name: str, text: str) -> None:
        new = self._folder / f".{name}.{secrets.token_hex(4)}"
        try:
            with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                file.write(text)
            new.replace(self._folder / name)
        except OSError as error:
            new.unlink(missing_ok=True)
            raise StateError(f"SEEN_STATE_DIR: cannot write {self._folder / name}: {error.strerror}") from None

    def read_or_create(self, name: str, create: Callable[[], str]) -> str:
        text = self.read(name)
        if not text:
            text = create()
            self.write(name, text)
        return text

    def unreadable(self, name: str) -> StateError:
        return StateError(f"SEEN_STATE_DIR: cannot read {self._folder / name}; remove it to create a new one")
