"""Every request has a deadline. It is passed on and shortened at each hop, so that the inner service reports first.

For example, of the 5 s for a single item, the gateway's call to the library has 4.95 s, and the library's call to the
dataset 4.9 s. If the database hangs, the library can still report which dataset does not answer, before the gateway's
own timeout.
"""

import asyncio
from contextvars import ContextVar

# For calls without a deadline, such as one made by hand with grpcurl.
DEFAULT_S = 10.0
# Time that each hop reserves, to report a failure of the next one.
MARGIN_S = 0.05

# In the event loop's time.
_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


def start(seconds: float) -> None:
    """Sets the current request's deadline, counted from now."""
    _deadline.set(asyncio.get_running_loop().time() + seconds)


def remaining() -> float:
    """Seconds left of the current request; DEFAULT_S if it has no deadline."""
    deadline = _deadline.get()
    return DEFAULT_S if deadline is None else deadline - asyncio.get_running_loop().time()


def for_next_hop() -> float:
    """Timeout in seconds for a call made for the current request. At least 1 ms: a late call fails by its timeout."""
    return max(remaining() - MARGIN_S, 0.001)
