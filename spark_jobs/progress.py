"""Progress for whoever started the job: JSON lines on standard output, where nothing else is written.

{"stage": "reading the ratings", "share": 0.1}       while it runs: when something has changed, at most each second
{"stage": "done", "share": 1.0}                      the result has been written
{"stage": "failed", "share": 0.4, "error": "…"}      it has not, and why, in a sentence; the exit code is not 0
"""

import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

INTERVAL_S = 1.0


class Progress:
    def __init__(self) -> None:
        self._share = 0.0
        self._said: tuple[str, float] | None = None

    @contextmanager
    def stage(self, name: str, begin: float, end: float, part: Callable[[], float]) -> Iterator[None]:
        """While the block runs, tells how far it has come: `part` (0 to 1) of the way from share `begin` to `end`."""
        finished = threading.Event()

        def watch() -> None:
            while not finished.wait(INTERVAL_S):
                self.say(name, begin + part() * (end - begin))

        self.say(name, begin)
        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            finished.set()
            watcher.join()

    def say(self, stage: str, share: float, error: str | None = None) -> None:
        """The share never goes back, whatever the engine says of a stage."""
        self._share = max(self._share, min(round(share, 2), 1.0))
        if (stage, self._share) != self._said:
            self._said = (stage, self._share)
            line: dict[str, object] = {"stage": stage, "share": self._share}
            if error is not None:
                line["error"] = error
            print(json.dumps(line, ensure_ascii=False), file=sys.stdout, flush=True)

    def done(self) -> None:
        self.say("done", 1.0)

    def failed(self, error: str) -> None:
        self.say("failed", self._share, error)
