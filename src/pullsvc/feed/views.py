"""What the feed shows of an event."""

from typing import Any

from pydantic import AwareDatetime, BaseModel, Field

from pullsvc.db import Row
from pullsvc.feed.queries import position_after


class EventView(BaseModel):
    """A fact: something happened, and cannot be changed any more."""

    event_id: int = Field(
        description="Unique in the store: by it a reader recognises what it has had.", examples=[4711]
    )
    kind: str = Field(description="What happened, `<thing>.<past tense>`.", examples=["pull.opened"])
    subject: str = Field(description="What it happened to: an id or a code.", examples=["128"])
    data: dict[str, Any] = Field(description="Ids and quantities of the fact.", examples=[{"sku": "0001", "qty": 12}])
    principal_id: int | None = Field(description="Who did it; null: the service itself.", examples=[7])
    device_id: int | None = Field(description="The enrolled device it was done on; null: none.", examples=[3])
    occurred_at: AwareDatetime = Field(description="When it happened; earlier than others before it, if told late.")
    cursor: str = Field(description="Give it as `after` to read on behind this event.", examples=["WzcxMiw0NzExXQ"])


class EventPage(BaseModel):
    """Events in reading order."""

    items: list[EventView]
    next_cursor: str = Field(
        description="Where to read on, now or later: always there, also when nothing is left.",
        examples=["WzcxMiw0NzExLCIyMDI2LTAzLTE0Il0"],
    )
    more: bool = Field(description="Whether there is more to read at once.", examples=[False])


class AccessView(BaseModel):
    """Who came in, who was kept out, and who changed who may."""

    event_id: int
    kind: str = Field(description="What happened.", examples=["lock_out.lifted"])
    subject: str = Field(description="The id of whom or what it happened to; `unknown`: a badge that nobody has.")
    subject_name: str | None = Field(description="Name of the person or device that it happened to.", examples=["Ben"])
    principal_id: int | None = Field(description="Who did it; null: nobody who was signed in.")
    principal: str | None = Field(description="Their name.", examples=["Lea"])
    device_id: int | None = Field(description="The enrolled device it was done on; null: none.")
    device: str | None = Field(description="Its name.", examples=["Handheld 3"])
    data: dict[str, Any] = Field(description="More of the fact; `of` says whether a wait is a badge's or a device's.")
    occurred_at: AwareDatetime


def event_view(event: Row) -> EventView:
    """Return what is shown of a row of `events`."""
    return EventView(
        event_id=event.event_id,
        kind=event.kind,
        subject=event.subject,
        data=event.data,
        principal_id=event.principal_id,
        device_id=event.device_id,
        occurred_at=event.occurred_at,
        cursor=position_after(event).cursor(),
    )
