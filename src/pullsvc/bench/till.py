"""Tills: clients that send receipts, one at a time or in batches, in any format that the service takes.

The text of a batch is made once, with holes for the numbers of its receipts: filling those takes a few microseconds.
"""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import accumulate
from types import MappingProxyType
from typing import Any

from pullsvc.bench.failures import BenchFailed
from pullsvc.bench.load import Caller
from pullsvc.bench.stats import Tally
from pullsvc.bench.world import barcode_of

SEND, RESEND = "send", "resend"
MODES = ("new", "duplicates", "shuffled", "late")
TEMPLATES = 8
LINES_A_RECEIPT = 5
LATE_DAYS = 13
SHUFFLED_H = 20
NUMBER = 987_654_321_012_345  # Stands for the number of a receipt until the text is made.
HEAVY_HEAD = 10  # The n-th best seller sells as 1 / (n + HEAVY_HEAD).


@dataclass(frozen=True, slots=True)
class Receipt:
    """One receipt without its number."""

    business_date: date
    register: str
    occurred_at: datetime
    codes: Sequence[str]
    quantities: Sequence[int]


@dataclass(frozen=True, slots=True)
class Format:
    """A way to send receipts.

    Attributes:
        path: Below the store's address.
        body: Makes the document; each receipt has the number NUMBER in it.
        taken: What the answer holds when all of so many receipts were new, or when all were repeats.
    """

    path: str
    body: Callable[[Sequence[Receipt]], Any]
    taken: Callable[[int, bool], bytes]


def _head(receipt: Receipt) -> dict[str, Any]:
    return {
        "business_date": receipt.business_date.isoformat(),
        "register": receipt.register,
        "sequence": NUMBER,
        "occurred_at": receipt.occurred_at.isoformat(),
    }


def _row(receipt: Receipt) -> dict[str, Any]:
    lines = enumerate(zip(receipt.codes, receipt.quantities, strict=True), start=1)
    return {
        **_head(receipt),
        "lines": [{"line_no": n, "code": code, "quantity": qty} for n, (code, qty) in lines],
    }


def _lean(receipt: Receipt) -> dict[str, Any]:
    return {**_head(receipt), "codes": list(receipt.codes), "quantities": list(receipt.quantities)}


def _totals(receipts: int, new: bool) -> bytes:
    return f'"{"new" if new else "repeated"}":{receipts},'.encode()


SINGLE = Format("receipts", lambda batch: _row(batch[0]), lambda _n, new: b'"new"' if new else b'"repeated"')
FORMATS = MappingProxyType(
    {
        "rows": Format("receipt-batches", lambda batch: {"receipts": [_row(one) for one in batch]}, _totals),
        "lean": Format("lean-receipt-batches", lambda batch: {"receipts": [_lean(one) for one in batch]}, _totals),
    }
)


@dataclass(frozen=True, slots=True)
class Seat:
    """What one till knows.

    Attributes:
        number: Its own.
        store_id: Its store.
        token: Its key.
        form: Name of the format; empty: one receipt at a time.
        mode: One of MODES.
        lines: In a batch.
        items: In the store.
        now: When the bench began.
        seed: Of what it sells.
    """

    number: int
    store_id: int
    token: str
    form: str
    mode: str
    lines: int
    items: int
    now: datetime
    seed: int

    @property
    def receipts(self) -> int:
        """Receipts in a batch."""
        return -(-self.lines // LINES_A_RECEIPT) if self.form else 1


def make_client(seat: Seat, tally: Tally) -> "Till":
    """Make the client of a seat."""
    return Till(seat, tally)


class Till(Caller):
    """Sends batch after batch; a batch of a number is always the same one."""

    def __init__(self, seat: Seat, tally: Tally) -> None:
        super().__init__(seat.number, tally)
        self._format = FORMATS[seat.form] if seat.form else SINGLE
        self._receipts = seat.receipts
        self._token = seat.token
        self._path = f"/v1/stores/{seat.store_id}/{self._format.path}"
        self._templates = [_template(self._format, batch) for batch in batches_of(seat)]
        self._sent = 0
        self._resent = 0

    async def act(self, step: str) -> None:
        """Send the next batch, or one that was sent before."""
        if step == RESEND:
            number = self._resent % self._sent
            self._resent += 1
        else:
            number = self._sent
            self._sent += 1
        first = number * self._receipts
        body = self._templates[number % TEMPLATES] % tuple(range(first, first + self._receipts))
        _, answer = await self.call(step, "POST", self._path, token=self._token, body=body)
        if self._format.taken(self._receipts, step == SEND) not in answer:
            raise BenchFailed(f"{self._path}: not all was {'new' if step == SEND else 'a repeat'}: {answer[:300]!r}")


def _template(form: Format, batch: Sequence[Receipt]) -> bytes:
    text = json.dumps(form.body(batch), separators=(",", ":"))
    return text.replace("%", "%%").replace(str(NUMBER), "%d").encode()


def batches_of(seat: Seat) -> list[list[Receipt]]:
    """Return the batches that the till sends in turn, under ever new numbers."""
    draw = random.Random(seat.seed * 1_000_003 + seat.number)  # noqa: S311 - a world, not a secret
    weights = list(accumulate(1 / (rank + HEAVY_HEAD) for rank in range(seat.items)))
    return [[_receipt(seat, draw, weights, n) for n in range(seat.receipts)] for _ in range(TEMPLATES)]


def _receipt(seat: Seat, draw: random.Random, weights: Sequence[float], n: int) -> Receipt:
    register, at = f"{seat.number}", seat.now
    if seat.mode == "late":
        at -= timedelta(days=draw.randint(2, LATE_DAYS), seconds=draw.randint(0, 3_600))
    elif seat.mode == "shuffled":
        at -= timedelta(seconds=draw.randint(0, SHUFFLED_H * 3_600))
        register = f"{seat.number}-{draw.randint(1, 9)}"
    lines = min(LINES_A_RECEIPT, seat.lines - n * LINES_A_RECEIPT) if seat.form else seat.lines
    items = draw.choices(range(seat.items), cum_weights=weights, k=lines)
    return Receipt(
        at.date(), register, at, [barcode_of(item) for item in items], [draw.choice((1, 1, 1, 2)) for _ in items]
    )
