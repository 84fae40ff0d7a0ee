"""What rides along: offers that a claim with room makes pulls of, once, and never where a pull is live."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from pullsvc.audit import audit
from pullsvc.db import Database, sql
from pullsvc.errors import Rejection
from pullsvc.pulls import asking
from pullsvc.pulls.judging import Ask
from pullsvc.pulls.offers import GOOD_FOR
from pullsvc.pulls.queries import lead_times
from pullsvc.pulls.rules import Reason
from pullsvc.stock import actions as stock
from pullsvc.tubs.claiming import Claim, Crowded, Handed, claim_all
from pullsvc.tubs.rules import NoSuchTub
from tests.claims import offer, open_pull, signed_by, wanted, workers
from tests.conftest import Ticking
from tests.factories import NOON, all_rows, floor, location, placement, stamp, stocked, store
from tests.waiting import until

Stops = list[tuple[str, str, int]]


async def claim(db: Database, *claims: Claim) -> list[Handed | Rejection | None]:
    async with db.begin() as tx:
        return await claim_all(tx, claims)


def stops(answer: Handed | Rejection | None) -> Stops:
    assert isinstance(answer, Handed), answer
    return [(x["sku"], x["from_location"], x["qty_planned"]) for x in answer.lines]


def skus(answer: Handed | Rejection | None) -> set[str]:
    return {sku for sku, _, _ in stops(answer)}


async def milk_and_riders(db: Database, *riders: str, hands: int = 2) -> None:
    """A pull for six milk, and offers; each in a bin of its own, the shelves of what rides hold 10 of 24."""
    await store(db)
    await workers(db, range(1, hands + 1))
    await stocked(db, sku="milk", bins={"B-milk": 30})
    await open_pull(db, "milk")
    for sku in riders:
        await stocked(db, sku=sku, bins={f"B-{sku}": 60}, on_shelf=10)
        await offer(db, sku)


async def pull_in(db: Database, zone: str) -> None:
    """A pull in a zone of its own; it has the zone's name."""
    await location(db, code=f"B-{zone}", zone=zone)
    await stocked(db, sku=zone, bins={f"B-{zone}": 30})
    await open_pull(db, zone, zone=zone)


async def waiters(db: Database) -> bool:
    async with db.read() as tx:
        row = await tx.one(
            sql("""SELECT count(*) AS n FROM pg_stat_activity
                   WHERE datname = current_database() AND wait_event_type = 'Lock'""")
        )
    return bool(row.n)


def ask_for(sku: str, *, reason: Reason = Reason.OTHER, **more: Any) -> Ask:
    return Ask(sku=sku, shelf=f"SH-{sku}", reason=reason, requester="Ana", **more)


