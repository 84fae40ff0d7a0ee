"""What the stock room takes and gives over HTTP."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from pullsvc.catalog.views import Barcode, FoundItem, ScannedCode, ScannedPlace
from pullsvc.stock.batches import MAX_COUNTS_A_CALL
from pullsvc.stock.rules import MAX_MOVE_QTY
from pullsvc.web.bodies import Body, Moment
from pullsvc.web.deps import Note

ItemCode = Annotated[
    ScannedCode, Field(description="SKU, or any barcode of the item as scanned.", examples=["04006381333931"])
]
LocationCode = Annotated[ScannedPlace, Field(description="Location, as on its label.", examples=["BR-A-03-2"])]
Qty = Annotated[int, Field(ge=1, le=MAX_MOVE_QTY, description="Eaches.", examples=[12])]
OccurredAt = Annotated[
    Moment | None,
    Field(description="When it happened, if the device was offline; else left out.", examples=["2026-03-14T12:00:00Z"]),
]


class ReceivingBody(Body):
    """Goods that came in."""

    code: ItemCode
    qty: Qty
    location: LocationCode = "RECEIVING"
    reference: Note = Field(default="delivery", description="Delivery note or order.", examples=["DN-20931"])
    occurred_at: OccurredAt = None


class MoveBody(Body):
    """Units carried from one location to another, such as the put-away of backstock."""

    code: ItemCode
    qty: Qty
    from_location: LocationCode
    to_location: LocationCode = Field(examples=["BR-B-01-1"])
    reason: Note | None = Field(default=None, examples=["did not fit"])
    occurred_at: OccurredAt = None


class AdjustmentBody(Body):
    """A correction of the book."""

    code: ItemCode
    change: int = Field(
        ge=-MAX_MOVE_QTY, le=MAX_MOVE_QTY, description="Eaches to add or take away, not 0.", examples=[-2]
    )
    location: LocationCode
    reason: Note = Field(examples=["broken in the aisle"])
    damaged: bool = Field(default=False, description="The units are thrown away, not miscounted.")
    occurred_at: OccurredAt = None


class CountBody(Body):
    """What somebody counted, without being told what the book says."""

    code: ItemCode
    location: LocationCode
    counted_qty: int = Field(ge=0, le=MAX_MOVE_QTY, description="Eaches that stood there.", examples=[7])
    occurred_at: OccurredAt = None


class CountLine(Body):
    """Eaches of an item that stand at a location now."""

    code: ItemCode
    location: LocationCode
    counted_qty: int = Field(ge=0, le=MAX_MOVE_QTY, examples=[24])


class CountBatchBody(Body):
    """What stands in many places now: opening stock, or all that is in a location."""

    reason: Note = Field(default="blind", examples=["opening"])
    counts: list[CountLine] = Field(min_length=1, max_length=MAX_COUNTS_A_CALL)

    @field_validator("counts")
    @classmethod
    def _each_place_once(cls, counts: list[CountLine]) -> list[CountLine]:
        if len({(line.code, line.location) for line in counts}) < len(counts):
            raise ValueError("name each item and location once")
        return counts


class CountBatchAnswer(BaseModel):
    """How much of what was counted differed from the books."""

    counted: int
    differed: int


class CountRequestBody(Body):
    """A wish that somebody count."""

    code: ItemCode
    location: LocationCode
    reason: Note = Field(examples=["looks wrong"])


class ClosingBody(Body):
    """How a discrepancy was settled."""

    resolution: Note = Field(examples=["found on the top shelf"])


class Balance(BaseModel):
    """What the book says of an item at a location; a shelf's book may be below zero."""

    sku: str
    location: str
    kind: Literal["backroom", "shelf", "tub", "receiving"]
    zone: str
    qty: int = Field(description="Book, signed; eaches.")
    on_hand: int = Field(description="max(0, book).")
    oversold: int = Field(description="max(0, -book): sold beyond the book.")
    counted_at: datetime | None
    updated_at: datetime


class Touched(BaseModel):
    """A balance after a movement."""

    model_config = ConfigDict(from_attributes=True)

    sku: str
    location: str
    qty: int


class MovementAnswer(BaseModel):
    """The balances that a movement left."""

    balances: list[Touched]


class Movement(BaseModel):
    """One entry of the ledger."""

    movement_id: int
    sku: str
    qty: int
    from_location: str
    to_location: str
    cause: str
    cause_id: str
    reason: str | None
    principal_id: int | None
    occurred_at: datetime
    recorded_at: datetime


class Count(BaseModel):
    """A count asked for, done, or superseded by a newer one."""

    count_id: int
    location: str
    sku: str
    state: Literal["requested", "done", "superseded", "cancelled"]
    reason: str
    requested_at: datetime
    counted_at: datetime | None
    counted_qty: int | None
    book_qty: int | None = Field(description="What the book said as of the count; null until it is counted.")
    variance: int | None


class ListedCount(Count):
    """A count with what somebody needs to know to take it; not what the book says before it is taken."""

    description: str
    department: str
    case_pack: int
    zone: str
    walk_seq: int = Field(description="Place on the walk; lower comes first.")
    barcodes: list[Barcode]


class CountAnswer(BaseModel):
    """A count and the book it left; the book differs where units moved since the count."""

    count: Count
    qty: int


class CountRequest(BaseModel):
    """The request for a count; null when one was open already."""

    count_id: int | None


class Bin(BaseModel):
    """A place in the backroom where units of an item may go."""

    model_config = ConfigDict(from_attributes=True)

    location: str = Field(examples=["BR-A-03-2"])
    zone: str
    walk_seq: int = Field(description="Place on the walk; lower comes first.")
    qty: int = Field(description="Units of the item there by the book; 0: it lay there before, or nothing does.")


class Backstock(BaseModel):
    """Units that stand where goods arrive or come back to, and wait to be put away."""

    location: str = Field(examples=["RETURNS"])
    sku: str
    qty: int
    description: str
    department: str
    case_pack: int
    barcodes: list[Barcode]
    bins: list[Bin] = Field(description="Its own bins, the fullest first; at most three.")


class Standing(BaseModel):
    """Where units wait to be put away."""

    model_config = ConfigDict(from_attributes=True)

    location: str
    qty: int


class BinSuggestion(BaseModel):
    """Where units of an item go, and where they may have come from."""

    model_config = ConfigDict(from_attributes=True)

    item: FoundItem
    standing: list[Standing] = Field(description="Where it waits to be put away, most first.")
    bins: list[Bin] = Field(description="Its own bins, the fullest first; if it has none, empty ones near its like.")


class Discrepancy(BaseModel):
    """A contradiction between the books and the world."""

    discrepancy_id: int
    kind: Literal["oversold", "found", "variance", "short", "missing"]
    sku: str
    location: str
    qty: int
    times: int
    state: Literal["open", "closed"]
    cause: str
    cause_id: str
    opened_at: datetime
    closed_at: datetime | None
    resolution: str | None
