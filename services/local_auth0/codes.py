"""Authorization codes: good for one use within ten minutes, kept in memory only."""

import threading
import time
from dataclasses import dataclass

from services.local_auth0.people import Person

LIFETIME_S = 600
MOST = 10_000  # codes that nobody fetched; beyond it the oldest goes


@dataclass(frozen=True)
class Code:
    """What a sign-in was about, for the exchange that follows. Times are seconds since 1970."""

    client_id: str
    redirect_uri: str
    scope: str
    person: Person
    code_challenge: str
    code_challenge_method: str
    nonce: str | None
    auth_time: int
    expires_at: float

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope


class Codes:
    def __init__(self) -> None:
        self._codes: dict[str, Code] = {}
        self._lock = threading.Lock()

    def put(self, text: str, code: Code) -> None:
        with self._lock:
            # A dictionary keeps its order, so the oldest are in front.
            while self._codes and (len(self._codes) >= MOST or self._oldest().expires_at < time.time()):
                del self._codes[next(iter(self._codes))]
            self._codes[text] = code

    def take(self, text: str, client_id: str) -> Code | None:
        """The code, once: who comes second gets None, even if the first could not prove that it was theirs."""
        with self._lock:
            code = self._codes.get(text)
            if code is None or code.client_id != client_id:
                return None
            del self._codes[text]
        return code if code.expires_at > time.time() else None

    def _oldest(self) -> Code:
        return next(iter(self._codes.values()))
