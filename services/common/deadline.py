"""Every call has a deadline, passed down and trimmed at each hop, so that the inner service reports first."""

import asyncio
from contextvars import ContextVar

# Given to a call that came without a deadline, as one typed by hand with grpcurl does.
DEFAULT_S = 10.0
# What a hop keeps for itself, to turn an inner service's failure into an answer.
MARGIN_S = 0.05

# In the event loop's time.
_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


def start(seconds: float) -> None:
    """Gives the current request this many seconds from now."""
    _deadline.set(asyncio.get_running_loop().time() + seconds)


def remaining() -> float:
    """Seconds that the current request has left; the default where nobody set a deadline."""
    deadline = _deadline.get()
    return DEFAULT_S if deadline is None else deadline - asyncio.get_running_loop().time()


def for_next_hop() -> float:
    """The timeout of a call made for the current request; never negative, so that an exhausted one fails as such."""
    return max(remaining() - MARGIN_S, 0.001)
