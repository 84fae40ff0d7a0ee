"""What the sales room takes over HTTP. Only what is named here gets in: no tender, no customer."""

from abc import ABC, abstractmethod
from typing import Any, Generic, Self, TypeVar

from pydantic import Field, ModelWrapValidatorHandler, PrivateAttr, model_validator

from pullsvc.sales import reading
from pullsvc.sales.fields import (
    QUANTITY,
    BusinessDate,
    Kind,
    LineNo,
    Quantity,
    ReceiptStatus,
    Register,
    Revision,
    Sequence,
    Unit,
    code_of,
    milli,
)
from pullsvc.sales.rules import (
    MAX_BATCH_LINES,
    MAX_BATCH_RECEIPTS,
    Key,
    LineKind,
    Lines,
    Receipt,
    Status,
    Uom,
    make_lines,
    make_receipt,
)
from pullsvc.web.bodies import Body, Moment
from pullsvc.web.deps import Code


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


class _Head(Body):
    """What a receipt says as a whole."""

    business_date: BusinessDate
    register_code: Register = Field(alias="register")  # `register` itself is a method of every model's class.
    sequence: Sequence
    occurred_at: Moment = Field(description="When it was rung up.", examples=["2026-03-14T11:58:07Z"])
    revision: Revision | None = Field(
        default=None,
        description="The POS's own number of this version of the receipt, if it has one: the highest counts, in "
        "whatever order they arrive. Without it the later arrival counts.",
    )
    status: ReceiptStatus = Field(
        default=Status.COMPLETED, description="Voided and training receipts are kept, move nothing."
    )

    def with_lines(self, lines: Lines) -> Receipt:
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
        lines = self.lines
        return self.with_lines(
            make_lines(
                numbers=[line.line_no for line in lines],
                kinds=[line.kind for line in lines],
                codes=[code_of(line.code) for line in lines],
                milli_qtys=[milli(line.quantity) for line in lines],
                uoms=[line.uom for line in lines],
                locations=[line.location for line in lines],
            )
        )


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
            make_lines(
                numbers=self.line_nos or range(1, lines + 1),
                kinds=self.kinds or [LineKind.SALE] * lines,
                codes=list(map(code_of, self.codes)),
                milli_qtys=list(map(milli, self.quantities)),
                uoms=self.uoms or [Uom.EACH] * lines,
                locations=self.locations or [None] * lines,
            )
        )


One = TypeVar("One", ReceiptBody, LeanReceiptBody)


class _Batch(Body, ABC, Generic[One]):
    """Receipts of any registers and days, taken all together or not at all."""

    receipts: list[One] = Field(min_length=1, max_length=MAX_BATCH_RECEIPTS)
    _taken: list[Receipt] = PrivateAttr(default_factory=list)

    @classmethod
    @abstractmethod
    def _by_the_column(cls, sent: object) -> list[Receipt]:
        """Return the receipts of a document that is plainly right; see `reading`."""

    @model_validator(mode="wrap")
    @classmethod
    def _read(cls, sent: Any, written_out: ModelWrapValidatorHandler[Self]) -> Self:
        """Make no model of what can be read by the column; it holds none of the fields then."""
        try:
            taken = reading.plain(cls._by_the_column, sent)
            batch = cls.model_construct()
        except reading.NotPlain:
            batch = written_out(sent)
            taken = [one.receipt() for one in batch.receipts]
            if sum(receipt.line_count for receipt in taken) > MAX_BATCH_LINES:
                raise ValueError(f"a batch holds at most {MAX_BATCH_LINES} lines; split it") from None
        batch._taken = taken  # noqa: SLF001 - it is its own class
        return batch

    def taken(self) -> list[Receipt]:
        """Return the receipts in the words of the room."""
        return self._taken


class BatchBody(_Batch[ReceiptBody]):
    """Receipts of any registers and days, taken all together or not at all."""

    @classmethod
    def _by_the_column(cls, sent: object) -> list[Receipt]:
        return reading.full(sent)


class LeanBatchBody(_Batch[LeanReceiptBody]):
    """Receipts of any registers and days, taken all together or not at all."""

    @classmethod
    def _by_the_column(cls, sent: object) -> list[Receipt]:
        return reading.lean(sent)
