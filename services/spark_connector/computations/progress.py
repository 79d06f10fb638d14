"""How far a running computation is."""

import math
from dataclasses import dataclass

STARTING_STAGE = "starting"


@dataclass
class Progress:
    """`share` is the completed share, 0 to 1."""

    started_at: float = 0.0
    stage: str = STARTING_STAGE
    share: float = 0.0

    def report(self, stage: str, share: float) -> None:
        self.stage = stage
        self.share = min(max(share, 0.0), 1.0)

    def retry_after_s(self, now: float) -> int:
        """Estimates when the computation ends: 1 to 30 seconds."""
        elapsed = now - self.started_at
        left = elapsed / self.share - elapsed if self.share > 0.05 else elapsed
        return math.ceil(min(max(left, 1), 30))
