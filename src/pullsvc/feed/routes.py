"""The event feed and the live stream of a store."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import StringConstraints

from pullsvc.access.edge import Caller, StillWelcome, may
from pullsvc.access.rules import Perm
from pullsvc.errors import Kind, Rejection
from pullsvc.feed import queries
from pullsvc.feed.hub import Hub
from pullsvc.feed.positions import BEGINNING, position_of
from pullsvc.feed.stream import EventStream
from pullsvc.feed.views import AccessView, EventPage, event_view
from pullsvc.web.deps import Db
from pullsvc.web.pages import DEFAULT_PAGE_ROWS, MAX_CURSOR_CHARS, MAX_PAGE_ROWS, BadCursor, Page, Paging

MAX_KINDS = 20
ACCESS_LOG_DAYS = 31


class AccessPart(StrEnum):
    """What of the access log is wanted."""

    SIGN_INS = "sign-ins"
    WAITS = "waits"
    CHANGES = "changes"


KINDS_OF_PART = {
    AccessPart.SIGN_INS: ["session."],
    AccessPart.WAITS: ["lock_out."],
    AccessPart.CHANGES: ["person.", "device.", "key."],
}
assert set(KINDS_OF_PART) == set(AccessPart)

router = APIRouter(prefix="/v1/stores/{store_id}", tags=["feed"])

KindPrefix = Annotated[str, StringConstraints(pattern=r"^[a-z_]+(\.[a-z_]*)?$", max_length=60)]
Kinds = Annotated[
    list[KindPrefix] | None,
    Query(
        alias="kind",
        max_length=MAX_KINDS,
        description="Only events whose kind begins with one of these, as `pull.` or `tub.staged`.",
        examples=[["pull."]],
    ),
]
After = Annotated[
    str | None,
    Query(max_length=MAX_CURSOR_CHARS, description="Cursor of the last event read, or of a snapshot."),
]
STREAMED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": (
            "An open stream. Messages without a name are events (the same JSON as in the feed) with their cursor as "
            "`id`; `ready` follows what was missed since `Last-Event-ID`; `resync` says that too much was missed: read "
            "the snapshot again, the stream goes on by itself; `bye` ends it: connect again."
        ),
        "content": {
            "text/event-stream": {
                "schema": {"type": "string"},
                "example": (
                    'retry: 2000\n\nid: WzcxMiw0NzExXQ\ndata: {"event_id": 4711, "kind": "pull.opened", "subject": '
                    '"128", "data": {"sku": "0001", "qty": 12}, "principal_id": 7, "device_id": 3, "occurred_at": '
                    '"2026-03-14T12:00:00Z", "cursor": "WzcxMiw0NzExXQ"}\n\n'
                ),
            }
        },
    }
}


class CursorTooOld(Rejection):
    """Events behind the cursor were dropped after the days of retention: a reader that went on would miss them."""

    kind = Kind.INVALID
    code = "cursor-too-old"
    title = "The events behind this cursor are gone."


async def _hub(request: Request) -> Hub:
    hub: Hub = request.app.state.hub
    return hub


TheHub = Annotated[Hub, Depends(_hub)]


@router.get("/events")
async def list_events(
    request: Request,
    caller: Annotated[Caller, may(Perm.READ)],
    db: Db,
    after: After = None,
    kind: Kinds = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE_ROWS)] = DEFAULT_PAGE_ROWS,
) -> EventPage:
    """Read what happened in the store, oldest first, without ever missing an event.

    Keep `next_cursor` and give it as `after` the next time: that is all a reader has to remember.
    """
    position = position_of(after) if after else BEGINNING
    if after and position.day < (caller.now - timedelta(days=request.app.state.settings.retention_days)).date():
        raise CursorTooOld("Copy the present state from the lists, then begin again without `after`.")
    async with db.read() as tx:
        if await queries.is_from_elsewhere(tx, position):
            raise BadCursor("The cursor is of another database; begin again without it.")
        events = await queries.events(tx, store_id=caller.store_id, after=position, kinds=kind, limit=limit + 1)
        horizon = await queries.horizon(tx, now=caller.now)
    shown = [event_view(event) for event in events[:limit]]
    more = len(events) > limit
    end = horizon if horizon.is_behind(position) else position
    return EventPage(items=shown, next_cursor=shown[-1].cursor if more else end.cursor(), more=more)


@router.get("/access-log", response_model=Page[AccessView])
async def read_access_log(
    caller: Annotated[Caller, may(Perm.MANAGE)],
    db: Db,
    page: Paging,
    part: Annotated[AccessPart | None, Query(description="Only this part of it.")] = None,
) -> dict[str, Any]:
    """Read who signed in, who had to wait after wrong PINs, and who changed people, devices or keys; newest first.

    Goes back a month; the events of longer ago are in `/events`.
    """
    before_txid, before_event_id = page.key(int, int)
    async with db.read() as tx:
        rows = await tx.rows(
            queries.ACCESS_LOG,
            store_id=caller.store_id,
            kinds=[kind for one, kinds in KINDS_OF_PART.items() for kind in kinds if part in (None, one)],
            since_day=(caller.now - timedelta(days=ACCESS_LOG_DAYS)).date(),
            before_txid=None if before_txid is None else str(before_txid),
            before_event_id=before_event_id,
            limit=page.limit + 1,
        )
    return page.page(rows, lambda row: (row.txid, row.event_id), lambda row: row._asdict())


@router.get("/stream", response_class=Response, responses=STREAMED)
async def stream_events(
    caller: Annotated[Caller, may(Perm.READ)],
    hub: TheHub,
    welcome: StillWelcome,
    after: After = None,
    kind: Kinds = None,
    last_event_id: Annotated[
        str | None, Header(max_length=MAX_CURSOR_CHARS, description="Sent by EventSource when it comes back.")
    ] = None,
) -> Response:
    """Listen to what happens in the store, as server-sent events.

    The first time give the cursor of a snapshot as `after`; a browser resumes by itself with `Last-Event-ID`.
    """
    listener = hub.open(store_id=caller.store_id, kinds=kind or ())
    try:
        first = await hub.join(listener, after=last_event_id or after)
    except BaseException:
        hub.close(listener)
        raise
    return EventStream(hub, listener, first, welcome)
