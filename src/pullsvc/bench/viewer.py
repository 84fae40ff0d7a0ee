"""The live board's clients: screens that listen to a store's stream, and askers who make things happen."""

import asyncio
import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from pullsvc.bench.failures import BenchFailed
from pullsvc.bench.load import Caller
from pullsvc.bench.stats import Tally
from pullsvc.bench.wire import Wire, request_of

ASK = "ask"
WATCH = "watch"
ARRIVAL = "arrival"  # Marked with the id of the event in place of seconds.
ENDED = "ended"  # Marked when a stream ended; there should be none.
LOOK_S = 0.1
_EVENT_ID = re.compile(rb'"event_id": ?(\d+)[,}]')
_OK = re.compile(rb"HTTP/1\.1 200 ")


@dataclass(frozen=True, slots=True)
class ScreenSeat:
    """What one screen knows."""

    store_id: int
    token: str


@dataclass(frozen=True, slots=True)
class AskerSeat:
    """What one asker knows.

    Attributes:
        number: Its own.
        shops: Store and key, in each of which it asks in turn.
        skus: What it asks for in turn.
        every_s: Seconds from one ask to the next.
    """

    number: int
    shops: Sequence[tuple[int, str]]
    skus: Sequence[str]
    every_s: float


def make_screen(seat: ScreenSeat, tally: Tally) -> "Screen":
    """Make the client of a seat."""
    return Screen(seat, tally)


def make_asker(seat: AskerSeat, tally: Tally) -> "Asker":
    """Make the client of a seat."""
    return Asker(seat, tally)


class Screen(Wire):
    """An open stream; marks the moment at which each event's bytes are here, and reads no more of them."""

    def __init__(self, seat: ScreenSeat, tally: Tally) -> None:
        super().__init__()
        self._seat = seat
        self._tally = tally
        self._rest = b""
        self._opened: asyncio.Future[bool] | None = None

    async def connect(self, address: str) -> None:
        """Open the stream, and wait until it flows.

        Raises:
            BenchFailed: it was refused.
        """
        self._opened = asyncio.get_running_loop().create_future()
        await super().connect(address)
        self.write(request_of("GET", f"/v1/stores/{self._seat.store_id}/stream", token=self._seat.token))
        if not await self._opened:
            raise BenchFailed(f"A stream was refused: {self._rest[:300]!r}")

    async def act(self, step: str) -> None:
        """Let time pass: what arrives is marked as it comes."""
        assert step == WATCH
        await asyncio.sleep(LOOK_S)

    def data_received(self, data: bytes) -> None:
        """Mark the events in it."""
        at = time.monotonic()
        if self._opened and not self._opened.done():
            self._rest = data
            self._opened.set_result(bool(_OK.match(data)))
            return
        data, read = self._rest + data, 0
        for found in _EVENT_ID.finditer(data):
            self._tally.mark(ARRIVAL, at=at, value=int(found[1]))
            read = found.end()
        # What may be the begin of the next event, cut in two on its way.
        self._rest = data[max(read, len(data) - 1_000) :]

    def connection_lost(self, exc: Exception | None) -> None:
        """Mark that the stream ended."""
        super().connection_lost(exc)
        self._tally.mark(ENDED, at=time.monotonic(), value=0)


class Asker(Caller):
    """Asks at a set rate, whether or not the service keeps up: what is late is asked as soon as it can be."""

    def __init__(self, seat: AskerSeat, tally: Tally) -> None:
        super().__init__(seat.number, tally)
        self._seat = seat
        self._asked = 0
        self._next_at = 0.0

    async def act(self, step: str) -> None:
        """Wait for the moment, and ask."""
        seat = self._seat
        now = time.monotonic()
        self._next_at = max(self._next_at, now - 1) if self._next_at else now + seat.every_s * (seat.number % 10) / 10
        await asyncio.sleep(max(0.0, self._next_at - now))
        self._next_at += seat.every_s
        store_id, token = seat.shops[self._asked % len(seat.shops)]
        body = json.dumps({"code": seat.skus[self._asked % len(seat.skus)], "qty": 1}).encode()
        self._asked += 1
        await self.call(step, "POST", f"/v1/stores/{store_id}/asks", token=token, body=body)
