"""What the sales room takes and gives over HTTP. Only what is named here gets in: no tender, no customer."""

from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, model_validator

from pullsvc.catalog.rules import UnreadableCode, normal_code
from pullsvc.sales.actions import Taken
from pullsvc.sales.rules import (
    MAX_BATCH_LINES,
    MAX_BATCH_RECEIPTS,
    Key,
    Line,
    LineKind,
    Receipt,
    Result,
    Status,
    Uom,
    make_receipt,
    signed,
)
from pullsvc.web.bodies import Body, Day, Moment
from pullsvc.web.deps import MAX_ID, Code

MAX_QUANTITY = 100_000
MAX_LINE_NO = 1_000_000
MAX_POS_REVISION = 2**31 - 1
MAX_REVISIONS_SHOWN = 100
CODES_REMEMBERED = 20_000

Register = Annotated[Code, Field(description="Register or workstation, as the POS calls it.", examples=["4"])]
Sequence = Annotated[
    int, Field(ge=0, le=MAX_ID, description="Number of the receipt on that register and day.", examples=[1042])
]
BusinessDate = Annotated[
    Day, Field(description="Trading day that the POS books it to, in the store's own time.", examples=["2026-03-14"])
]
UnknownCode = Annotated[Code, Field(examples=["04006381333931"])]


@lru_cache(maxsize=CODES_REMEMBERED)
def code_of(raw: str) -> str:
    """Return the normal form of a till's code; what cannot be read stays as it is, and waits as an unknown code.

    A till that sends a wrong check digit has sold something all the same.
    """
    try:
        return normal_code(raw)
    except UnreadableCode:
        return raw


class LineBody(Body):
    """One line of a receipt."""

    line_no: int = Field(ge=1, le=MAX_LINE_NO, description="Number within the receipt, each once.", examples=[1])
    code: Code = Field(description="Barcode as scanned, PLU or SKU.", examples=["4006381333931"])
    kind: LineKind = Field(
        strict=False, default=LineKind.SALE, description="A void line was taken back at the till: kept, moves nothing."
    )
    quantity: Decimal = Field(
        strict=False,
        ge=-MAX_QUANTITY,
        le=MAX_QUANTITY,
        max_digits=9,
        decimal_places=3,
        allow_inf_nan=False,
        description="In `uom`, not 0, at most three decimals; as number or string. Negative: the opposite of `kind`.",
        examples=[2],
    )
    uom: Uom = Field(strict=False, default=Uom.EACH, description="Unit of the quantity.")
    location: Code | None = Field(
        default=None, description="Shelf that it was taken from, if the POS knows; else the item's home shelf."
    )

    @model_validator(mode="after")
    def _not_nothing(self) -> Self:
        if self.quantity == 0:
            raise ValueError("quantity must not be 0")
        return self


class ReceiptBody(Body):
    """A receipt: one transaction of a register."""

    business_date: BusinessDate
    register_code: Register = Field(alias="register")  # `register` itself is a method of every model's class.
    sequence: Sequence
    occurred_at: Moment = Field(description="When it was rung up.", examples=["2026-03-14T11:58:07Z"])
    revision: int | None = Field(
        default=None,
        ge=1,
        le=MAX_POS_REVISION,
        description="The POS's own number of this version of the receipt, if it has one: the highest counts, in "
        "whatever order they arrive. Without it the later arrival counts.",
    )
    status: Status = Field(
        strict=False, default=Status.COMPLETED, description="Voided and training receipts are kept, move nothing."
    )
    lines: list[LineBody] = Field(max_length=MAX_BATCH_LINES)

    @model_validator(mode="after")
    def _numbered_once(self) -> Self:
        if len({line.line_no for line in self.lines}) < len(self.lines):
            raise ValueError("line_no must be different on each line of a receipt")
        return self

    def receipt(self) -> Receipt:
        """Return the receipt in the words of the room."""
        return make_receipt(
            Key(self.business_date, self.register_code, self.sequence),
            occurred_at=self.occurred_at,
            pos_revision=self.revision,
            status=self.status,
            lines=[_line(line) for line in self.lines],
        )


def _line(body: LineBody) -> Line:
    kind, quantity = signed(body.kind, body.quantity)
    return Line(body.line_no, kind, code_of(body.code), quantity, body.uom, body.location)


class BatchBody(Body):
    """Receipts of any registers and days, taken all together or not at all."""

    receipts: list[ReceiptBody] = Field(min_length=1, max_length=MAX_BATCH_RECEIPTS)

    @model_validator(mode="after")
    def _not_too_many_lines(self) -> Self:
        if sum(len(receipt.lines) for receipt in self.receipts) > MAX_BATCH_LINES:
            raise ValueError(f"a batch holds at most {MAX_BATCH_LINES} lines; split it")
        return self


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

    @classmethod
    def of(cls, taken: Taken) -> Self:
        """Return the answer for what was taken in."""
        key = taken.receipt.key
        return cls(
            business_date=key.business_date,
            register=key.register,
            sequence=key.sequence,
            result=taken.result,
            lines=len(taken.receipt.lines),
            unknown_codes=list(taken.unknown_codes),
            effect=[Change(sku=sku, location=place, qty=qty) for (sku, place), qty in taken.effect.items()],
        )


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
