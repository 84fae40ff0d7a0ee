"""What the pulls room takes and gives over HTTP."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from pullsvc.catalog.views import ScannedCode, ScannedPlace
from pullsvc.pulls.asking import MAX_ASKS_A_CALL
from pullsvc.pulls.rules import Answer, Outcome, Reason, State
from pullsvc.web.bodies import Body, Moment
from pullsvc.web.deps import Note

MAX_ASK_QTY = 10_000
PersonReason = Literal["gap", "customer_waiting", "promotion", "online", "other"]
Eaches = Annotated[int, Field(ge=1, le=MAX_ASK_QTY, description="Eaches.", examples=[6])]


class AskBody(Body):
    """A wish for an item on the floor."""

    code: ScannedCode = Field(description="SKU, or any barcode of the item as scanned.", examples=["04006381333931"])
    shelf: ScannedPlace | None = Field(default=None, description="Where; else the item's home.", examples=["A07-03-2"])
    reason: PersonReason = Field(default="gap", examples=["customer_waiting"])
    qty: Eaches | None = Field(default=None, description="Eaches wanted; left out: as many as fit.")
    seen_qty: int | None = Field(
        default=None,
        ge=0,
        le=MAX_ASK_QTY,
        description="Eaches you see on the shelf; sets the book right. A gap without it means: none.",
    )
    note: Note | None = Field(default=None, description="A word to the backroom.", examples=["the blue ones"])
    requester: Note | None = Field(default=None, description="Who asks; left out: the caller.", examples=["Ana"])
    due_at: Moment | None = Field(default=None, description="By when; left out: what the reason allows.")
    occurred_at: Moment | None = Field(default=None, description="When, if the device was offline.")


class GapScanBody(Body):
    """The gaps seen on one walk."""

    asks: list[AskBody] = Field(min_length=1, max_length=MAX_ASKS_A_CALL)


class CancellationBody(Body):
    """Why a pull is given up."""

    reason: Note = Field(examples=["customer left"])


class PullView(BaseModel):
    """A pull, how far it has come, and what its askers are told."""

    pull_id: int
    sku: str
    description: str
    shelf: str
    zone: str = Field(description="Backroom zone that holds most of it.")
    state: State
    reason: Reason
    urgency: int = Field(description="0..100; the highest is handed out first.")
    ask_count: int
    qty_wanted: int
    qty_planned: int
    qty_filled: int
    qty_put: int
    opened_at: datetime
    due_at: datetime
    planned_at: datetime | None
    filled_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None
    answer: Answer
    eta: datetime | None = Field(description="When the goods are expected on the shelf.")
    explanation: dict[str, Any] | None = Field(description="The figures behind an automatic pull.")


class AskView(BaseModel):
    """One ask and where its goods are."""

    ask_id: int
    pull_id: int
    sku: str
    shelf: str
    requester: str
    reason: Reason
    note: str | None
    qty: int | None
    asked_at: datetime
    due_at: datetime
    state: State
    ask_count: int = Field(description="How many asked for the same, this one included.")
    answer: Answer
    eta: datetime | None
    end_reason: str | None


class PullDetail(PullView):
    """A pull with all who asked for it."""

    asks: list[dict[str, Any]]


class AskAnswer(BaseModel):
    """What became of an ask at once."""

    ask_id: int
    pull_id: int
    sku: str
    shelf: str
    outcome: Outcome
    answer: Answer
    qty: int = Field(description="Eaches that this ask added to the pull.")
    uncovered: int = Field(description="Eaches that are needed, but not in the backroom.")
    ask_count: int
    urgency: int
    due_at: datetime
    eta: datetime | None


class GapScanLine(BaseModel):
    """The result of one line of a gap scan: an answer, or why it was refused."""

    line: int = Field(description="Position in the list sent, from 0.")
    answer: AskAnswer | None
    refusal: dict[str, Any] | None = Field(examples=[{"code": "no-such-item", "detail": "Unknown here: 123."}])


class GapScanAnswer(BaseModel):
    """The result of each line, in the order sent."""

    opened: int
    joined: int
    refused: int
    lines: list[GapScanLine]
