"""Less there than planned: what it does to the place, the count, the other bins, and how it is undone."""

from datetime import timedelta

import httpx

from pullsvc.audit import audit
from pullsvc.db import Database
from pullsvc.stock import actions as stock
from tests.conftest import Ticking
from tests.factories import NOON, all_rows, floor, placement, stamp, stocked, tub
from tests.tubs.test_routes import balance


def noon_and(minutes: int) -> str:
    return (NOON + timedelta(minutes=minutes)).isoformat()


class TestShort:
    async def test_empties_the_place_counts_it_and_tries_another(self, db: Database, client: httpx.AsyncClient) -> None:
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 12, "B2": 40}, capacity=12)
        await shop.ask("milk")
        task = await shop.claim(tub="TUB-1")
        await shop.do(task, "picks", code="milk", qty=5)

        after = (await shop.do(task, "shorts", line_no=1, reason="less_than_expected")).json()

        assert [(x["from_location"], x["state"], x["qty_planned"]) for x in after["lines"]] == [
            ("B1", "short", 12), ("B2", "planned", 7),
        ]  # fmt: skip
        assert (await balance(db, "B1", "milk"), await balance(db, "B2", "milk")) == (0, 40)
        assert [(c["location"], c["state"]) for c in await all_rows(db, "counts")] == [("B1", "requested")]
        assert [d["kind"] for d in await all_rows(db, "discrepancies")] == ["short"]

    async def test_can_be_undone_when_the_units_turn_up(self, db: Database, client: httpx.AsyncClient) -> None:
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 12}, capacity=12)
        await shop.ask("milk")
        task = await shop.claim(tub="TUB-1")
        await shop.do(task, "shorts", line_no=1, reason="not_there")
        assert [p["state"] for p in await all_rows(db, "pulls")] == ["unfillable"]

        for _ in range(2):
            undone = await shop.do(task, "short-undos", line_no=1)
            assert undone.status_code == 201, undone.text
            assert await balance(db, "B1", "milk") == 12
            assert [p["state"] for p in await all_rows(db, "pulls")] == ["planned"]
            await shop.do(task, "shorts", line_no=1, reason="not_there")
            assert await balance(db, "B1", "milk") == 0

    async def test_does_not_zero_what_is_only_unreachable(self, db: Database, client: httpx.AsyncClient) -> None:
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 12}, capacity=12)
        await shop.ask("milk")
        task = await shop.claim(tub="TUB-1")

        await shop.do(task, "shorts", line_no=1, reason="unreachable")

        assert await balance(db, "B1", "milk") == 12
        assert await all_rows(db, "counts") == []
        assert [(p["state"], p["qty_planned"]) for p in await all_rows(db, "pulls")] == [("open", 0)]

    async def test_units_put_back_on_a_short_line_are_wanted_again(
        self, db: Database, client: httpx.AsyncClient
    ) -> None:
        """Five picked, seven short, the five put back: nobody is on the way to pick any of the twelve."""
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 12}, capacity=12)
        await shop.ask("milk")
        task = await shop.claim(tub="TUB-1")
        await shop.do(task, "picks", code="milk", qty=5)
        await shop.do(task, "shorts", line_no=1, reason="not_there")

        assert (await shop.do(task, "unpicks", line_no=1, qty=5)).status_code == 201
        (pull,) = await all_rows(db, "pulls")
        assert (pull["state"], pull["qty_planned"]) == ("open", 0)
        assert (await audit(db)).holds

        assert (await shop.do(task, "release")).status_code == 201
        again = await shop.claim(tub="TUB-1")
        assert [x["qty_planned"] for x in again["lines"]] == [5]

    async def test_undo_is_refused_for_good_when_others_asked_anew(
        self, db: Database, client: httpx.AsyncClient
    ) -> None:
        """The pull ended and a new one is open for the shelf: sending it again would not help, so it is no 503."""
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 12}, capacity=12)
        await shop.ask("milk")
        task = await shop.claim(tub="TUB-1")
        await shop.do(task, "shorts", line_no=1, reason="not_there")
        async with db.begin() as tx:
            await stock.receive(tx, stamp(), sku="milk", qty=6, location="B1", reference="truck")
        assert (await shop.ask("milk"))["outcome"] == "opened"

        refused = await shop.do(task, "short-undos", line_no=1)

        assert (refused.status_code, refused.json()["code"]) == (409, "illegal-move")

    async def test_that_comes_late_says_nothing_of_what_came_since(
        self, db: Database, client: httpx.AsyncClient, clock: Ticking
    ) -> None:
        """B1 was found empty at 12:10 by a device out of reach; twenty were put there at 12:40; at 13:00 it is back."""
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 12}, capacity=12)
        await shop.ask("milk")
        task = await shop.claim(tub="TUB-1")
        clock.pass_(minutes=40)
        await shop.post("receivings", {"code": "milk", "qty": 20, "location": "B1", "reference": "truck"})
        clock.pass_(minutes=20)

        short = await shop.do(task, "shorts", line_no=1, reason="not_there", occurred_at=noon_and(10))

        assert short.status_code == 201, short.text
        assert await balance(db, "B1", "milk") == 20
        assert [d["kind"] for d in await all_rows(db, "discrepancies")] == ["short"]
        assert (await audit(db)).holds


