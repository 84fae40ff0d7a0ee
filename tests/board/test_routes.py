"""The board tells of everything that goes on, at one moment."""

from datetime import timedelta

import httpx

from pullsvc.board.queries import MAX_PULLS, MAX_ZONE_PULLS
from pullsvc.db import Database, sql
from pullsvc.stock import actions as stock
from tests.conftest import Ticking
from tests.factories import NOON, Floor, all_rows, floor, stamp, stocked

MANY_PULLS = sql("""
    WITH shelves AS (
        INSERT INTO locations (store_id, location, kind, zone, walk_seq, updated_at)
        SELECT 1, 'S' || n, 'shelf', 'floor', n, :now FROM generate_series(1, CAST(:count AS integer)) n
        RETURNING location
    )
    INSERT INTO pulls (store_id, sku, shelf, zone, state, reason, urgency, ask_count, qty_wanted, opened_at, due_at)
    SELECT 1, 'milk', location, 'main', 'open', 'gap', 60, 1, 6, :now, :now FROM shelves
""")


async def watched(db: Database, sku: str, *, rate: float, trigger: int) -> None:
    async with db.begin() as tx:
        await tx.run(
            sql("""INSERT INTO watched
                       (store_id, sku, shelf, rate_per_h, lead_s, trigger_qty, next_check_at, evaluated_at, empty_at)
                   VALUES (1, :sku, 'SH-' || :sku, :rate, 1800, :trigger, :now, :now, :now)"""),
            sku=sku, rate=rate, trigger=trigger, now=NOON,
        )  # fmt: skip


async def busy_floor(db: Database, client: httpx.AsyncClient) -> Floor:
    """Milk in a staged tub, eggs just asked for, bread at risk and soap well stocked."""
    shop = await floor(db, client)
    await stocked(db, sku="milk", bins={"B1": 30}, capacity=12)
    await stocked(db, sku="eggs", bins={"B2": 30}, capacity=12)
    await stocked(db, sku="bread", bins={"B3": 30}, capacity=12, on_shelf=2)
    await stocked(db, sku="soap", bins={"B4": 30}, capacity=12, on_shelf=12)
    await watched(db, "bread", rate=6.0, trigger=5)
    await watched(db, "soap", rate=6.0, trigger=5)
    await shop.ask("milk")
    task = await shop.claim(tub="TUB-1")
    await shop.do(task, "picks", code="milk", qty=10)
    await shop.do(task, "shorts", line_no=1, reason="unreachable")
    await shop.do(task, "staging", lane="LANE-1")
    await shop.ask("eggs", reason="customer_waiting", note="the brown ones")
    return shop


class TestGetBoard:
    async def test_tells_of_shelves_pulls_tubs_lanes_and_shorts(
        self, db: Database, client: httpx.AsyncClient, clock: Ticking
    ) -> None:
        shop = await busy_floor(db, client)
        clock.pass_(minutes=20)

        board = await shop.get("board")

        assert [(x["sku"], x["minutes_to_empty"], x["pull_id"]) for x in board["at_risk"]] == [("bread", 20.0, None)]
        eggs, milk = board["pulls"]
        assert (eggs["sku"], eggs["requesters"], eggs["note"], eggs["urgency"]) == (
            "eggs", ["ana"], "the brown ones", 90,
        )  # fmt: skip
        assert (milk["state"], milk["qty_filled"]) == ("open", 10)  # Two were out of reach and are still wanted.
        assert [(t["worker"], t["state"], t["progress"]["shorts"]) for t in board["tasks"]] == [("ben", "staged", 1)]
        assert [tub["tub"] for tub in board["lanes"][0]["tubs"]] == ["TUB-1"]
        assert [(s["sku"], s["qty"], s["short_reason"]) for s in board["shorts"]] == [("milk", 2, "unreachable")]
        assert {z["overdue"] for z in board["zones"]} == {1}  # The customer has been waiting for twenty minutes.
        assert (board["today"]["asks"], board["today"]["shorts"], board["open"]) == (2, 1, True)

    async def test_counts_only_the_business_day(self, db: Database, client: httpx.AsyncClient, clock: Ticking) -> None:
        shop = await busy_floor(db, client)
        clock.at = NOON + timedelta(days=1)

        board = await shop.get("board")

        assert (board["today"]["asks"], board["shorts"]) == (0, [])
        assert board["pulls"]  # What is not done is still to do.

    async def test_its_cursor_lets_the_feed_go_on_without_a_gap(self, db: Database, client: httpx.AsyncClient) -> None:
        shop = await busy_floor(db, client)
        board = await shop.get("board")
        await shop.ask("soap", seen_qty=3)

        later = (await shop.get(f"events?after={board['cursor']}"))["items"]

        assert "pull.opened" in {event["kind"] for event in later}
        assert len(later) < len(await all_rows(db, "events"))

    async def test_reads_few_statements_however_much_goes_on(
        self, db: Database, client: httpx.AsyncClient, statements: list[str]
    ) -> None:
        shop = await busy_floor(db, client)
        statements.clear()

        await shop.get("board")

        assert len([s for s in statements if "api_keys" not in s]) == 10

    async def test_says_which_parts_it_cut(self, db: Database, client: httpx.AsyncClient) -> None:
        shop = await busy_floor(db, client)
        assert (await shop.get("board"))["cut"] == []
        async with db.begin() as tx:
            await tx.run(MANY_PULLS, count=MAX_ZONE_PULLS + 1, now=NOON)

        board = await shop.get("board")

        assert (board["cut"], len(board["pulls"])) == (["pulls", "zones"], MAX_PULLS)
        assert board["today"]["pulls_opened"] == MAX_ZONE_PULLS + 3

    async def test_shows_a_shelf_that_a_sale_has_just_brought_to_its_trigger(
        self, db: Database, client: httpx.AsyncClient
    ) -> None:
        """Soap was well stocked when the watch looked last; the movement flags it."""
        shop = await busy_floor(db, client)
        async with db.begin() as tx:
            await tx.run(sql("UPDATE watched SET empty_at = NULL WHERE sku = 'soap'"))
            await tx.run(sql("UPDATE balances SET trigger_qty = 5 WHERE sku = 'soap' AND location = 'SH-soap'"))
            await stock.adjust(tx, stamp(), sku="soap", change=-10, location="SH-soap", reason="broken", damaged=True)

        board = await shop.get("board")

        assert {risk["sku"]: risk["on_hand"] for risk in board["at_risk"]} == {"soap": 2, "bread": 2}

    async def test_shows_pulls_that_are_on_their_way_and_those_that_are_nowhere(
        self, db: Database, client: httpx.AsyncClient
    ) -> None:
        shop = await floor(db, client)
        for sku in ("milk", "eggs"):
            await stocked(db, sku=sku, bins={"B1": 30}, capacity=12)
            await shop.ask(sku)
        task = await shop.claim(tub="TUB-1", max_lines=1)
        async with db.begin() as tx:
            await tx.run(sql("UPDATE pulls SET zone = 'unknown' WHERE state = 'open'"))

        board = await shop.get("board")

        assert {pull["sku"]: pull["state"] for pull in board["pulls"]} == {
            "milk": "planned" if task["lines"][0]["sku"] == "milk" else "open",
            "eggs": "planned" if task["lines"][0]["sku"] == "eggs" else "open",
        }
        assert sum(zone["pulls"] for zone in board["zones"]) == 2


