"""What the watch takes and gives over HTTP."""

from datetime import datetime

from pydantic import BaseModel, Field

from pullsvc.restock.rules import DEFAULT_LEAD_S, DEFAULT_SAFETY, MAX_SAFETY, Settings, Verdict
from pullsvc.web.bodies import Body

MIN_LEAD_DEFAULT_S, MAX_LEAD_DEFAULT_S = 60, 86_400


class WatchSettingsBody(Body):
    """How a store wants its watch."""

    enabled: bool = Field(description="False: no automatic pulls; people's asks go on.", examples=[True])
    safety: float = Field(
        default=DEFAULT_SAFETY,
        ge=0,
        le=MAX_SAFETY,
        allow_inf_nan=False,
        description="Standard deviations of demand to keep on the shelf beyond what is expected to be sold until a "
        "pull arrives. 0: every second shelf runs empty first; 1.65: one in twenty; 2.33: one in a hundred.",
        examples=[1.65],
    )
    lead_default_s: int = Field(
        default=DEFAULT_LEAD_S,
        ge=MIN_LEAD_DEFAULT_S,
        le=MAX_LEAD_DEFAULT_S,
        description="Seconds from a pull to the shelf, until the store has measured its own.",
        examples=[2700],
    )

    def settings(self) -> Settings:
        """Return the settings as the rule takes them."""
        return Settings(enabled=self.enabled, safety=self.safety, lead_default_s=self.lead_default_s)


class WatchSettings(BaseModel):
    """How a store wants its watch."""

    enabled: bool
    safety: float = Field(examples=[1.65])
    lead_default_s: int = Field(examples=[2700])
    version: int
    updated_at: datetime | None = Field(description="Null: nobody has changed the defaults yet.")


class WatchedShelf(BaseModel):
    """What the watch thinks of an item at one of its shelves, now."""

    shelf: str = Field(examples=["A07-3"])
    rate_per_h: float = Field(description="Units sold an open hour.", examples=[6.2])
    evidence_h: float = Field(description="Hours of evidence behind the rate: the more, the surer.", examples=[11.0])
    on_hand: int = Field(examples=[3])
    oversold: int = Field(description="Units sold beyond the book.", examples=[0])
    in_flight: int = Field(description="Wanted by the live pull and not on the shelf yet.", examples=[0])
    backroom: int = Field(description="In the backroom and not spoken for.", examples=[24])
    capacity: int = Field(examples=[18])
    trigger_qty: int = Field(description="At or below this stock it is pulled.", examples=[8])
    lasts_s: int | None = Field(description="Open seconds until it is empty; null: nothing sells.", examples=[1742])
    verdict: Verdict = Field(description="What the watch would do now.", examples=["pull"])
    qty: int = Field(description="Eaches it would pull now.", examples=[12])
    urgency: int = Field(description="30..85: what a pull for this shelf is worth now.", examples=[63])
    pull_id: int | None = Field(description="The live pull.", examples=[None])
    sentence: str = Field(examples=["Sells 6.2 an hour, 3 on the shelf, lasts 29 min; a pull takes 41 min."])
    evaluated_at: datetime | None = Field(description="When the watch last looked at it; null: never yet.")
    next_check_at: datetime | None = Field(description="When it looks again, if no sale leads to that before.")


class WatchedItem(BaseModel):
    """What the watch thinks of an item, now."""

    sku: str = Field(examples=["1082185"])
    watching: bool = Field(description="Automatic pulls are opened at this hour; if not: closed, or switched off.")
    lead_s: int = Field(description="Seconds from a pull to the shelf; four of five are faster.", examples=[2460])
    shelves: list[WatchedShelf] = Field(description="Its shelves, the home first; none: it has no place on the floor.")
