"""What the sales room gives over HTTP."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, Self

from pydantic import BaseModel, Field

from pullsvc.sales.actions import Taken
from pullsvc.sales.rules import LineKind, Result, Status, Uom

MAX_REVISIONS_SHOWN = 100


class Change(BaseModel):
    """By how many eaches a receipt changed a book."""

    sku: str
    location: str
    qty: int = Field(description="Eaches; below 0: they left.", examples=[-2])


class ReceiptResult(BaseModel):
    """What became of a receipt."""

    business_date: date
    register_code: str = Field(alias="register")
    sequence: int
    result: Result = Field(
        description="new; repeated: this version came before; corrected: it replaced another version, and the "
        "difference was moved; superseded: another version counts, this one was kept aside."
    )
    lines: int
    unknown_codes: list[str] = Field(description="Codes that no item has; their lines wait for one.")
    effect: list[Change] = Field(description="What it changed in the books just now.")


def result_of(taken: Taken) -> dict[str, object]:
    """Return the members of a `ReceiptResult`; a model for each line would cost more than taking it in."""
    key = taken.receipt.key
    return {
        "business_date": key.business_date,
        "register": key.register,
        "sequence": key.sequence,
        "result": taken.result,
        "lines": len(taken.receipt.lines),
        "unknown_codes": taken.unknown_codes,
        "effect": [{"sku": sku, "location": place, "qty": qty} for (sku, place), qty in taken.effect.items()],
    }


class Totals(BaseModel):
    """How many receipts met with which result."""

    receipts: int = 0
    lines: int = 0
    new: int = 0
    repeated: int = 0
    corrected: int = 0
    superseded: int = 0
    unknown_codes: int = Field(default=0, description="Codes that no item has, counted once for each receipt.")

    def add(self, taken: list[Taken]) -> None:
        """Count what was taken in."""
        for one in taken:
            self.receipts += 1
            self.lines += len(one.receipt.lines)
            self.new += one.result is Result.NEW
            self.repeated += one.result is Result.REPEATED
            self.corrected += one.result is Result.CORRECTED
            self.superseded += one.result is Result.SUPERSEDED
            self.unknown_codes += len(one.unknown_codes)


class BatchResult(BaseModel):
    """What became of a batch, receipt by receipt in the order sent."""

    totals: Totals
    receipts: list[ReceiptResult]


class StreamError(BaseModel):
    """A line of the stream that was not taken."""

    line: int = Field(description="Number of the line in the body; the first is 1.", examples=[17])
    code: str = Field(description="Stable name of what is wrong.", examples=["invalid-receipt"])
    pointer: str | None = Field(
        default=None, description="JSON pointer into that line.", examples=["/lines/0/quantity"]
    )
    detail: str


class StreamResult(BaseModel):
    """What became of a stream: lines that do not fit were refused, every other receipt was taken."""

    totals: Totals
    refused: int = Field(description="Lines that were not taken; the first of them are in `errors`.")
    errors: list[StreamError]


class ReceiptSummary(BaseModel):
    """A receipt as it stands."""

    business_date: date
    register_code: str = Field(alias="register")
    sequence: int
    revision: int = Field(description="How many different versions have come in.")
    pos_revision: int | None = Field(description="The POS's own number of the version that counts.")
    status: Status
    line_count: int
    occurred_at: datetime
    received_at: datetime


class SaleLine(BaseModel):
    """A line and what the books made of it."""

    line_no: int
    kind: LineKind
    code: str = Field(description="In its normal form: GTIN-14, PLU or SKU.")
    sku: str | None = Field(description="The item; null while the code is unknown.")
    location: str | None = Field(description="Shelf that it was taken from, or where it came back to.")
    quantity: Decimal = Field(description="In `uom`; > 0.", examples=["0.420"])
    uom: Uom
    sold_qty: int = Field(description="Eaches sold; below 0: returned; 0: moved nothing.")


class SaidLine(BaseModel):
    """A line of a version that does not count."""

    line_no: int
    kind: LineKind
    code: str
    quantity: Decimal
    uom: Uom
    location: str | None


class Revision(BaseModel):
    """A version of a receipt that does not count (any more)."""

    revision: int
    pos_revision: int | None
    status: Status
    occurred_at: datetime
    replaced_at: datetime
    lines: list[SaidLine]


class ReceiptView(ReceiptSummary):
    """A receipt with its lines, and the versions that do not count, newest first."""

    lines: list[SaleLine]
    revisions: list[Revision]

    @classmethod
    def of(cls, receipt: Any, *, lines: list[Any], revisions: list[Any]) -> Self:
        """Return the view of three queries' rows."""
        asides = [
            {"revision": row.revision, "status": row.status, "replaced_at": row.replaced_at, **row.said}
            for row in revisions
        ]
        known = {"lines": [row._asdict() for row in lines], "revisions": asides}
        return cls.model_validate({**receipt._asdict(), **known})


class UnknownCodeView(BaseModel):
    """A code that came in on sale lines and that no item has."""

    code: str
    state: Literal["open", "resolved", "dismissed"]
    lines: int = Field(description="Lines that it has come in on.")
    first_seen_at: datetime
    last_seen_at: datetime
    resolved_at: datetime | None = Field(description="When it was resolved or dismissed.")


class ReplayView(BaseModel):
    """What looking the unknown codes up again did."""

    lines: int = Field(description="Lines that have their item now.")
    resolved: list[str] = Field(description="Codes of which no line waits any more.")
    more: bool = Field(description="Lines are left; ask again.")
