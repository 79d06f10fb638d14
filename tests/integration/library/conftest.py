from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from tests.integration.library.library import Library


@pytest.fixture
async def library() -> AsyncIterator[Library]:
    library = Library()
    async with AsyncExitStack() as stack:
        await library.start(stack)
        yield library
