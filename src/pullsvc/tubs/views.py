"""What the tubs room takes and gives over HTTP."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, field_validator

from pullsvc.catalog.views import ScannedCode, ScannedPlace
from pullsvc.tubs.picking import Limits
from pullsvc.tubs.registry import MAX_TUBS_AT_ONCE
from pullsvc.tubs.rules import LineState, ShortReason, TaskState, TubState
from pullsvc.web.bodies import Body, Moment
from pullsvc.web.deps import MAX_ID, Code

MAX_SCAN_QTY = 10_000
MAX_ZONES = 50
MAX_SETTLED_A_CALL = 100
MAX_PICKS_A_CALL = 60
DEFAULT_VOLUME_ML = 60_000
DEFAULT_WEIGHT_G = 20_000

Eaches = Annotated[int, Field(ge=1, le=MAX_SCAN_QTY, description="Eaches.", examples=[6])]
Settled = Annotated[int, Field(ge=0, le=MAX_SCAN_QTY)]
LineNo = Annotated[int, Field(ge=1, le=10_000, examples=[1])]
Fence = Annotated[int, Field(ge=1, le=MAX_ID, description="The fence you were given with the task.", examples=[1])]
OccurredAt = Annotated[Moment | None, Field(description="When it happened, if the device was offline.")]


class ClaimBody(Body):
    """What the worker wants to be handed."""

    zones: list[Code] = Field(
        default_factory=list, max_length=MAX_ZONES, description="Backroom zones; empty: all.", examples=[["ambient"]]
    )
    tub: ScannedPlace | None = Field(default=None, description="Tub in hand, if scanned.", examples=["TUB-0042"])
    max_lines: int = Field(default=10, ge=1, le=40, description="Stops on the walk.")
    max_minutes: int = Field(default=15, ge=1, le=120, description="Of work until the tub is staged.")
    max_volume_ml: int = Field(default=60_000, ge=1, le=2_000_000)
    max_weight_g: int = Field(default=20_000, ge=1, le=500_000)

    def limits(self) -> Limits:
        """Return the planner's limits."""
        return Limits(
            lines=self.max_lines,
            volume_ml=self.max_volume_ml,
            weight_g=self.max_weight_g,
            seconds=self.max_minutes * 60,
        )


class FencedBody(Body):
    """An act on a task that one holds."""

    fence: Fence


class TubScanBody(FencedBody):
    """The tub that the task will fill."""

    tub: ScannedPlace = Field(examples=["TUB-0042"])


class ScanBody(Body):
    """One scan of units into the tub."""

    code: ScannedCode | None = Field(default=None, description="SKU or barcode scanned; or name the line.")
    line_no: LineNo | None = Field(default=None, description="Line meant; left out: the next with that item.")
    qty: Eaches | None = Field(default=None, description="Eaches; left out: what the barcode stands for.")
    location: ScannedPlace | None = Field(default=None, description="Where taken, if not where the line says.")
    tub: ScannedPlace | None = Field(default=None, description="Tub scanned; refused if it is not the task's.")
    occurred_at: OccurredAt = None


class PickBody(ScanBody, FencedBody):
    """Units scanned into the tub."""


class PickBatchBody(FencedBody):
    """Scans of one task in the order in which they were made."""

    picks: list[ScanBody] = Field(
        min_length=1,
        max_length=MAX_PICKS_A_CALL,
        examples=[[{"line_no": 1, "qty": 6}, {"code": "04006381333931"}]],
    )


class UnpickBody(FencedBody):
    """Units put back where they came from."""

    line_no: LineNo
    qty: Eaches
    occurred_at: OccurredAt = None


class LineBody(FencedBody):
    """An act on one line."""

    line_no: LineNo


class ShortBody(LineBody):
    """Less there than planned."""

    reason: ShortReason = Field(strict=False, examples=["not_there"])
    occurred_at: OccurredAt = None


class StagingBody(FencedBody):
    """Where the tub stands now."""

    lane: ScannedPlace = Field(examples=["LANE-2"])
    occurred_at: OccurredAt = None


class SettlementLine(Body):
    """Where units of one line went; eaches."""

    line_no: LineNo
    put: Settled = 0
    returned: Settled = Field(default=0, description="Did not fit: back to the backroom.")
    damaged: Settled = 0
    missing: Settled = Field(default=0, description="Picked, and not in the tub.")


