"""Receipts as a stream, one a line: cut the body into lines, read them, gather batches; hold one at a time."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import TypeAdapter, ValidationError

from pullsvc.sales import bodies, rules, views
from pullsvc.sales.rules import Receipt
from pullsvc.web.problems import explained

MAX_LINE_BYTES = 512 * 1024
MAX_ERRORS_SHOWN = 100
TOO_LONG = f"The line has more than {MAX_LINE_BYTES} bytes."

RECEIPT = TypeAdapter(bodies.ReceiptBody)


@dataclass(slots=True)
class Refused:
    """The lines that were not taken: how many, and the first of them with their reason."""

    count: int = 0
    errors: list[views.StreamError] = field(default_factory=list)

    def add(self, error: views.StreamError) -> None:
        """Count one more."""
        self.count += 1
        if len(self.errors) < MAX_ERRORS_SHOWN:
            self.errors.append(error)


async def batches(body: AsyncIterator[bytes], refused: Refused, *, now: datetime) -> AsyncIterator[list[Receipt]]:
    """Yield the receipts of the body in batches within the limits of one; what is none goes to `refused`."""
    batch: list[Receipt] = []
    lines = 0
    number = 0
    async for raw in _lines(body):
        number += 1
        if raw is not None and not raw.strip():
            continue
        receipt = _read(raw, number=number, now=now)
        if isinstance(receipt, views.StreamError):
            refused.add(receipt)
            continue
        full = lines + len(receipt.lines) > rules.MAX_BATCH_LINES or len(batch) == rules.MAX_BATCH_RECEIPTS
        if full:
            yield batch
            batch, lines = [], 0
        batch.append(receipt)
        lines += len(receipt.lines)
    if batch:
        yield batch


async def _lines(body: AsyncIterator[bytes]) -> AsyncIterator[bytes | None]:
    """Yield each line; None for one that is too long to be held."""
    held = b""
    overlong = False
    async for chunk in body:
        *ended, rest = (held + chunk).split(b"\n")
        for line in ended:
            yield None if overlong or len(line) > MAX_LINE_BYTES else line
            overlong = False
        overlong = overlong or len(rest) > MAX_LINE_BYTES
        held = b"" if overlong else rest
    if overlong or held:
        yield None if overlong else held


def _read(raw: bytes | None, *, number: int, now: datetime) -> Receipt | views.StreamError:
    """Return the receipt of a line, or why there is none."""
    if raw is None:
        return views.StreamError(line=number, code="line-too-long", detail=TOO_LONG)
    try:
        receipt = RECEIPT.validate_json(raw).receipt()
    except ValidationError as invalid:
        first = invalid.errors(include_url=False, include_input=False, include_context=False)[0]
        shown = explained(("body", *first["loc"]), first["msg"])
        return views.StreamError(line=number, code="invalid-receipt", **shown)
    if refusal := rules.refusal(receipt, now=now):
        return views.StreamError(line=number, code=refusal.code, detail=refusal.detail)
    return receipt
