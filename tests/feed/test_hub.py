"""The live hub: late, slow and too many listeners."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from pullsvc.clock import Clock
from pullsvc.db import Database, sql
from pullsvc.feed import hub as hub_module
from pullsvc.feed import queries
from pullsvc.feed.frames import Fact
from pullsvc.feed.hub import Heard, Hub, Listener, Stopping, TooManyStreams
from pullsvc.feed.positions import BEGINNING, Position
from pullsvc.outbox.actions import append
from tests.conftest import Ticking
from tests.factories import stamp, store
from tests.waiting import PATIENCE_S


@pytest.fixture
async def hub(db: Database, clock: Ticking) -> AsyncIterator[Hub]:
    held: Clock = clock  # type: ignore[assignment]  # stands still where the real one runs
    made = Hub(db=db, clock=held, max_streams=3)
    await store(db)
    await store(db, store_id=2)
    yield made
    await made.stop()


async def tell(db: Database, *subjects: str, store_id: int = 1, kind: str = "thing.done") -> None:
    for subject in subjects:
        async with db.begin() as tx:
            append(tx, stamp(store_id=store_id), kind, subject)


def subjects(heard: Heard) -> list[str]:
    return [fact.frame.decode().split('"subject":"')[1].split('"')[0] for fact in heard.facts]


async def hear(listener: Listener, count: int) -> list[str]:
    """Listen until that many facts came."""
    came: list[str] = []
    async with asyncio.timeout(PATIENCE_S):
        while len(came) < count:
            heard = await listener.next(timeout_s=PATIENCE_S)
            assert heard is not None
            assert not heard.missed
            came += subjects(heard)
    return came


async def join(
    hub: Hub, *, store_id: int = 1, after: str | None = None, kinds: Sequence[str] = ()
) -> tuple[Listener, Heard]:
    listener = hub.open(store_id=store_id, kinds=kinds)
    return listener, await hub.join(listener, after=after)


async def cursor_behind(db: Database, *, count: int) -> str:
    """Return the cursor of a snapshot that holds that many events."""
    while True:
        async with db.read() as tx:
            events = await queries.events(tx, store_id=1, after=BEGINNING, limit=9)
            horizon = await queries.horizon(tx, now=stamp().now)
        if len(events) == count:
            return horizon.cursor()
        await asyncio.sleep(0.01)


class TestListening:
    async def test_hears_what_happens_in_its_store_and_nothing_else(self, hub: Hub, db: Database) -> None:
        listener, _ = await join(hub)
        await tell(db, "theirs", store_id=2)
        await tell(db, "a", "b")

        assert await hear(listener, 2) == ["a", "b"]

    async def test_hears_only_the_kinds_it_wants(self, hub: Hub, db: Database) -> None:
        listener, _ = await join(hub, kinds=["pull."])
        await tell(db, "tub", kind="tub.staged")
        await tell(db, "pull", kind="pull.opened")

        assert await hear(listener, 1) == ["pull"]

    async def test_comes_back_to_exactly_what_it_missed(self, hub: Hub, db: Database) -> None:
        """Events before, between and after two connections: each is heard once, whoever was listening meanwhile."""
        other, _ = await join(hub)
        listener, _ = await join(hub)
        await tell(db, "a")
        async with asyncio.timeout(PATIENCE_S):
            heard = await listener.next(timeout_s=PATIENCE_S)
        assert heard is not None
        hub.close(listener)
        await tell(db, "b", "c")
        await hear(other, 3)
        again, first = await join(hub, after=heard.position.cursor())
        await tell(db, "d")

        assert subjects(first) == ["b", "c"]
        assert await hear(again, 1) == ["d"]

    async def test_a_cursor_ahead_of_the_hub_is_not_told_its_own_past(
        self, hub: Hub, db: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A snapshot read just now knows more than the hub, which looks only now and then."""
        monkeypatch.setattr(hub_module, "POLL_S", 0.5)
        await join(hub)
        await tell(db, "in the snapshot")
        async with asyncio.timeout(PATIENCE_S):
            cursor = await cursor_behind(db, count=1)
        listener, first = await join(hub, after=cursor)
        await tell(db, "later")

        assert (first.missed, subjects(first)) == (False, [])
        assert await hear(listener, 1) == ["later"]

    async def test_what_was_queued_while_the_cursor_was_looked_up_is_passed_over_too(self) -> None:
        listener = Listener(store_id=1, kinds=())
        facts = [Fact("a.b", Position(txid=n, event_id=n, day=stamp().now.date()), b"") for n in (1, 2, 3)]
        for fact in facts:
            listener.hear(fact)
        listener.pass_over(facts[1].position)
        heard = await listener.next(timeout_s=PATIENCE_S)

        assert heard is not None
        assert heard.facts == (facts[2],)

    @pytest.mark.parametrize("after", ["nonsense", Position(txid=2**62, event_id=1, day=stamp().now.date()).cursor()])
    async def test_an_unusable_cursor_means_reading_the_snapshot_again(self, hub: Hub, after: str) -> None:
        _, first = await join(hub, after=after)

        assert first.missed

    async def test_a_cursor_from_days_ago_means_reading_the_snapshot_again(
        self, hub: Hub, db: Database, clock: Ticking
    ) -> None:
        async with db.read() as tx:
            old = await queries.horizon(tx, now=clock.now())
        clock.pass_(days=3)
        _, first = await join(hub, after=old.cursor())

        assert first.missed

    async def test_too_much_missed_means_reading_the_snapshot_again(
        self, hub: Hub, db: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(hub_module, "MAX_BACKFILL_EVENTS", 2)
        listener, first = await join(hub)
        await tell(db, "a", "b", "c")
        await hear(listener, 3)
        _, again = await join(hub, after=first.position.cursor())

        assert again.missed

    async def test_a_slow_listener_is_told_to_read_again_and_then_hears_what_follows(
        self, hub: Hub, db: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its queue is bounded; the fast one beside it misses nothing."""
        monkeypatch.setattr(hub_module, "MAX_QUEUED_EVENTS", 3)
        slow, _ = await join(hub)
        fast, _ = await join(hub)
        for n in range(6):
            await tell(db, str(n))
            assert await hear(fast, 1) == [str(n)]
        async with asyncio.timeout(PATIENCE_S):
            missed = await slow.next(timeout_s=PATIENCE_S)
        await tell(db, "after")

        assert missed is not None
        assert missed.missed
        assert await hear(slow, 1) == ["after"]

    async def test_goes_on_after_the_database_was_gone_for_a_moment(
        self, hub: Hub, db: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(hub_module, "RETRY_S", 0.05)
        listener, _ = await join(hub)
        await db.close()
        async with db.begin() as tx:
            await tx.rows(KILL_OTHERS)
        await tell(db, "a")

        assert await hear(listener, 1) == ["a"]


KILL_OTHERS = sql("""
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
""")


class TestPlaces:
    async def test_no_more_listeners_than_allowed(self, hub: Hub) -> None:
        for _ in range(3):
            await join(hub)
        with pytest.raises(TooManyStreams):
            hub.open(store_id=1)

    async def test_a_place_given_back_is_free(self, hub: Hub) -> None:
        listeners = [(await join(hub))[0] for _ in range(3)]
        hub.close(listeners[0])
        again, _ = await join(hub)

        assert again not in listeners

    async def test_the_stop_wakes_all_and_takes_no_new_ones(self, hub: Hub) -> None:
        listener, _ = await join(hub)
        waiting = asyncio.create_task(listener.next(timeout_s=PATIENCE_S))
        await hub.stop()

        assert await asyncio.wait_for(waiting, 2) is None
        assert listener.finished
        with pytest.raises(Stopping):
            hub.open(store_id=1)

    async def test_asks_the_database_only_while_somebody_listens(self, hub: Hub, statements: list[str]) -> None:
        listener, _ = await join(hub)
        hub.close(listener)
        assert hub._reader is not None
        async with asyncio.timeout(PATIENCE_S):
            await hub._reader
        asked = len(statements)
        await asyncio.sleep(3 * hub_module.POLL_S)

        assert len(statements) == asked