class PutBody(FencedBody):
    """What was done with the units of a tub on the floor."""

    lines: list[SettlementLine] = Field(default_factory=list, max_length=MAX_SETTLED_A_CALL)
    all_put: bool = Field(default=False, description="Everything not named in `lines` went onto its shelf.")

    return_to: ScannedPlace | None = Field(default=None, description="Where what did not fit goes; else its old place.")
    occurred_at: OccurredAt = None

    @field_validator("lines")
    @classmethod
    def _each_line_once(cls, lines: list[SettlementLine]) -> list[SettlementLine]:
        if len({line.line_no for line in lines}) < len(lines):
            raise ValueError("name each line once")
        return lines


class ReassignmentBody(Body):
    """Who does it from now on."""

    principal_id: int = Field(ge=1, le=MAX_ID, examples=[7])


class TubSize(Body):
    """What a tub holds."""

    volume_ml: int = Field(default=DEFAULT_VOLUME_ML, ge=1, le=2_000_000, examples=[60_000])
    weight_g: int = Field(default=DEFAULT_WEIGHT_G, ge=1, le=500_000, examples=[20_000])


class TubBody(TubSize):
    """A tub and what it holds."""

    active: bool = True


class NewTubBody(TubSize):
    """A tub that somebody has in hand."""

    tub: ScannedPlace


class NewTubsBody(TubSize):
    """Tubs to be labelled."""

    count: int = Field(ge=1, le=MAX_TUBS_AT_ONCE, examples=[12])


class LineView(BaseModel):
    """One stop of a task."""

    line_no: int
    pull_id: int
    sku: str
    description: str
    department: str
    attributes: list[str]
    case_pack: int
    from_location: str
    shelf: str
    state: LineState
    short_reason: ShortReason | None
    urgency: int
    qty_planned: int
    qty_picked: int
    qty_put: int
    qty_returned: int
    qty_damaged: int
    qty_missing: int


class TaskView(BaseModel):
    """A task with its lines in the order of the walk."""

    task_id: int
    state: TaskState
    tub: str | None
    lane: str | None
    fence: int = Field(description="Send it with every act; a newer one makes this one worthless.")
    claimed_by: int
    worker: str
    claimed_at: datetime
    lease_until: datetime
    lease_s: int = Field(description="Seconds left of the lease; any scan renews it. 0: it ran out.")
    estimated_s: int
    qty_picked: int
    qty_settled: int
    staged_at: datetime | None
    delivered_at: datetime | None
    ended_at: datetime | None
    lines: list[LineView]


class PlannedView(BaseModel):
    """One stop of a task that nobody has claimed."""

    pull_id: int | None = Field(description="Null: it rides along, and its pull is opened when it is claimed.")
    sku: str
    shelf: str
    location: str
    zone: str = Field(description="Backroom zone of the stop.")
    urgency: int = Field(description="0..100; from 80 on somebody waits.")
    qty: int


class AvailableTask(BaseModel):
    """What a claim would hand out, if nothing else happened until then."""

    estimated_s: int
    lines: list[PlannedView]


class AvailableTasks(BaseModel):
    """The next tasks, the first one first."""

    tasks: list[AvailableTask]


class PickAnswer(BaseModel):
    """What a pick left."""

    task_id: int
    line_no: int
    sku: str
    qty: int
    line_state: LineState
    line_picked: int
    line_planned: int
    lease_until: datetime


class PickedView(BaseModel):
    """What one scan of a batch left."""

    line_no: int
    sku: str
    qty: int
    line_state: LineState
    line_picked: int
    line_planned: int


class PickBatchAnswer(BaseModel):
    """What the scans of a batch left, one by one."""

    task_id: int
    picks: list[PickedView]
    lease_until: datetime


class TubKind(BaseModel):
    """A size of tubs in use."""

    volume_ml: int
    weight_g: int
    tubs: int = Field(description="How many of them the store has.")


class TubKinds(BaseModel):
    """The sizes of the store's tubs, the most usual first; a store without tubs has the usual one."""

    kinds: list[TubKind]


class TubBatch(BaseModel):
    """Tubs that were made."""

    tubs: list["TubView"]


class TubView(BaseModel):
    """A tub and where it is."""

    tub: str
    state: TubState
    task_id: int | None
    lane: str | None
    volume_ml: int
    weight_g: int
    active: bool
    version: int
    updated_at: datetime


TaskFilter = Literal["claimed", "filling", "staged", "on_floor", "closed", "released", "abandoned", "cancelled"]