class TestWhatALeadActsOn:
    async def test_a_task_is_given_back_with_the_fence_that_the_board_shows(
        self, db: Database, client: httpx.AsyncClient
    ) -> None:
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 30}, capacity=12)
        await shop.ask("milk")
        await shop.claim(tub="TUB-1")
        (task,) = (await shop.get("board"))["tasks"]

        answer = await shop.post(f"tasks/{task['task_id']}/release", {"fence": task["fence"]}, by="lea")

        assert (answer.status_code, answer.json()["state"]) == (201, "released")

    async def test_a_discrepancy_names_its_item(self, db: Database, client: httpx.AsyncClient) -> None:
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 30}, capacity=12)
        await shop.post("counts", {"code": "milk", "location": "B1", "counted_qty": 27}, by="lea")

        (found,) = (await shop.get("board"))["discrepancies"]

        assert (found["kind"], found["description"], found["qty"]) == ("variance", "Thing milk", -3)

    async def test_waiting_work_is_told_in_seconds(self, db: Database, client: httpx.AsyncClient) -> None:
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 30}, capacity=12)
        await shop.ask("milk")

        (zone,) = (await shop.get("board"))["zones"]

        assert (zone["qty"], zone["work_s"]) == (12, 60 + 12 * 2.5)


class TestGetBoardDay:
    async def test_tells_what_came_and_went_by_the_half_hour(
        self, db: Database, client: httpx.AsyncClient, clock: Ticking
    ) -> None:
        """Milk is asked for at noon, claimed at 12:10, and on the shelf at 12:40; the day began at five."""
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 30}, capacity=12)
        await shop.ask("milk")
        clock.pass_(minutes=10)
        task = await shop.claim(tub="TUB-1")
        await shop.do(task, "picks", code="milk", qty=12)
        await shop.do(task, "staging", lane="LANE-1")
        clock.pass_(minutes=30)
        await shop.post(f"tasks/{task['task_id']}/delivery", by="ana")
        fence = (await shop.get(f"tasks/{task['task_id']}"))["fence"]
        await shop.post(f"tasks/{task['task_id']}/puts", {"fence": fence, "all_put": True}, by="ana")
        clock.pass_(minutes=5)

        day = await shop.get("board/day")

        assert (day["bucket_s"], day["starts_at"], len(day["opened"])) == (1800, "2026-03-14T05:00:00Z", 16)
        assert (day["opened"][14:], day["arrived"][14:]) == ([1, 0], [0, 1])
        assert day["time_to_shelf_s"][14:] == [None, 40 * 60]
        assert day["asked_s"][14:] == [90.0, 0.0]
        assert day["staffed_s"][13:] == [0.0, 1800.0, 900.0]
        assert [span["starts_at"] for span in day["open"]] == ["2026-03-14T06:00:00Z"]

    async def test_takes_a_handful_of_statements(
        self, db: Database, client: httpx.AsyncClient, statements: list[str]
    ) -> None:
        shop = await floor(db, client)
        statements.clear()

        await shop.get("board/day")

        assert len([s for s in statements if "api_keys" not in s]) == 2

    async def test_a_day_that_has_just_begun_is_empty(
        self, db: Database, client: httpx.AsyncClient, clock: Ticking
    ) -> None:
        shop = await floor(db, client)
        clock.at = NOON.replace(hour=5)

        assert (await shop.get("board/day"))["opened"] == []
