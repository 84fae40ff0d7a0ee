"""Clients that claim and do nothing else: each plays many workers in turn, as one worker may hold but few tasks."""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass

from pullsvc.bench.load import Caller
from pullsvc.bench.stats import Tally

CLAIM = "claim"
CLAIMED = "claimed"
NOTHING = "nothing"
BUSY = 503
SCRAMBLE = frozenset({201, 204, BUSY})  # When hundreds want the same few pulls, some are told to come again.
RETRY_S = 0.02


@dataclass(frozen=True, slots=True)
class Seat:
    """What one client knows.

    Attributes:
        number: Its own.
        workers: Store and key of each worker that it plays.
    """

    number: int
    workers: Sequence[tuple[int, str]]


def make_client(seat: Seat, tally: Tally) -> "Claimer":
    """Make the client of a seat."""
    return Claimer(seat, tally)


class Claimer(Caller):
    """Claims tasks of one line."""

    def __init__(self, seat: Seat, tally: Tally) -> None:
        super().__init__(seat.number, tally)
        self._workers = seat.workers
        self._turn = 0
        self._body = json.dumps({"max_lines": 1}).encode()

    async def act(self, step: str) -> None:
        """Claim for the next worker, insist on an answer where all claim at once, or sign in."""
        store_id, token = self._workers[self._turn % len(self._workers)]
        self._turn += 1
        if step == "sign_in":
            await self._insist(step, "GET", f"/v1/stores/{store_id}/tubs/TUB-00000", token, fine=frozenset({200, BUSY}))
            return
        path, began = f"/v1/stores/{store_id}/claims", time.monotonic()
        fine = SCRAMBLE if step == "scramble" else frozenset({201, 204})
        status = await self._insist(CLAIM, "POST", path, token, fine=fine, body=self._body)
        self.tally.note(CLAIMED if status == 201 else NOTHING, began=began, ended=time.monotonic())

    async def _insist(
        self, kind: str, method: str, path: str, token: str, *, fine: frozenset[int], body: bytes = b""
    ) -> int:
        """Ask until the service is no longer busy; return the status."""
        while True:
            status, _ = await self.call(kind, method, path, token=token, body=body, fine=fine)
            if status != BUSY:
                return status
            await asyncio.sleep(RETRY_S)
