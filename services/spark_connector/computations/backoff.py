"""When a failed computation is repeated."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Backoff:
    """Seconds from a failure to the next attempt: `first_s`, doubled with each failure up to `max_s`."""

    first_s: float = 30
    max_s: float = 3600

    def wait_s(self, failures: int) -> float:
        return min(self.first_s * 2.0 ** min(failures - 1, 60), self.max_s)


DEFAULT_BACKOFF = Backoff()
