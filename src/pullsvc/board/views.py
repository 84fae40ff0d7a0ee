"""What the board shows over HTTP."""

from datetime import date, datetime

from pydantic import BaseModel, Field

from pullsvc.pulls.rules import Reason, State
from pullsvc.pulls.views import Explanation
from pullsvc.tubs.rules import ShortReason, TaskState


class AtRisk(BaseModel):
    """A shelf that will be empty soon, and what is being done about it."""

    sku: str
    description: str
    department: str
    shelf: str
    on_hand: int
    oversold: int
    backroom: int = Field(description="Eaches in the backroom, by the books.")
    rate_per_h: float = Field(description="Eaches sold an hour, as the watch sees it now.")
    trigger_qty: int = Field(description="At or below this the watch looks at once.")
    lead_s: int = Field(description="Time to shelf that the watch reckons with.")
    minutes_to_empty: float
    pull_id: int | None
    pull_state: State | None
    on_its_way: int = Field(description="Eaches wanted by the live pull that are not on the shelf yet.")
    explanation: Explanation | None = Field(description="The figures behind the live pull of the watch.")


class ZoneLoad(BaseModel):
    """The pulls of one backroom zone."""

    zone: str
    pulls: int
    open: int
    qty: int = Field(description="Eaches that nobody has planned yet.")
    oldest_at: datetime
    overdue: int
    work_s: float = Field(description="Seconds of work that wait for somebody, as the watch reckons.")


class BoardPull(BaseModel):
    """A live pull."""

    pull_id: int
    sku: str
    description: str
    shelf: str
    zone: str
    state: State
    reason: Reason
    urgency: int
    ask_count: int
    requesters: list[str] | None
    note: str | None
    qty_wanted: int
    qty_planned: int
    qty_filled: int
    qty_put: int
    opened_at: datetime
    due_at: datetime


class Progress(BaseModel):
    """How far a task has come."""

    lines: int
    lines_done: int
    shorts: int
    qty: int


class BoardTask(BaseModel):
    """A live task, its tub and its holder."""

    task_id: int
    state: TaskState
    fence: int = Field(description="With it a lead can give the task back for whoever has it.")
    tub: str | None
    lane: str | None
    claimed_by: int
    worker: str
    claimed_at: datetime
    lease_until: datetime
    staged_at: datetime | None
    delivered_at: datetime | None
    estimated_s: int
    qty_picked: int
    qty_settled: int
    progress: Progress


class LaneTub(BaseModel):
    """A tub waiting in a lane."""

    tub: str
    task_id: int
    since: datetime


class Lane(BaseModel):
    """A staging lane and what stands in it."""

    lane: str
    zone: str
    tubs: list[LaneTub]


class BoardShort(BaseModel):
    """A line that found less than planned, today."""

    task_id: int
    line_no: int
    sku: str
    description: str
    from_location: str
    short_reason: ShortReason
    short_at: datetime
    qty: int
    worker: str


class BoardDiscrepancy(BaseModel):
    """A contradiction between the books and the world, waiting for a word."""

    discrepancy_id: int
    kind: str
    sku: str
    description: str
    location: str
    qty: int
    times: int
    opened_at: datetime


class Today(BaseModel):
    """The figures of the business day so far."""

    asks: int = Field(description="By people.")
    pulls_opened: int
    pulls_by_watch: int
    pulls_filled: int
    pulls_unfillable: int
    qty_put: int
    time_to_shelf_p50_s: float | None
    time_to_shelf_p90_s: float | None
    in_time_share: float | None = Field(description="Of the pulls that arrived, how many before they were due.")
    shorts: int
    tubs: int
    qty_sold: int
    unknown_codes: int


class Board(BaseModel):
    """One moment of a store."""

    store_id: int
    name: str
    time_zone: str
    at: datetime
    business_date: date
    open: bool
    cursor: str = Field(description="Give it as `Last-Event-ID` to the stream to go on from here.")
    cut: list[str] = Field(description="Parts that leave something out: there is more than a board shows.")
    at_risk: list[AtRisk] = Field(description="The one that will be empty first, first.")
    zones: list[ZoneLoad]
    pulls: list[BoardPull] = Field(description="The most urgent first.")
    tasks: list[BoardTask]
    lanes: list[Lane]
    shorts: list[BoardShort]
    discrepancies: list[BoardDiscrepancy]
    today: Today


class OpenSpan(BaseModel):
    """From when to when the store is open."""

    starts_at: datetime
    ends_at: datetime


class BoardDay(BaseModel):
    """The business day so far; each series has a value every `bucket_s` from `starts_at` on, the last unfinished."""

    business_date: date
    starts_at: datetime
    ends_at: datetime
    open: list[OpenSpan]
    at: datetime
    bucket_s: int
    opened: list[int] = Field(description="Pulls opened.")
    by_watch: list[int] = Field(description="Those of them that the watch opened.")
    arrived: list[int] = Field(description="Pulls whose goods came onto the shelf.")
    time_to_shelf_s: list[float | None] = Field(description="Of those, half took less.")
    asked_s: list[float] = Field(description="Seconds of work in the pulls opened, as the watch reckons.")
    staffed_s: list[float] = Field(description="Seconds that people had a task in hand.")
