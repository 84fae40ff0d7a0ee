"""Hashes of PINs: slow on purpose, so in threads, few at once, and nobody waits long for a turn."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import lru_cache

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from pullsvc.errors import Busy

HASHES_AT_ONCE = 2
MAX_WAIT_S = 3.0
MAX_WAITING = 50
# 30 ms and 19 MiB a PIN. A million PINs are soon tried by whoever has stolen the database, whatever a hash costs;
# against all others the lock-out guards, so a hash need not hold up the people at the start of a shift.
MEMORY_KIB = 19 * 1024
PASSES = 2


class PinHasher:
    """Makes and compares hashes of PINs, HASHES_AT_ONCE at a time."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(HASHES_AT_ONCE, thread_name_prefix="pins")
        self._places = asyncio.Semaphore(HASHES_AT_ONCE)
        self._waiting = 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn; what is counted or compared inside is sure to be looked at.

        Raises:
            Busy: too many wait, or it took too long.
        """
        if self._waiting >= MAX_WAITING:
            raise Busy("Many people are signing in; try again in a moment.")
        self._waiting += 1
        try:
            async with asyncio.timeout(MAX_WAIT_S):
                await self._places.acquire()
        except TimeoutError as late:
            raise Busy("Many people are signing in; try again in a moment.") from late
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._places.release()

    async def fits(self, pin: str, pin_hash: str | None) -> bool:
        """Tell whether it is the PIN; takes as long when there is none. To be called within a turn."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, _fits, pin, pin_hash)

    async def hash(self, pin: str) -> str:
        """Return what is stored of a PIN; waits for its turn.

        Raises:
            Busy: as `turn` does.
        """
        async with self.turn():
            return await asyncio.get_running_loop().run_in_executor(self._threads, hash_pin, pin)


def hash_pin(pin: str) -> str:
    """Return what is stored of a PIN."""
    return _hasher().hash(pin)


@lru_cache(maxsize=1)
def _hasher() -> PasswordHash:
    return PasswordHash((Argon2Hasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=1),))


@lru_cache(maxsize=1)
def _nobodys() -> str:
    """Return a hash that no PIN has."""
    return hash_pin("nobody")


def _fits(pin: str, pin_hash: str | None) -> bool:
    nobodys = _nobodys()  # Looked up in either case, as it is made only once.
    return _hasher().verify(pin, pin_hash or nobodys) and pin_hash is not None
