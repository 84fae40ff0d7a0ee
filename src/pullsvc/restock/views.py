"""What the watch takes and gives over HTTP."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from pullsvc.demand.value import Labour
from pullsvc.pulls.views import Explanation
from pullsvc.restock.past import MAX_DAYS
from pullsvc.restock.rules import Verdict
from pullsvc.restock.settings import DEFAULT_LEAD_S, MAX_WEIGHT, MIN_WEIGHT, Department, Settings
from pullsvc.restock.wrongs import Wrong
from pullsvc.web.bodies import Body, Moment
from pullsvc.web.deps import Note

MIN_LEAD_DEFAULT_S, MAX_LEAD_DEFAULT_S = 60, 14_400
MIN_LINE_S, MAX_LINE_S = 5, 1_800
MAX_UNIT_S = 120
MAX_CHECKS_AN_HOUR = 60
MAX_DEPARTMENTS = 200
MAX_SEEN_QTY = 100_000
DepartmentName = Annotated[str, Field(min_length=1, max_length=80)]
Reference = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9._:-]+$", examples=["ASN-4711"])]


class DepartmentBody(Body):
    """How a department is watched."""

    enabled: bool = Field(default=True, description="False: no automatic pulls for its items.", examples=[True])
    weight: float = Field(
        default=1.0,
        ge=MIN_WEIGHT,
        le=MAX_WEIGHT,
        allow_inf_nan=False,
        description="What a lost unit of it counts for beside one of another department.",
        examples=[2.0],
    )


class WatchSettingsBody(Body):
    """How a store wants its watch."""

    enabled: bool = Field(description="False: no automatic pulls; people's asks go on.", examples=[True])
    lead_default_s: int = Field(
        default=DEFAULT_LEAD_S,
        ge=MIN_LEAD_DEFAULT_S,
        le=MAX_LEAD_DEFAULT_S,
        description="Seconds from a pull to the shelf, in the middle, until the store has measured its own.",
        examples=[2700],
    )
    line_s: float = Field(
        default=Labour().line_s,
        ge=MIN_LINE_S,
        le=MAX_LINE_S,
        allow_inf_nan=False,
        description="Seconds of work for a line of a tub, whatever its size: walk, find, go to the shelf.",
        examples=[60.0],
    )
    unit_s: float = Field(
        default=Labour().unit_s,
        ge=0,
        le=MAX_UNIT_S,
        allow_inf_nan=False,
        description="Seconds of work for each unit: pick and put.",
        examples=[2.5],
    )
    presentation: bool = Field(
        default=True,
        description="Fill empty shelves and those below their presentation minimum, whatever that averts; such pulls "
        "come last.",
        examples=[True],
    )
    checks_an_hour: int = Field(
        default=Settings().checks_an_hour,
        ge=0,
        le=MAX_CHECKS_AN_HOUR,
        description="How many looks at improbably silent shelves the watch may ask for in an hour; 0: none.",
        examples=[6],
    )
    departments: dict[DepartmentName, DepartmentBody] = Field(
        default_factory=dict,
        max_length=MAX_DEPARTMENTS,
        description="Departments that are watched in another way than by default.",
        examples=[{"dairy": {"enabled": True, "weight": 2.0}}],
    )

    def settings(self) -> Settings:
        """Return the settings as the rule takes them."""
        return Settings(
            enabled=self.enabled,
            lead_default_s=self.lead_default_s,
            labour=Labour(line_s=self.line_s, unit_s=self.unit_s),
            presentation=self.presentation,
            checks_an_hour=self.checks_an_hour,
            departments={name: Department(kept.enabled, kept.weight) for name, kept in self.departments.items()},
        )


class DepartmentSettings(BaseModel):
    """How a department is watched."""

    enabled: bool
    weight: float = Field(examples=[2.0])


class WatchSettings(BaseModel):
    """How a store wants its watch."""

    enabled: bool
    lead_default_s: int = Field(examples=[2700])
    line_s: float = Field(examples=[60.0])
    unit_s: float = Field(examples=[2.5])
    presentation: bool
    checks_an_hour: int = Field(examples=[6])
    departments: dict[str, DepartmentSettings]
    version: int
    updated_at: datetime | None = Field(description="Null: nobody has changed the defaults yet.")
    updated_by: str | None = Field(description="Who changed them last; null: nobody yet.", examples=["Maria"])


class WatchedShelf(Explanation):
    """What the watch thinks of an item at one of its shelves, now."""

    verdict: Verdict = Field(description="What the watch would do now.", examples=["pull"])
    shelf: str = Field(examples=["A07-3"])
    oversold: int = Field(description="Units sold beyond the book.", examples=[0])
    urgency: int = Field(description="30..85: what a pull for this shelf is worth now.", examples=[63])
    pull_id: int | None = Field(description="The live pull.", examples=[None])
    evaluated_at: datetime | None = Field(description="When the watch last looked at it; null: never yet.")
    next_check_at: datetime | None = Field(description="When it looks again, if no sale leads to that before.")


class WatchedItem(BaseModel):
    """What the watch thinks of an item, now."""

    sku: str = Field(examples=["1082185"])
    watching: bool = Field(description="Automatic pulls are opened at this hour; if not: closed, or switched off.")
    lead_s: int = Field(description="Seconds from a pull to the shelf; half of them are faster.", examples=[2460])
    shelves: list[WatchedShelf] = Field(description="Its shelves, the home first; none: it has no place on the floor.")


class WrongBody(Body):
    """What was wrong with a pull of the watch."""

    kind: Wrong = Field(
        strict=False,
        description="`shelf_full`: there was no need; `not_there`: the backroom does not have it where the books say; "
        "`wrong_capacity`: another number fits on the shelf.",
        examples=["shelf_full"],
    )
    seen_qty: int | None = Field(
        default=None,
        ge=0,
        le=MAX_SEEN_QTY,
        description="Eaches that stand on the shelf, or that fit there when the capacity is wrong.",
        examples=[18],
    )
    note: Note | None = Field(default=None, examples=["two facings are blocked"])


class WrongSaid(BaseModel):
    """What somebody said of a pull of the watch."""

    wrong_id: int
    pull_id: int
    sku: str = Field(examples=["1082185"])
    shelf: str = Field(examples=["A07-3"])
    kind: Wrong
    seen_qty: int | None
    note: str | None
    told_at: datetime


class WrongList(BaseModel):
    """What was said, the newest first; at most 200."""

    items: list[WrongSaid]


class DeliveryBody(Body):
    """A delivery that is expected."""

    reference: Reference
    due_at: Moment = Field(description="When it is expected; sent again, the new time holds.")


class Delivery(BaseModel):
    """A delivery; routine pulls wait while one is near."""

    reference: str
    due_at: datetime
    arrived_at: datetime | None = Field(description="When it had arrived and was unloaded; null: not yet.")


class DeliveryList(BaseModel):
    """Expected deliveries, and the ones that arrived last; at most 200."""

    items: list[Delivery]


class RehearsalBody(WatchSettingsBody):
    """Settings to try out, and on how many past days."""

    days: int = Field(default=1, ge=1, le=MAX_DAYS, description="The last finished business days.", examples=[1])


class RehearsedDays(BaseModel):
    """What would have come of the days with some settings."""

    pulls: int = Field(description="Pulls of the watch.", examples=[212])
    units: int = Field(description="Eaches brought to shelves.", examples=[2310])
    lost_units: int = Field(description="Eaches asked for that no shelf had.", examples=[61])
    availability: float = Field(description="Share of the eaches asked for that a shelf had.", examples=[0.991])
    work_min: int = Field(description="Minutes of work on pulls.", examples=[390])


class Rehearsal(BaseModel):
    """What would have happened on the store's last days, with the settings as they are and as they would be."""

    days: int = Field(description="Days played: those on which the store was open and sold.", examples=[1])
    asked_units: int = Field(description="Eaches that the tills recorded.", examples=[6790])
    present: RehearsedDays
    changed: RehearsedDays
