"""What a listener hears, as an open connection."""

import asyncio
from collections.abc import AsyncIterator

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from pullsvc.access.edge import Welcome
from pullsvc.feed.frames import PING, control, retry
from pullsvc.feed.hub import Heard, Hub, Listener

PING_S = 15.0
# A key or session may end while its stream is open: it is asked about as often as a ping is due, and now and then the
# client has to come back and show it again.
MAX_STREAM_S = 900.0


class EventStream(StreamingResponse):
    """An open stream of a listener; gives its place in the hub back however the connection ends."""

    media_type = "text/event-stream"

    def __init__(self, hub: Hub, listener: Listener, first: Heard, welcome: Welcome) -> None:
        # The header asks proxies not to hold events back.
        super().__init__(_messages(listener, first, welcome), headers={"x-accel-buffering": "no"})
        self._hub = hub
        self._listener = listener

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the client leaves or is not welcome any more, the stream is old or the service stops."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._hub.close(self._listener)


async def _messages(listener: Listener, first: Heard, welcome: Welcome) -> AsyncIterator[bytes]:
    time = asyncio.get_running_loop().time
    ends_at, ask_at = time() + MAX_STREAM_S, time() + PING_S
    yield retry() + _text(first)
    if not first.missed:
        # Only now: its id says that everything before has arrived.
        yield control("ready", cursor=first.position.cursor())
    while time() < ends_at:
        heard = await listener.next(timeout_s=PING_S)
        if listener.finished:
            break
        if time() >= ask_at:
            if not await welcome():
                break
            ask_at = time() + PING_S
        yield _text(heard) if heard else PING
    yield control("bye")


def _text(heard: Heard) -> bytes:
    """Return the messages of what was heard; who missed something is told to read the snapshot again."""
    if heard.missed:
        return control("resync", cursor=heard.position.cursor())
    return b"".join(fact.frame for fact in heard.facts)