class TestRide:
    async def test_takes_the_room_that_is_left_and_fills_the_shelf(self, db: Database) -> None:
        await milk_and_riders(db, "eggs", "soap")

        (task,) = await claim(db, wanted(signed_by(1), lines=10))

        assert stops(task) == [("eggs", "B-eggs", 14), ("milk", "B-milk", 6), ("soap", "B-soap", 14)]
        eggs = (await all_rows(db, "pulls", sku="eggs"))[0]
        assert (eggs["state"], eggs["reason"], eggs["rode_along"]) == ("planned", "watch", True)
        assert (eggs["qty_wanted"], eggs["qty_planned"], eggs["ask_count"]) == (14, 14, 1)
        assert [(a["requester"], a["reason"]) for a in await all_rows(db, "asks", pull_id=eggs["pull_id"])] == [
            ("watch", "watch")
        ]
        assert await all_rows(db, "offers") == []
        told = [(e["kind"], e["data"]["sku"]) for e in await all_rows(db, "events") if e["kind"] == "pull.opened"]
        assert sorted(told) == [("pull.opened", "eggs"), ("pull.opened", "soap")]
        assert (await audit(db)).holds

    async def test_ends_with_what_the_tub_has_room_for(self, db: Database) -> None:
        """Eight half litres: six of milk that are wanted, and two eggs; the other twelve are nobody's wish."""
        await milk_and_riders(db, "eggs")

        (task,) = await claim(db, wanted(signed_by(1), lines=10, volume_ml=4_000))

        assert stops(task) == [("eggs", "B-eggs", 2), ("milk", "B-milk", 6)]
        (eggs,) = await all_rows(db, "pulls", sku="eggs")
        assert (eggs["state"], eggs["qty_wanted"], eggs["qty_planned"]) == ("planned", 2, 2)

    async def test_costs_no_statement_more(
        self, db: Database, client: httpx.AsyncClient, statements: list[str]
    ) -> None:
        shop = await floor(db, client)
        await milk_and_riders(db, "eggs", "soap", hands=0)
        statements.clear()

        task = await shop.claim(tub="TUB-1")

        assert len(task["lines"]) == 3
        assert len([s for s in statements if "api_keys" not in s]) == 5, statements

    async def test_goes_only_where_a_tub_goes_anyway(self, db: Database) -> None:
        await milk_and_riders(db, "eggs")
        assert stops((await claim(db, wanted(signed_by(1), lines=1)))[0]) == [("milk", "B-milk", 6)]

        assert await claim(db, wanted(signed_by(2), lines=10)) == [None]
        assert len(await all_rows(db, "offers")) == 1

    async def test_goes_with_nobody_for_whom_a_customer_waits(self, db: Database) -> None:
        await milk_and_riders(db, "eggs")
        await stocked(db, sku="jam", bins={"B-jam": 5})
        await open_pull(db, "jam", urgency=90)

        (task,) = await claim(db, wanted(signed_by(1), lines=10))

        assert skus(task) == {"jam", "milk"}

    async def test_is_shared_among_the_claims_of_a_batch(self, db: Database) -> None:
        await milk_and_riders(db, "s1", "s2", "s3")
        await pull_in(db, "cold")

        first, second = await claim(
            db, wanted(signed_by(1), lines=3, zones=["main"]), wanted(signed_by(2), lines=3, zones=["cold", "main"])
        )

        assert (skus(first), skus(second)) == ({"milk", "s1", "s2"}, {"cold", "s3"})
        assert (await audit(db)).holds

    async def test_takes_no_units_that_another_pull_wants(self, db: Database) -> None:
        """Of twelve eggs ten are wanted on the end cap, which this tub has no room for."""
        await milk_and_riders(db)
        await stocked(db, sku="eggs", bins={"B-eggs": 12}, on_shelf=10)
        await placement(db, sku="eggs", shelf="END", is_home=False)
        await open_pull(db, "eggs", shelf="END", qty=10, zone="elsewhere", urgency=30)
        await offer(db, "eggs")

        (task,) = await claim(db, wanted(signed_by(1), lines=10, zones=["main"]))

        assert stops(task) == [("eggs", "B-eggs", 2), ("milk", "B-milk", 6)]

    async def test_does_not_make_the_store_look_faster(self, db: Database, client: httpx.AsyncClient) -> None:
        """Its pull did not wait for a claim, so it tells nothing of how long an ask takes."""
        shop = await floor(db, client)
        await milk_and_riders(db, "eggs", hands=0)
        task = await shop.claim(tub="TUB-1")
        for line in task["lines"]:
            await shop.do(task, "picks", line_no=line["line_no"], qty=line["qty_planned"])
        await shop.do(task, "staging", lane="LANE-1")
        on_floor = (await shop.post(f"tasks/{task['task_id']}/delivery", by="ana")).json()
        await shop.do(on_floor, "puts", all_put=True, by="ana")

        assert [p["state"] for p in await all_rows(db, "pulls")] == ["closed", "closed"]
        async with db.read() as tx:
            assert (await lead_times(tx, store_id=1)).samples == 1


class TestAge:
    @pytest.mark.parametrize(("age", "lines"), [(GOOD_FOR - timedelta(seconds=1), 2), (GOOD_FOR, 1)])
    async def test_limits_what_is_taken(self, db: Database, age: timedelta, lines: int) -> None:
        await milk_and_riders(db)
        await stocked(db, sku="eggs", bins={"B-eggs": 60}, on_shelf=10)
        await offer(db, "eggs", now=NOON - age)

        (task,) = await claim(db, wanted(signed_by(1), lines=10))

        assert len(stops(task)) == lines


