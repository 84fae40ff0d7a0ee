"""What the sales room takes over HTTP. Only what is named here gets in: no tender, no customer."""

from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Self

from pydantic import Field, model_validator

from pullsvc.catalog.rules import UnreadableCode, normal_code
from pullsvc.sales.rules import (
    MAX_BATCH_LINES,
    MAX_BATCH_RECEIPTS,
    Key,
    Line,
    LineKind,
    Receipt,
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
CODES_REMEMBERED = 20_000

Register = Annotated[Code, Field(description="Register or workstation, as the POS calls it.", examples=["4"])]
Sequence = Annotated[
    int, Field(ge=0, le=MAX_ID, description="Number of the receipt on that register and day.", examples=[1042])
]
BusinessDate = Annotated[
    Day, Field(description="Trading day that the POS books it to, in the store's own time.", examples=["2026-03-14"])
]
QUANTITY = "In `uom`, not 0, at most three decimals; as number or string. Negative: the opposite of `kind`."
Quantity = Annotated[
    Decimal,
    Field(strict=False, ge=-MAX_QUANTITY, le=MAX_QUANTITY, max_digits=9, decimal_places=3, allow_inf_nan=False),
]
LineNo = Annotated[int, Field(ge=1, le=MAX_LINE_NO)]
Kind = Annotated[LineKind, Field(strict=False)]
Unit = Annotated[Uom, Field(strict=False)]
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

    line_no: LineNo = Field(description="Number within the receipt, each once.", examples=[1])
    code: Code = Field(description="Barcode as scanned, PLU or SKU.", examples=["4006381333931"])
    kind: Kind = Field(
        default=LineKind.SALE, description="A void line was taken back at the till: kept, moves nothing."
    )
    quantity: Quantity = Field(description=QUANTITY, examples=[2])
    uom: Unit = Field(default=Uom.EACH, description="Unit of the quantity.")
    location: Code | None = Field(
        default=None, description="Shelf that it was taken from, if the POS knows; else the item's home shelf."
    )

    @model_validator(mode="after")
    def _not_nothing(self) -> Self:
        if self.quantity == 0:
            raise ValueError("quantity must not be 0")
        return self


def make_line(number: int, kind: LineKind, code: str, quantity: Decimal, uom: Uom, location: str | None) -> Line:
    """Return a line in the words of the room."""
    if quantity < 0:
        kind, quantity = signed(kind, quantity)
    return Line(number, kind, code_of(code), quantity, uom, location)


class _Head(Body):
    """What a receipt says as a whole."""

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

    def with_lines(self, lines: Iterable[Line]) -> Receipt:
        """Return the receipt with these lines in the words of the room."""
        return make_receipt(
            Key(self.business_date, self.register_code, self.sequence),
            occurred_at=self.occurred_at,
            pos_revision=self.revision,
            status=self.status,
            lines=lines,
        )


class ReceiptBody(_Head):
    """A receipt: one transaction of a register."""

    lines: list[LineBody] = Field(max_length=MAX_BATCH_LINES)

    @model_validator(mode="after")
    def _numbered_once(self) -> Self:
        if len({line.line_no for line in self.lines}) < len(self.lines):
            raise ValueError("line_no must be different on each line of a receipt")
        return self

    def receipt(self) -> Receipt:
        """Return the receipt in the words of the room."""
        return self.with_lines(
            make_line(line.line_no, line.kind, line.code, line.quantity, line.uom, line.location) for line in self.lines
        )


class BatchBody(Body):
    """Receipts of any registers and days, taken all together or not at all."""

    receipts: list[ReceiptBody] = Field(min_length=1, max_length=MAX_BATCH_RECEIPTS)

    @model_validator(mode="after")
    def _not_too_many_lines(self) -> Self:
        if sum(len(receipt.lines) for receipt in self.receipts) > MAX_BATCH_LINES:
            raise ValueError(f"a batch holds at most {MAX_BATCH_LINES} lines; split it")
        return self


class LeanReceiptBody(_Head):
    """A receipt whose lines are written as arrays: the first element of each is the first line, and so on."""

    codes: list[Code] = Field(
        max_length=MAX_BATCH_LINES, description="Barcode as scanned, PLU or SKU.", examples=[["4006381333931", "4011"]]
    )
    quantities: list[Quantity] = Field(max_length=MAX_BATCH_LINES, description=QUANTITY, examples=[[2, "0.42"]])
    line_nos: list[LineNo] | None = Field(
        default=None, max_length=MAX_BATCH_LINES, description="Each once; left out, the lines are numbered from 1."
    )
    kinds: list[Kind] | None = Field(default=None, max_length=MAX_BATCH_LINES, description="Left out, all are sales.")
    uoms: list[Unit] | None = Field(
        default=None, max_length=MAX_BATCH_LINES, description="Left out, all are eaches.", examples=[["each", "kg"]]
    )
    locations: list[Code | None] | None = Field(
        default=None,
        max_length=MAX_BATCH_LINES,
        description="Shelves that the units were taken from, if the POS knows; else the items' home shelves.",
    )

    @model_validator(mode="after")
    def _of_one_length(self) -> Self:
        columns = (self.quantities, self.line_nos, self.kinds, self.uoms, self.locations)
        if any(column is not None and len(column) != len(self.codes) for column in columns):
            raise ValueError("all arrays of a receipt must have as many elements as codes")
        if self.line_nos is not None and len(set(self.line_nos)) < len(self.line_nos):
            raise ValueError("line_nos must be different from each other")
        if 0 in self.quantities:
            raise ValueError("quantities must not be 0")
        return self

    def receipt(self) -> Receipt:
        """Return the receipt in the words of the room."""
        lines = len(self.codes)
        return self.with_lines(
            map(
                make_line,
                self.line_nos or range(1, lines + 1),
                self.kinds or [LineKind.SALE] * lines,
                self.codes,
                self.quantities,
                self.uoms or [Uom.EACH] * lines,
                self.locations or [None] * lines,
            )
        )


class LeanBatchBody(Body):
    """Receipts of any registers and days, taken all together or not at all."""

    receipts: list[LeanReceiptBody] = Field(min_length=1, max_length=MAX_BATCH_RECEIPTS)

    @model_validator(mode="after")
    def _not_too_many_lines(self) -> Self:
        if sum(len(receipt.codes) for receipt in self.receipts) > MAX_BATCH_LINES:
            raise ValueError(f"a batch holds at most {MAX_BATCH_LINES} lines; split it")
        return self
