"""The keys that sign tokens. A retired key stays published while tokens that it signed may be valid."""

import json
import logging
import threading
import time
from dataclasses import dataclass
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from services.local_auth0.state import State

log = logging.getLogger(__name__)

FILE = "signing-keys.json"
ALGORITHM = "RS256"
BITS = 2048


@dataclass(frozen=True)
class _Entry:
    key: RSAKey
    published_until: float | None = None  # Unix time; None for the signing key

    def is_published(self) -> bool:
        return self.published_until is None or self.published_until > time.time()


class Keys:
    """Thread-safe. `lifetime_s` is how long a token is valid."""

    def __init__(self, state: State, lifetime_s: float) -> None:
        self._state = state
        self._lifetime_s = lifetime_s
        self._rotating = threading.Lock()
        self._entries = self._load()
        if not self._entries:
            self.rotate()

    def signing(self) -> RSAKey:
        return self._entries[0].key

    def jwks(self) -> dict[str, list[dict[str, Any]]]:
        """The JSON Web Key Set: public halves only, the signing key first."""
        return {"keys": [dict(entry.key.as_dict(private=False)) for entry in self._entries if entry.is_published()]}

    def rotate(self) -> str:
        """Creates the key that signs from now on. Returns its id."""
        key = RSAKey.generate_key(BITS, {"use": "sig", "alg": ALGORITHM}, auto_kid=True)
        with self._rotating:
            until = time.time() + self._lifetime_s
            retired = [entry if entry.published_until else _Entry(entry.key, until) for entry in self._entries]
            entries = [_Entry(key), *(entry for entry in retired if entry.is_published())]
            self._save(entries)
            self._entries = entries
        log.info("signing with a new key", extra={"kid": key.kid})
        return str(key.kid)

    def _load(self) -> list[_Entry]:
        text = self._state.read(FILE)
        if text is None:
            return []
        try:
            return [_Entry(RSAKey.import_key(saved["jwk"]), saved["published_until"]) for saved in json.loads(text)]
        except (ValueError, KeyError, TypeError, JoseError) as error:
            raise self._state.unreadable(FILE) from error

    def _save(self, entries: list[_Entry]) -> None:
        saved = [
            {"jwk": entry.key.as_dict(private=True), "published_until": entry.published_until} for entry in entries
        ]
        self._state.write(FILE, json.dumps(saved))
