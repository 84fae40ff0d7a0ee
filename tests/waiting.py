"""Wait for what another process or task is about to do: look again and again, up to a deadline."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 60.0  # A busy machine takes half of it to start the service.
LOOK_EVERY_S = 0.02


async def until(look: Callable[[], Awaitable[T]]) -> T:
    """Return the first truthy answer of `look`."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if seen := await look():
                return seen
            await asyncio.sleep(LOOK_EVERY_S)


def until_now(look: Callable[[], T]) -> T:
    """As `until`, for a test that is not async."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if seen := look():
            return seen
        time.sleep(LOOK_EVERY_S)
    raise TimeoutError(f"not within {PATIENCE_S} s")
