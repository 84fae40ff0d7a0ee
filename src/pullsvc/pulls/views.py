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


class LastSale(BaseModel):
    """A sale line."""

    at: datetime
    qty: int = Field(description="Eaches.", examples=[2])


class Explanation(BaseModel):
    """The figures behind a decision of the watch, and one plain sentence; automatic pulls keep theirs."""

    sentence: str = Field(
        examples=[
            (
                "Sells 6.2 an hour (4.6 to 8.1), 3 on the shelf, lasts 29 min; 71 % to be empty before a pull arrives "
                "in 41 min, which saves 2.1 sales, 1.4 a minute of work. Last sold 1 at 13:58, 2 at 14:03."
            )
        ]
    )
    verdict: str = Field(
        description="`pull`: it is worth the work; `presentation`: the shelf looks bad; `rides`: a tub had room.",
        examples=["pull"],
    )
    rate_per_h: float = Field(description="Units sold an hour at the present pace.", examples=[6.2])
    rate_low_per_h: float = Field(description="In one case of ten it is slower than this.", examples=[4.6])
    rate_high_per_h: float = Field(description="In one case of ten it is faster than this.", examples=[8.1])
    on_hand: int = Field(examples=[3])
    in_flight: int = Field(description="Wanted by the live pull and not on the shelf yet.", examples=[0])
    backroom: int = Field(description="In the backroom and not spoken for.", examples=[24])
    capacity: int = Field(examples=[18])
    lasts_s: int | None = Field(
        description="Seconds until it is expected to be empty; null: not before the store closes.", examples=[1742]
    )
    lead_s: int = Field(description="Seconds from a pull to the shelf; half of them are faster.", examples=[2460])
    lead_low_s: int = Field(description="One in six is faster.", examples=[1560])
    lead_high_s: int = Field(description="One in six is slower.", examples=[4020])
    p_empty: float = Field(description="Probability that it is empty before a pull lands.", examples=[0.71])
    averted: float = Field(description="Units that would be lost without the pull.", examples=[2.1])
    averted_per_min: float = Field(description="The same, a minute of work.", examples=[1.4])
    price_per_min: float = Field(description="What a minute of work must avert now to be spent.", examples=[0.12])
    traffic: float = Field(description="How busy the day is; 1: as expected.", examples=[1.04])
    trigger_qty: int = Field(description="At or below this stock it is looked at at once; -1: never.", examples=[8])
    qty: int = Field(description="Eaches it asks for.", examples=[12])
    last_sales: list[LastSale] = Field(description="The newest sale lines of today, oldest first.")


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
    rode_along: bool = Field(description="A claim opened it, as its tub had room: the watch would have asked soon.")
    explanation: Explanation | None = Field(description="The figures behind an automatic pull.")


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