class TestUndo:
    async def test_makes_no_units_where_the_place_was_counted_since(
        self, db: Database, client: httpx.AsyncClient, clock: Ticking
    ) -> None:
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 12}, capacity=12)
        await shop.ask("milk")
        task = await shop.claim(tub="TUB-1")
        await shop.do(task, "picks", line_no=1, qty=2)
        for _ in range(2):  # Nor is anything of the first time left for the second.
            await shop.do(task, "shorts", line_no=1, reason="not_there")
            await shop.post("counts", {"code": "milk", "location": "B1", "counted_qty": 10}, by="cid")
            clock.pass_(minutes=1)

            undone = await shop.do(task, "short-undos", line_no=1)

            assert undone.status_code == 201, undone.text
            assert await balance(db, "B1", "milk") == 10
            clock.pass_(minutes=1)
        assert (await audit(db)).holds

    async def test_makes_no_units_where_the_count_was_there_before_the_late_short(
        self, db: Database, client: httpx.AsyncClient, clock: Ticking
    ) -> None:
        """The bin was counted after the short happened, so the short changed nothing; nor may its undoing."""
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 12}, capacity=12)
        await shop.ask("milk")
        task = await shop.claim(tub="TUB-1")
        clock.pass_(minutes=10)
        await shop.do(task, "picks", line_no=1, qty=2)
        clock.pass_(minutes=20)
        await shop.post("counts", {"code": "milk", "location": "B1", "counted_qty": 10}, by="cid")
        clock.pass_(minutes=20)
        await shop.do(task, "shorts", line_no=1, reason="not_there", occurred_at=noon_and(20))
        assert await balance(db, "B1", "milk") == 10
        clock.pass_(minutes=1)

        assert (await shop.do(task, "short-undos", line_no=1)).status_code == 201

        assert await balance(db, "B1", "milk") == 10

    async def test_keeps_a_count_that_comes_late_from_between(
        self, db: Database, client: httpx.AsyncClient, clock: Ticking
    ) -> None:
        """The short was never so, also at the moment of the count."""
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 12}, capacity=12)
        await shop.ask("milk")
        task = await shop.claim(tub="TUB-1")
        await shop.do(task, "shorts", line_no=1, reason="not_there")
        clock.pass_(minutes=10)
        await shop.do(task, "short-undos", line_no=1)
        clock.pass_(minutes=10)

        await shop.post("counts", {"code": "milk", "location": "B1", "counted_qty": 12, "occurred_at": noon_and(5)})

        assert await balance(db, "B1", "milk") == 12

    async def test_gives_back_no_units_that_were_found_there_since(
        self, db: Database, client: httpx.AsyncClient, clock: Ticking
    ) -> None:
        """Twelve lie in B1 all the time. One says they are not there, another takes four, the first takes it back."""
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 12}, capacity=4)
        await tub(db, plate="TUB-2")
        await placement(db, sku="milk", shelf="A9", capacity=4, is_home=False)
        await shop.ask("milk")
        first = await shop.claim(tub="TUB-1")
        await shop.ask("milk", shelf="A9")
        second = await shop.claim(tub="TUB-2", by="cid")
        await shop.do(first, "picks", line_no=1, qty=1)  # Eleven are left.
        await shop.do(first, "shorts", line_no=1, reason="not_there")
        clock.pass_(minutes=1)
        await shop.do(second, "picks", by="cid", line_no=1, qty=4)  # Seven are left.
        for _ in range(2):  # They are taken back once.
            clock.pass_(minutes=1)
            undone = await shop.do(first, "short-undos", line_no=1)

            assert undone.status_code == 201, undone.text
            assert await balance(db, "B1", "milk") == 7
            await shop.do(first, "shorts", line_no=1, reason="not_there")
            assert await balance(db, "B1", "milk") == 0
        assert (await audit(db)).holds

    async def test_of_two_shorts_takes_back_what_was_found_once(
        self, db: Database, client: httpx.AsyncClient, clock: Ticking
    ) -> None:
        """Twelve in B1 and then five more are written off; four of the seventeen are picked after all."""
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 12}, capacity=4)
        for n, shelf in enumerate(("A8", "A9"), start=2):
            await tub(db, plate=f"TUB-{n}")
            await placement(db, sku="milk", shelf=shelf, capacity=4, is_home=False)
        await shop.ask("milk")
        tasks = [await shop.claim(tub="TUB-1")]
        for n, shelf in enumerate(("A8", "A9"), start=2):
            await shop.ask("milk", shelf=shelf)
            tasks.append(await shop.claim(tub=f"TUB-{n}", by="cid"))
        await shop.do(tasks[0], "shorts", line_no=1, reason="not_there")
        clock.pass_(minutes=1)
        await shop.post("receivings", {"code": "milk", "qty": 5, "location": "B1", "reference": "truck"})
        await shop.do(tasks[1], "shorts", by="cid", line_no=1, reason="not_there")
        clock.pass_(minutes=1)
        await shop.do(tasks[2], "picks", by="cid", line_no=1, qty=4)
        assert await balance(db, "B1", "milk") == 0

        for task, by in ((tasks[0], "ben"), (tasks[1], "cid")):
            undone = await shop.do(task, "short-undos", by=by, line_no=1)
            assert undone.status_code == 201, undone.text

        assert await balance(db, "B1", "milk") == 13
        assert (await audit(db)).holds

    async def test_leaves_the_other_stops_of_the_pull_as_they_were(
        self, db: Database, client: httpx.AsyncClient
    ) -> None:
        """B1 and B2 were claimed for one pull; B3 came for B1."""
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 6, "B2": 6, "B3": 6}, capacity=12)
        await shop.ask("milk")
        task = await shop.claim(tub="TUB-1")
        assert [(x["qty_planned"], x["state"]) for x in task["lines"]] == [(6, "planned"), (6, "planned")]
        await shop.do(task, "shorts", line_no=1, reason="not_there")

        undone = await shop.do(task, "short-undos", line_no=1)

        assert undone.status_code == 201, undone.text
        states = {x["line_no"]: x["state"] for x in undone.json()["lines"]}
        assert states == {1: "planned", 2: "planned", 3: "dropped"}

    async def test_leaves_the_stops_that_another_short_added(self, db: Database, client: httpx.AsyncClient) -> None:
        """B3 came for B1 and B4 for B2; only what was in B1 turns up."""
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 6, "B2": 6, "B3": 6, "B4": 6}, capacity=12)
        await shop.ask("milk")
        task = await shop.claim(tub="TUB-1")
        for line_no in (1, 2):
            await shop.do(task, "shorts", line_no=line_no, reason="not_there")

        undone = await shop.do(task, "short-undos", line_no=1)

        assert undone.status_code == 201, undone.text
        states = {x["line_no"]: x["state"] for x in undone.json()["lines"]}
        assert states == {1: "planned", 2: "short", 3: "dropped", 4: "planned"}
        (pull,) = await all_rows(db, "pulls")
        assert (pull["state"], pull["qty_planned"]) == ("planned", 12)