class TestLivePull:
    async def test_keeps_an_offer_from_being_taken(self, db: Database) -> None:
        await milk_and_riders(db, "eggs")
        await open_pull(db, "eggs", qty=3, urgency=95)

        (task,) = await claim(db, wanted(signed_by(1), lines=10))

        assert stops(task) == [("eggs", "B-eggs", 3), ("milk", "B-milk", 6)]
        assert len(await all_rows(db, "pulls")) == 2

    async def test_that_is_opened_at_that_moment_is_waited_for(self, db: Database) -> None:
        """Ana's ask is not committed yet when the claim wants to open a pull for the same shelf."""
        await milk_and_riders(db, "eggs")
        async with db.begin() as tx:
            await asking.ask(tx, stamp(), ask_for("eggs", qty=2))
            task = asyncio.create_task(claim(db, wanted(signed_by(1), lines=10)))
            await until(lambda: waiters(db))

        assert stops((await task)[0]) == [("milk", "B-milk", 6)]
        (eggs,) = await all_rows(db, "pulls", sku="eggs")
        assert (eggs["state"], eggs["reason"], eggs["qty_wanted"]) == ("open", "other", 2)

    async def test_that_a_claim_has_opened_is_joined_by_who_asks_meanwhile(self, db: Database) -> None:
        await milk_and_riders(db, "eggs")
        async with db.begin() as tx:
            await claim_all(tx, [wanted(signed_by(1), lines=10)])

            async def ana() -> None:
                async with db.begin() as hers:
                    await asking.ask(hers, stamp(), ask_for("eggs"))

            asking_too = asyncio.create_task(ana())
            await until(lambda: waiters(db))
        await asking_too

        (eggs,) = await all_rows(db, "pulls", sku="eggs")
        assert (eggs["state"], eggs["qty_wanted"], eggs["ask_count"]) == ("planned", 14, 2)
        assert (await audit(db)).holds


class TestManyClaims:
    async def test_open_each_offer_once(self, db: Database) -> None:
        """Ten claims at once, each with a pull of its own and room for three of the same ten offers."""
        await milk_and_riders(db, *(f"s{n}" for n in range(10)), hands=10)
        for n in range(1, 11):
            await pull_in(db, f"zone{n}")

        async def one(worker: int) -> None:
            here = wanted(signed_by(worker), lines=4, zones=[f"zone{worker}", "main"])
            while isinstance((await claim(db, here))[0], Crowded):
                pass

        await asyncio.gather(*(one(worker) for worker in range(1, 11)))

        lines, opened = await all_rows(db, "task_lines"), await all_rows(db, "pulls")
        # Who is first has two of them beside the milk; the others may all have wanted the milk and the same two.
        assert len({line["sku"] for line in lines}) == len(lines) == len(opened) >= 11 + 2
        assert len(opened) + len(await all_rows(db, "offers")) == 21
        assert all(pull["qty_planned"] == pull["qty_wanted"] for pull in opened)
        assert (await audit(db)).holds

    async def test_do_not_wait_for_one_that_holds_an_offer(self, db: Database) -> None:
        await milk_and_riders(db, "eggs")
        await pull_in(db, "cold")
        async with db.begin() as tx:
            (first,) = await claim_all(tx, [wanted(signed_by(1), lines=2, zones=["main"])])
            async with asyncio.timeout(2):
                (second,) = await claim(db, wanted(signed_by(2), lines=3, zones=["cold", "main"]))

        assert (skus(first), skus(second)) == ({"milk", "eggs"}, {"cold"})


