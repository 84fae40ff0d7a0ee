"""Server-sent events as text: facts with their cursor as id, and the few messages of the stream itself."""

import json
from dataclasses import dataclass

from pullsvc.db import Row
from pullsvc.feed.positions import Position
from pullsvc.feed.queries import position_after
from pullsvc.feed.views import event_view

RETRY_MS = 2_000
PING = b": ping\n\n"


@dataclass(frozen=True, slots=True)
class Fact:
    """An event ready to send: its text is made once, however many listeners get it."""

    kind: str
    position: Position
    frame: bytes


def fact_of(event: Row) -> Fact:
    """Return the fact that a row of `events` tells."""
    view = event_view(event)
    frame = f"id: {view.cursor}\ndata: {view.model_dump_json()}\n\n".encode()
    return Fact(kind=event.kind, position=position_after(event), frame=frame)


def retry() -> bytes:
    """Return the word on when to come back after the connection is lost."""
    return f"retry: {RETRY_MS}\n\n".encode()


def control(name: str, *, cursor: str | None = None) -> bytes:
    """Return a message of the stream itself; its cursor becomes the client's `Last-Event-ID`."""
    line = f"id: {cursor}\n" if cursor else ""
    data = json.dumps({"cursor": cursor} if cursor else {})
    return f"{line}event: {name}\ndata: {data}\n\n".encode()
