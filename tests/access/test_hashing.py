"""Hashes of PINs: right, as slow for nobody as for somebody, and few at once."""

import asyncio
import threading
import time

import pytest

from pullsvc.access import hashing
from pullsvc.access.hashing import HASHES_AT_ONCE, PinHasher
from pullsvc.errors import Busy
from tests.access.people import OTHER_PIN, PIN, hash_of


def cpu_s(pin_hash: str | None) -> float:
    """CPU that a comparison takes, the better of three."""
    times = []
    for _ in range(3):
        began = time.thread_time()
        hashing._fits(OTHER_PIN, pin_hash)
        times.append(time.thread_time() - began)
    return min(times)


class TestPinHasher:
    async def test_knows_the_pin_and_no_other(self) -> None:
        hasher = PinHasher()
        kept = await hasher.hash(PIN)

        assert [await hasher.fits(pin, kept) for pin in (PIN, OTHER_PIN)] == [True, False]
        assert not await hasher.fits(PIN, None)
        assert not await hasher.fits("nobody", None)

    async def test_keeps_the_same_pin_of_two_people_differently(self) -> None:
        hasher = PinHasher()

        assert await hasher.hash(PIN) != await hasher.hash(PIN)

    def test_takes_as_long_when_there_is_no_pin(self) -> None:
        assert cpu_s(None) > cpu_s(hash_of(PIN)) / 3

    async def test_runs_few_at_once_beside_the_loop(self) -> None:
        hasher = PinHasher()
        here = threading.current_thread()
        running = 0
        most = 0

        async def one() -> None:
            nonlocal running, most
            async with hasher.turn():
                running += 1
                most = max(most, running)
                await hasher.fits(PIN, None)
                running -= 1

        await asyncio.gather(*(one() for _ in range(8)))

        assert most == HASHES_AT_ONCE
        assert {thread.name.startswith("pins") for thread in hasher._threads._threads} == {True}
        assert here not in hasher._threads._threads

    async def test_turns_away_whom_it_would_keep_waiting_for_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(hashing, "MAX_WAIT_S", 0.01)
        hasher = PinHasher()
        async with hasher.turn(), hasher.turn():
            with pytest.raises(Busy):
                async with hasher.turn():
                    pass

        async with hasher.turn():  # And keeps no place for who went away.
            assert hasher._waiting == 0
