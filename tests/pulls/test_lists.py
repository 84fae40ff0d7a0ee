"""Lists, lead times and the sweep where a store has many pulls: bounded, and nothing is passed over."""

from datetime import timedelta
from typing import Any

import httpx

from pullsvc.access.rules import Role
from pullsvc.db import Database, sql
from pullsvc.pulls.lead_times import BELIEVED_FOR, LeadBook
from pullsvc.pulls.queries import MAX_WALKED, NEAR
from pullsvc.worker import expire_pulls
from tests.conftest import Statements
from tests.factories import NOON, all_rows, signed_in, stocked, store

SHELVES = sql("""
    INSERT INTO locations (store_id, location, kind, zone, walk_seq, updated_at)
    SELECT 1, 'S' || n, 'shelf', 'floor', n, :now FROM generate_series(1, CAST(:count AS integer)) n
""")
OPEN = sql("""
    INSERT INTO pulls (store_id, sku, shelf, zone, state, reason, urgency, ask_count, qty_wanted, opened_at, due_at)
    SELECT 1, :sku, 'S' || n, 'main', 'open', 'gap', 60, 1, 6, :now, :now
    FROM generate_series(1, CAST(:count AS integer)) n
""")
ENDED = sql("""
    INSERT INTO pulls (store_id, sku, shelf, zone, state, reason, urgency, ask_count, qty_wanted, qty_put, opened_at,
                       due_at, planned_at, filled_at, ended_at)
    SELECT 1, :sku, 'S1', 'main', :state, 'gap', 60, 1, 6, 6, ended_at - INTERVAL '30 minutes', ended_at,
           ended_at - INTERVAL '20 minutes', ended_at - INTERVAL '10 minutes', ended_at
    FROM (SELECT CAST(:now AS timestamptz) AS ended_at FROM generate_series(1, CAST(:count AS integer))) e
""")
ASKED = sql("""
    INSERT INTO asks (store_id, pull_id, principal_id, requester, reason, due_at, asked_at)
    SELECT 1, pull_id, :principal_id, 'ana', 'gap', :now, :now
    FROM (SELECT min(pull_id) AS pull_id FROM pulls) p, generate_series(1, CAST(:count AS integer))
""")


async def shop(db: Database, *, shelves: int = 1) -> None:
    """Milk in the backroom, eggs not; shelves S1, S2 and so on."""
    await store(db)
    await stocked(db, sku="milk", bins={"B1": 30})
    await stocked(db, sku="eggs", bins={"B1": 0})
    async with db.begin() as tx:
        await tx.run(SHELVES, count=shelves, now=NOON)


async def add(db: Database, what: Any, *, count: int, **facts: object) -> None:
    async with db.begin() as tx:
        await tx.run(what, count=count, now=NOON, **facts)


async def pages(client: httpx.AsyncClient, path: str) -> list[list[dict[str, Any]]]:
    """Every page of a list."""
    read: list[list[dict[str, Any]]] = []
    cursor: str | None = ""
    while cursor is not None:
        after = f"&cursor={cursor}" if cursor else ""
        answer = (await client.get(f"/v1/stores/1/{path}{after}")).json()
        read.append(answer["items"])
        cursor = answer["next_cursor"]
    return read


