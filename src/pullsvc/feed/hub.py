"""The live hub: one reader per process asks the database, every listener of the process is served from it.

However many boards are open, the database sees one small query every POLL_S, and only while somebody listens.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from pullsvc.clock import Clock
from pullsvc.db import Database
from pullsvc.errors import Busy, Kind, Rejection
from pullsvc.feed import queries
from pullsvc.feed.frames import Fact, fact_of
from pullsvc.feed.positions import Position, position_of
from pullsvc.web import metrics
from pullsvc.web.pages import BadCursor

log = structlog.get_logger("pullsvc.feed")

POLL_S = 0.1
# Each look that found something is a write to every board: many boards are told less often, so that 500 of them take
# a fifth of a core at 100 events a second, and hear of each within 300 ms (docs/performance.md).
CROWD_LISTENERS, CROWD_POLL_S = 100, 0.25
RETRY_S = 1.0
JOIN_TIMEOUT_S = 5.0
MAX_QUEUED_EVENTS = 1_000
MAX_BACKFILL_EVENTS = 1_000
MAX_BACKFILL_AGE = timedelta(days=1)
MAX_POLLED_EVENTS = 5_000


class TooManyStreams(Rejection):
    """This process serves as many live streams as it was allowed to."""

    kind = Kind.BUSY
    code = "too-many-streams"
    title = "Too many live streams are open."


class Stopping(Rejection):
    """The service is stopping; another process, or the next one, will answer."""

    kind = Kind.BUSY
    code = "stopping"
    title = "The service is stopping."


@dataclass(frozen=True, slots=True)
class Heard:
    """What a listener gets: some facts in order, or the news that it missed some.

    Attributes:
        facts: In reading order; empty when nothing happened, or when some were missed.
        position: Where the listener stands after them.
        missed: It fell behind or came back too late: it has to read a snapshot again, then go on from `position`.
    """

    facts: Sequence[Fact]
    position: Position
    missed: bool = False


class Listener:
    """One stream's place in the hub: a bounded queue, and the moment it joined."""

    def __init__(self, *, store_id: int, kinds: Sequence[str]) -> None:
        self.store_id = store_id
        self.kinds = tuple(kinds)
        self.joined: asyncio.Future[Position | None] = asyncio.get_running_loop().create_future()
        self.finished = False
        self._queue: deque[Fact] = deque()
        self._missed_until: Position | None = None
        self._passed: Position | None = None
        self._wake = asyncio.Event()

    def pass_over(self, position: Position) -> None:
        """Leave out facts up to `position`, also those queued since it joined: the listener has them already."""
        self._passed = position
        self._queue = deque(fact for fact in self._queue if fact.position.is_behind(position))
        if not self._queue and not self._missed_until and not self.finished:
            self._wake.clear()

    def hear(self, fact: Fact) -> None:
        """Queue a fact; when the queue is full, drop it all and remember that some were missed."""
        if self.kinds and not fact.kind.startswith(self.kinds):
            return
        if self._passed and not fact.position.is_behind(self._passed):
            return
        if self._missed_until or len(self._queue) >= MAX_QUEUED_EVENTS:
            self._queue.clear()
            self._missed_until = fact.position
        else:
            self._queue.append(fact)
        self._wake.set()

    def finish(self) -> None:
        """Tell the listener that the service is stopping."""
        self.finished = True
        self._wake.set()
        if not self.joined.done():
            self.joined.set_result(None)

    async def next(self, *, timeout_s: float) -> Heard | None:
        """Return what was heard since the last call; None when nothing was for that long, or on the stop."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._wake.wait()
        except TimeoutError:
            return None
        if self.finished:
            return None
        self._wake.clear()
        if self._missed_until:
            missed, self._missed_until = self._missed_until, None
            return Heard((), missed, missed=True)
        facts = tuple(self._queue)
        self._queue.clear()
        return Heard(facts, facts[-1].position) if facts else None


class Hub:
    """All live listeners of this process, and the one task that reads for them."""

    def __init__(self, *, db: Database, clock: Clock, max_streams: int) -> None:
        self._db = db
        self._clock = clock
        self._max_streams = max_streams
        self._joining: set[Listener] = set()
        self._listeners: set[Listener] = set()
        self._reader: asyncio.Task[None] | None = None
        self._stopping = False

    def open(self, *, store_id: int, kinds: Sequence[str] = ()) -> Listener:
        """Add a listener to a store; it must be given back to `close`.

        Raises:
            TooManyStreams: no place is left.
            Stopping: the service is stopping.
        """
        if self._stopping:
            raise Stopping("Connect again in a moment.")
        if len(self._joining) + len(self._listeners) >= self._max_streams:
            raise TooManyStreams("Close one, or read the snapshot now and then instead.", limit=self._max_streams)
        listener = Listener(store_id=store_id, kinds=kinds)
        self._joining.add(listener)
        metrics.STREAMS.inc()
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read())
        return listener

    def close(self, listener: Listener) -> None:
        """Forget the listener; the reader ends with the last one."""
        if listener in self._joining or listener in self._listeners:
            metrics.STREAMS.dec()
        self._joining.discard(listener)
        self._listeners.discard(listener)

    async def join(self, listener: Listener, *, after: str | None) -> Heard:
        """Return what the listener is to be told first; all later events come by `Listener.next`.

        Args:
            listener: Just opened.
            after: Cursor of the last event that it has, None: only what happens from now on.

        Raises:
            Stopping: the service is stopping.
            Busy: the database does not answer.
        """
        try:
            async with asyncio.timeout(JOIN_TIMEOUT_S):
                joined_at = await asyncio.shield(listener.joined)
        except TimeoutError:
            raise Busy("The feed cannot be read now; connect again in a moment.") from None
        if joined_at is None:
            raise Stopping("Connect again in a moment.")
        if after is None:
            return Heard((), joined_at)
        return await self._backfill(listener, after=after, until=joined_at)

    async def stop(self) -> None:
        """End all streams and take no new ones."""
        self._stopping = True
        for listener in self._joining | self._listeners:
            listener.finish()
        if self._reader:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)

    async def _backfill(self, listener: Listener, *, after: str, until: Position) -> Heard:
        """Return the events between a listener's last one and its joining, unless they are too many or too old."""
        missed = Heard((), until, missed=True)
        try:
            position = position_of(after)
        except BadCursor:
            return missed
        if position.day < (self._clock.now() - MAX_BACKFILL_AGE).date():
            return missed
        async with self._db.read() as tx:
            if await queries.is_from_elsewhere(tx, position):
                return missed
            events = await queries.events(
                tx,
                store_id=listener.store_id,
                after=position,
                until=until,
                kinds=listener.kinds,
                limit=MAX_BACKFILL_EVENTS + 1,
            )
        if len(events) > MAX_BACKFILL_EVENTS:
            return missed
        # The cursor may be newer than the hub, which looks only now and then.
        listener.pass_over(position)
        return Heard([fact_of(event) for event in events], until if until.is_behind(position) else position)

    async def _read(self) -> None:
        """Read for all listeners until none is left."""
        position: Position | None = None
        while self._joining or self._listeners:
            try:
                if position is None:
                    async with self._db.read() as tx:
                        position = await queries.horizon(tx, now=self._clock.now())
                self._admit(position)
                position, drained = await self._poll(position)
            except Exception as failure:
                log.warning("the feed cannot be read", exc_info=failure)
                await asyncio.sleep(RETRY_S)
                continue
            if drained:
                await asyncio.sleep(POLL_S if len(self._listeners) <= CROWD_LISTENERS else CROWD_POLL_S)

    def _admit(self, position: Position) -> None:
        """Let those who wait in from `position` on: exactly what the reader reads next."""
        for listener in self._joining:
            if not listener.joined.done():
                listener.joined.set_result(position)
            self._listeners.add(listener)
        self._joining.clear()

    async def _poll(self, position: Position) -> tuple[Position, bool]:
        """Hand out what happened since `position`; return the next position, and whether nothing was left."""
        by_store: dict[int, list[Listener]] = {}
        for listener in self._listeners:
            by_store.setdefault(listener.store_id, []).append(listener)
        async with self._db.read() as tx:
            horizon = await queries.horizon(tx, now=self._clock.now())
            events = await queries.events_of_stores(
                tx, store_ids=list(by_store), after=position, limit=MAX_POLLED_EVENTS
            )
        for event in events:
            fact = fact_of(event)
            for listener in by_store[event.store_id]:
                listener.hear(fact)
        if len(events) == MAX_POLLED_EVENTS:
            return queries.position_after(events[-1]), False
        return horizon, True