class TestRefusal:
    async def test_takes_back_what_was_opened_for_the_tub(self, db: Database) -> None:
        await milk_and_riders(db, "eggs")

        (answer,) = await claim(db, wanted(signed_by(1), lines=10, tub="TUB-9"))

        assert isinstance(answer, NoSuchTub)
        assert [p["sku"] for p in await all_rows(db, "pulls")] == ["milk"]
        assert await all_rows(db, "asks") == []
        assert not [e for e in await all_rows(db, "events") if e["kind"].startswith("pull.")]


class TestRoom:
    async def pull(self, db: Database, *, reason: Reason = Reason.WATCH, on_shelf: int = 10) -> None:
        """The watch asks for twelve of a shelf that holds 24."""
        await store(db)
        await workers(db, [1, 2])
        await stocked(db, sku="milk", bins={"B1": 60}, on_shelf=on_shelf)
        async with db.begin() as tx:
            await asking.ask(tx, stamp(), ask_for("milk", reason=reason, qty=12, fill_to=24))

    async def sold(self, db: Database, left: int) -> None:
        async with db.begin() as tx:
            await stock.count(tx, stamp(), sku="milk", location="SH-milk", counted_qty=left)

    @pytest.mark.parametrize(("left", "qty"), [(10, 14), (3, 21), (18, 6)])
    async def test_of_the_shelf_at_the_claim_is_what_the_watch_has_brought(
        self, db: Database, left: int, qty: int
    ) -> None:
        await self.pull(db)
        await self.sold(db, left)

        (task,) = await claim(db, wanted(signed_by(1), lines=10))

        assert stops(task) == [("milk", "B1", qty)]
        (pull,) = await all_rows(db, "pulls")
        assert (pull["state"], pull["qty_wanted"], pull["qty_planned"]) == ("planned", qty, qty)
        assert (await audit(db)).holds

    async def test_counts_what_is_on_its_way(self, db: Database) -> None:
        await self.pull(db)
        assert stops((await claim(db, wanted(signed_by(1), volume_ml=4_000)))[0]) == [("milk", "B1", 8)]
        await self.sold(db, 6)

        (second,) = await claim(db, wanted(signed_by(2)))

        assert stops(second) == [("milk", "B1", 24 - 6 - 8)]

    async def test_changes_nothing_that_a_person_asked_for(self, db: Database) -> None:
        await self.pull(db)
        async with db.begin() as tx:
            await asking.ask(tx, stamp(), ask_for("milk", qty=2))
        await self.sold(db, 3)

        (task,) = await claim(db, wanted(signed_by(1)))

        assert stops(task) == [("milk", "B1", 12)]

    async def test_that_is_none_ends_the_pull(self, db: Database) -> None:
        await self.pull(db)
        await self.sold(db, 24)

        assert await claim(db, wanted(signed_by(1))) == [None]

        (pull,) = await all_rows(db, "pulls")
        assert (pull["state"], pull["end_reason"]) == ("expired", "shelf_full")


class TestPreview:
    async def test_shows_what_the_claim_then_gets(
        self, db: Database, client: httpx.AsyncClient, clock: Ticking
    ) -> None:
        shop = await floor(db, client)
        await milk_and_riders(db, "eggs", "soap", hands=0)
        await stocked(db, sku="jam", bins={"B-jam": 60}, on_shelf=4)
        async with db.begin() as tx:
            await asking.ask(tx, stamp(), ask_for("jam", reason=Reason.WATCH, qty=6, fill_to=24))

        (shown,) = (await shop.get("available-tasks?tasks=1"))["tasks"]
        task = await shop.claim()

        assert [(x["sku"], x["location"], x["qty"]) for x in shown["lines"]] == [
            (x["sku"], x["from_location"], x["qty_planned"]) for x in task["lines"]
        ]
        assert [(x["sku"], x["pull_id"] is None) for x in shown["lines"]] == [
            ("eggs", True), ("jam", False), ("milk", False), ("soap", True),
        ]  # fmt: skip
        assert next(x["qty"] for x in shown["lines"] if x["sku"] == "jam") == 20
        assert {x["zone"] for x in shown["lines"]} == {"main"}
        assert [x["urgency"] for x in shown["lines"]] == [x["urgency"] for x in task["lines"]]