class TestListPulls:
    async def test_goes_on_where_a_page_has_looked_through_as_much_as_it_may(
        self, db: Database, client: httpx.AsyncClient
    ) -> None:
        await shop(db)
        await signed_in(db, client)
        await add(db, ENDED, count=2, sku="milk", state="cancelled")
        await add(db, ENDED, count=MAX_WALKED, sku="milk", state="closed")

        first, *others = await pages(client, "pulls?state=cancelled")

        assert first == []
        assert [pull["state"] for page in others for pull in page] == ["cancelled", "cancelled"]

    async def test_finds_old_live_pulls_behind_many_that_have_ended(
        self, db: Database, client: httpx.AsyncClient
    ) -> None:
        await shop(db, shelves=3)
        await signed_in(db, client)
        await add(db, OPEN, count=3, sku="milk")
        await add(db, ENDED, count=NEAR + 1, sku="milk", state="closed")

        (page,) = await pages(client, "pulls?live=true")

        assert [pull["shelf"] for pull in page] == ["S3", "S2", "S1"]

    async def test_pages_through_many_live_pulls_without_a_gap(self, db: Database, client: httpx.AsyncClient) -> None:
        await shop(db, shelves=120)
        await signed_in(db, client)
        await add(db, OPEN, count=120, sku="milk")

        read = await pages(client, "pulls?live=true")

        assert [len(page) for page in read] == [50, 50, 20]
        assert [pull["shelf"] for page in read for pull in page] == [f"S{n}" for n in range(120, 0, -1)]

    async def test_tells_ended_ones_apart(self, db: Database, client: httpx.AsyncClient) -> None:
        await shop(db)
        await signed_in(db, client)
        await add(db, OPEN, count=1, sku="milk")
        await add(db, ENDED, count=2, sku="eggs", state="closed")

        assert [pull["sku"] for (pull, *_) in await pages(client, "pulls?live=true&sku=milk")] == ["milk"]
        assert [pull["sku"] for pull in (await pages(client, "pulls?live=false"))[0]] == ["eggs", "eggs"]


class TestListAsks:
    async def test_finds_ones_own_behind_many_of_others(self, db: Database, client: httpx.AsyncClient) -> None:
        await shop(db)
        await signed_in(db, client, role=Role.ASSOCIATE, name="ana")
        (ana,) = await all_rows(db, "principals")
        await add(db, OPEN, count=1, sku="milk")
        await add(db, ASKED, count=1, principal_id=ana["principal_id"])
        await add(db, ASKED, count=MAX_WALKED, principal_id=None)

        first, second = await pages(client, "asks?mine=true")

        assert (first, len(second)) == ([], 1)


class TestLeadBook:
    async def test_measures_now_and_then(self, db: Database, statements: Statements) -> None:
        await shop(db)
        await add(db, ENDED, count=5, sku="milk", state="closed")
        book = LeadBook()
        measured = await book.of(db, store_id=1, now=NOON)
        await add(db, ENDED, count=5, sku="milk", state="closed")
        statements.clear()

        assert await book.of(db, store_id=1, now=NOON + BELIEVED_FOR / 2) is measured
        assert statements == []
        assert (measured.whole_s, measured.planned_s, measured.filled_s) == (1800, 1200, 600)
        assert (await book.of(db, store_id=1, now=NOON + BELIEVED_FOR)).samples == 10

    async def test_keeps_stores_apart(self, db: Database) -> None:
        await shop(db)
        await store(db, store_id=2)
        await add(db, ENDED, count=5, sku="milk", state="closed")
        book = LeadBook()

        assert (await book.of(db, store_id=1, now=NOON)).samples == 5
        assert (await book.of(db, store_id=2, now=NOON)).samples == 0


class TestExpireHopeless:
    async def test_looks_at_all_live_pulls_in_short_transactions(self, db: Database, statements: Statements) -> None:
        await shop(db, shelves=1_100)
        await add(db, OPEN, count=1_100, sku="milk")
        await add(db, OPEN, count=1, sku="eggs")
        statements.clear()

        await expire_pulls(db, store_id=1, now=NOON + timedelta(minutes=1))

        assert len([text for text in statements if "AS looked_at" in text]) == 3
        ended = [(row["sku"], row["state"]) for row in await all_rows(db, "pulls") if row["ended_at"]]
        assert ended == [("eggs", "unfillable")]

    async def test_ends_what_nobody_touched_for_a_day(self, db: Database) -> None:
        await shop(db, shelves=2)
        await add(db, OPEN, count=2, sku="milk")

        await expire_pulls(db, store_id=1, now=NOON + timedelta(hours=25))

        assert [(row["state"], row["end_reason"]) for row in await all_rows(db, "pulls")] == [
            ("expired", "too_old")
        ] * 2
