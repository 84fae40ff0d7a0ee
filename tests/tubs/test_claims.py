"""Claims: what is handed out, to whom, alone and many at once."""

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import httpx
import pytest

from pullsvc.audit import audit
from pullsvc.db import Database, sql
from pullsvc.errors import Rejection
from pullsvc.pulls.homing import home_arrived
from pullsvc.stock import actions as stock
from pullsvc.tubs.claiming import Claim, Crowded, Handed, claim_all
from pullsvc.tubs.rules import NoSuchTub, TooManyTasks, WrongTub
from tests.claims import claim_in, open_pull, signed_by, wanted, workers
from tests.factories import all_rows, floor, fresh_key, item, location, placement, stamp, stocked, store, tub
from tests.waiting import until


class TestClaim:
    async def test_never_gives_one_pull_to_two_workers(self, db: Database, client: httpx.AsyncClient) -> None:
        """Twenty claims at once on eight pulls, one line each: eight tasks, the rest are told there is nothing."""
        shop = await floor(db, client)
        for n in range(8):
            await stocked(db, sku=f"s{n}", bins={f"B{n}": 30}, capacity=6)
            await shop.ask(f"s{n}")
        ids = [200 + n for n in range(20)]
        await workers(db, ids)

        async def claim(worker: int) -> Any:
            while True:
                with suppress(Crowded):
                    async with db.begin() as tx:
                        return await claim_in(tx, signed_by(worker))

        claims = await asyncio.gather(*(claim(worker) for worker in ids))

        lines = await all_rows(db, "task_lines")
        assert len({x["pull_id"] for x in lines}) == len(lines) == 8
        assert sum(c is not None for c in claims) == 8

    async def test_does_not_wait_behind_a_claim_in_flight(self, db: Database, client: httpx.AsyncClient) -> None:
        """Ben's claim is still uncommitted; Cid must get the other pull without waiting."""
        shop = await floor(db, client)
        for sku in ("milk", "eggs"):
            await stocked(db, sku=sku, bins={f"B-{sku}": 30}, capacity=6)
            await shop.ask(sku)
        ben = (await all_rows(db, "principals", name="ben"))[0]["principal_id"]
        async with db.begin() as tx:
            assert await claim_in(tx, signed_by(ben))
            async with asyncio.timeout(2):
                cids = await shop.claim(by="cid", max_lines=1)

        assert [x["sku"] for x in cids["lines"]] == ["eggs"]

    async def test_two_claims_for_one_tub_give_it_to_one(self, db: Database, client: httpx.AsyncClient) -> None:
        shop = await floor(db, client)
        for sku in ("milk", "eggs"):
            await stocked(db, sku=sku, bins={f"B-{sku}": 30}, capacity=6)
            await shop.ask(sku)

        answers = await asyncio.gather(
            *(shop.post("claims", {"tub": "TUB-1", "max_lines": 1}, by=by) for by in ("ben", "cid"))
        )

        assert sorted(a.status_code for a in answers) == [201, 409]

    async def test_takes_five_statements(self, db: Database, client: httpx.AsyncClient, statements: list[str]) -> None:
        shop = await floor(db, client)
        for n in range(5):
            await stocked(db, sku=f"s{n}", bins={f"B{n}": 30}, capacity=6)
            await shop.ask(f"s{n}")
        statements.clear()

        assert await shop.claim(tub="TUB-1")

        assert len([s for s in statements if "api_keys" not in s]) == 5, statements

    async def test_says_when_the_tub_is_unknown_or_in_use(self, db: Database, client: httpx.AsyncClient) -> None:
        shop = await floor(db, client)
        for sku in ("milk", "eggs"):
            await stocked(db, sku=sku, bins={f"B-{sku}": 30}, capacity=6)
            await shop.ask(sku)
        await shop.claim(tub="TUB-1", max_lines=1)

        in_use = await shop.post("claims", {"tub": "TUB-1"}, by="cid")
        unknown = await shop.post("claims", {"tub": "TUB-9"}, by="cid")

        assert (in_use.json()["code"], unknown.json()["code"]) == ("wrong-tub", "no-such-tub")

    async def test_lets_nobody_hoard(self, db: Database, client: httpx.AsyncClient) -> None:
        shop = await floor(db, client)
        for n in range(4):
            await stocked(db, sku=f"s{n}", bins={f"B{n}": 30}, capacity=6)
            await shop.ask(f"s{n}")
        for _ in range(3):
            assert await shop.claim(max_lines=1)

        assert (await shop.post("claims", {"max_lines": 1})).json()["code"] == "too-many-tasks"


Stops = list[tuple[str, str, str, int]]


def stops(answer: Handed | Rejection | None) -> Stops | str:
    """What a claim came to, without its ids."""
    if isinstance(answer, Handed):
        return [(x["sku"], x["shelf"], x["from_location"], x["qty_planned"]) for x in answer.lines]
    return type(answer).__name__


async def batch(db: Database, claims: Sequence[Claim]) -> list[Handed | Rejection | None]:
    async with db.begin() as tx:
        return await claim_all(tx, claims)


async def some_store(db: Database, dice: random.Random, *, store_id: int) -> None:
    """Eight items in two zones and up to sixteen pulls, of which some want the same units."""
    await store(db, store_id=store_id)
    for n in range(8):
        await item(db, store_id=store_id, sku=f"s{n}", volume_ml=dice.choice([500, 9_000]))
        units = {place: dice.randint(1, 12) for place in dice.sample(range(10), 2)}
        for place, qty in units.items():
            await location(db, store_id=store_id, code=f"B{place}", zone=_zone(place), walk_seq=place)
            async with db.begin() as tx:
                await stock.receive(
                    tx, stamp(store_id=store_id), sku=f"s{n}", qty=qty, location=f"B{place}", reference="start"
                )
        for shelf in dice.sample(["A1", "A2", "A3"], 2):
            await placement(db, store_id=store_id, sku=f"s{n}", shelf=shelf, is_home=False)
            await open_pull(
                db, f"s{n}", store_id=store_id, shelf=shelf, qty=dice.randint(1, 9), urgency=dice.choice([40, 45, 90]),
                zone=_zone(max(units, key=lambda place: units[place])),
            )  # fmt: skip


def _zone(place: int) -> str:
    return "cold" if place % 2 else "dry"


class TestBatch:
    @pytest.mark.parametrize("seed", range(6))
    async def test_gives_what_its_claims_would_have_got_one_by_one(self, db: Database, seed: int) -> None:
        """Stores 1 and 2 are claimed in one batch, their twins 3 and 4 one claim after the other."""
        for store_id in (1, 2, 3, 4):
            await some_store(db, random.Random(seed * 10 + (store_id - 1) % 2), store_id=store_id)
        await workers(db, range(14))
        dice = random.Random(seed)
        zones = [None, None, ["cold"], ["dry"]]
        drawn = [(dice.randint(1, 2), dice.choice([1, 1, 3])) for _ in range(14)]
        walks = {1: dice.choice(zones), 2: dice.choice(zones)}

        def claims(first_store: int) -> list[Claim]:
            return [
                wanted(signed_by(w, store_id=first_store + s), lines=n, zones=walks[s])
                for w, (s, n) in enumerate(drawn)
            ]

        together = [stops(x) for x in await batch(db, claims(0))]
        alone = [stops((await batch(db, [claim]))[0]) for claim in claims(2)]

        assert together == alone
        assert sum(isinstance(x, list) for x in together) >= 4
        assert (await audit(db)).holds

    async def test_a_refused_claim_does_not_spoil_the_others(self, db: Database) -> None:
        await store(db)
        await tub(db)
        await workers(db, [1, 2, 3, 4])
        for n in range(4):
            await stocked(db, sku=f"s{n}", bins={f"B{n}": 30})
            await open_pull(db, f"s{n}")
        tubs = [None, "TUB-1", "TUB-1", "TUB-9"]

        answers = await batch(db, [wanted(signed_by(w), tub=t) for w, t in zip((1, 2, 3, 4), tubs, strict=True)])

        assert [type(x) for x in answers] == [Handed, Handed, WrongTub, NoSuchTub]
        assert [t["tub"] for t in await all_rows(db, "tasks")] == [None, "TUB-1"]
        assert len(await all_rows(db, "task_lines")) == 2
        assert sorted(p["state"] for p in await all_rows(db, "pulls")) == ["open", "open", "planned", "planned"]

    async def test_nobody_hoards_in_one_batch(self, db: Database) -> None:
        await store(db)
        await workers(db, [1, 2])
        for n in range(6):
            await stocked(db, sku=f"s{n}", bins={f"B{n}": 30})
            await open_pull(db, f"s{n}")

        answers = await batch(db, [wanted(signed_by(w)) for w in (1, 1, 1, 1, 2)])

        assert [type(x) for x in answers] == [Handed, Handed, Handed, TooManyTasks, Handed]

    async def test_what_one_may_not_have_goes_to_whoever_waits_behind(self, db: Database) -> None:
        await store(db)
        await workers(db, [1, 2])
        for n in range(4):
            await stocked(db, sku=f"s{n}", bins={f"B{n}": 30})
            await open_pull(db, f"s{n}")

        answers = await batch(db, [wanted(signed_by(w)) for w in (1, 1, 1, 1, 2, 2)])

        assert [type(x) for x in answers] == [Handed, Handed, Handed, TooManyTasks, Handed, type(None)]

    async def test_a_pull_shared_by_two_tubs_is_written_as_it_stands_in_the_end(self, db: Database) -> None:
        await store(db)
        await workers(db, [1, 2])
        await stocked(db, sku="milk", bins={"B1": 4, "B2": 5})
        await open_pull(db, "milk", qty=9)

        answers = await batch(db, [wanted(signed_by(w)) for w in (1, 2)])

        assert [stops(x) for x in answers] == [[("milk", "SH-milk", "B2", 5)], [("milk", "SH-milk", "B1", 4)]]
        assert [(p["state"], p["qty_planned"]) for p in await all_rows(db, "pulls")] == [("planned", 9)]
        told = [e["kind"] for e in await all_rows(db, "events") if e["kind"].startswith(("pull", "task"))]
        assert sorted(told) == ["pull.planned", "task.claimed", "task.claimed"]

    @pytest.mark.parametrize("stores", [1, 3])
    async def test_two_batches_at_once_share_what_there_is(self, db: Database, stores: int) -> None:
        """Thirty claims in two transactions, twelve pulls: twelve tasks, no pull twice, and no claim told too early."""
        await workers(db, range(1, 31))
        for n in range(12):
            where = 1 + n % stores
            await store(db, store_id=where)
            await stocked(db, store_id=where, sku=f"s{n}", bins={f"B{n}": 30})
            await open_pull(db, f"s{n}", store_id=where)

        async def claim(ids: Sequence[int]) -> list[Handed | Rejection | None]:
            left = [wanted(signed_by(w, store_id=1 + w % stores)) for w in ids]
            done: list[Handed | Rejection | None] = []
            while left:
                answers = await batch(db, left)
                done += [x for x in answers if not isinstance(x, Crowded)]
                left = [c for c, x in zip(left, answers, strict=True) if isinstance(x, Crowded)]
            return done

        both = await asyncio.gather(claim(range(1, 16)), claim(range(16, 31)))

        assert sum(isinstance(x, Handed) for answers in both for x in answers) == 12
        lines = await all_rows(db, "task_lines")
        assert len({x["pull_id"] for x in lines}) == len(lines) == 12


async def somebody_waits(db: Database) -> bool:
    async with db.read() as tx:
        row = await tx.one(
            sql("""SELECT count(*) AS n FROM pg_stat_activity
                   WHERE datname = current_database() AND wait_event_type = 'Lock'""")
        )
    return bool(row.n)


class TestNothing:
    async def test_is_not_said_while_somebody_only_touches_the_pull(self, db: Database) -> None:
        """The one pull is held by an act that leaves it open: the claim waits, and gets it."""
        await store(db)
        await workers(db, [1])
        await stocked(db, sku="milk", bins={"B1": 30})
        await open_pull(db, "milk")

        async with db.begin() as tx:
            await tx.run(sql("UPDATE pulls SET ask_count = 2"))
            claim = asyncio.create_task(batch(db, [wanted(signed_by(1))]))
            await until(lambda: somebody_waits(db))

        assert isinstance((await claim)[0], Handed)

    async def test_is_said_when_the_other_took_it(self, db: Database) -> None:
        await store(db)
        await workers(db, [1, 2])
        await stocked(db, sku="milk", bins={"B1": 30})
        await open_pull(db, "milk")

        async with db.begin() as tx:
            assert await claim_in(tx, signed_by(1))
            claim = asyncio.create_task(batch(db, [wanted(signed_by(2))]))
            await until(lambda: somebody_waits(db))

        assert await claim == [None]


class TestZones:
    async def test_a_pull_goes_where_its_units_went(self, db: Database) -> None:
        """Opened for the dry zone, its units now lie in the cold one, where there is enough other work."""
        await store(db)
        await workers(db, [1, 2])
        await location(db, code="C1", zone="cold")
        await location(db, code="C2", zone="cold")
        for sku, place in (("milk", "C1"), ("eggs", "C2")):
            await stocked(db, sku=sku, bins={place: 30})
        await open_pull(db, "milk", zone="dry", urgency=90)
        await open_pull(db, "eggs", zone="cold")

        (nothing,) = await batch(db, [wanted(signed_by(1), zones=["dry"])])
        (milk,) = await batch(db, [wanted(signed_by(2), zones=["cold"])])

        assert (nothing, stops(milk)) == (None, [("milk", "SH-milk", "C1", 6)])

    async def test_a_zone_without_work_helps_others(self, db: Database) -> None:
        await store(db)
        await workers(db, [1])
        await location(db, code="C1", zone="cold")
        await location(db, code="D1", zone="dry")
        await stocked(db, sku="milk", bins={"C1": 30, "D1": 4})
        await open_pull(db, "milk", zone="cold")

        (helped,) = await batch(db, [wanted(signed_by(1), zones=["dry"])])

        assert stops(helped) == [("milk", "SH-milk", "D1", 4)]

    async def test_pulls_without_stock_are_walked_over_once(self, db: Database, statements: list[str]) -> None:
        await store(db)
        await workers(db, [1, 2])
        for n in range(20):
            await stocked(db, sku=f"none{n}", bins={})
            await open_pull(db, f"none{n}", urgency=90)
        for n in range(2):
            await stocked(db, sku=f"s{n}", bins={f"B{n}": 30})
            await open_pull(db, f"s{n}")

        (first,) = await batch(db, [wanted(signed_by(1))])
        statements.clear()
        (second,) = await batch(db, [wanted(signed_by(2))])

        assert [stops(first), stops(second)] == [[("s0", "SH-s0", "B0", 6)], [("s1", "SH-s1", "B1", 6)]]
        assert len(statements) == 5
        assert sum(p["zone"] == "unknown" for p in await all_rows(db, "pulls")) == 20

    @pytest.mark.parametrize("sweeps", [0, 2])
    async def test_units_that_arrive_are_found_with_and_without_a_sweep(self, db: Database, sweeps: int) -> None:
        await store(db)
        await workers(db, [1, 2])
        for sku in ("milk", "eggs"):
            await stocked(db, sku=sku, bins={})
            await open_pull(db, sku)
        assert await batch(db, [wanted(signed_by(1))]) == [None]
        await location(db, code="B1")
        async with db.begin() as tx:
            for sku in ("milk", "eggs"):
                await stock.receive(tx, stamp(), sku=sku, qty=30, location="B1", reference="lorry")

        if sweeps:
            async with db.begin() as tx:
                assert await home_arrived(tx, store_id=1) == sweeps

        assert isinstance((await batch(db, [wanted(signed_by(1))]))[0], Handed)
        assert {p["zone"] for p in await all_rows(db, "pulls")} == {"main"}


class TestRepeat:
    async def test_in_one_batch_and_in_a_later_one_gets_the_same_task(
        self, db: Database, client: httpx.AsyncClient
    ) -> None:
        shop = await floor(db, client)
        for n in range(6):
            await stocked(db, sku=f"s{n}", bins={f"B{n}": 30})
            await open_pull(db, f"s{n}")
        headers = {**fresh_key(), "Authorization": f"Bearer {shop.keys['ben']}"}

        def send() -> Any:
            return client.post(f"{shop.url}/claims", json={"max_lines": 1}, headers=headers)

        together = await asyncio.gather(*(send() for _ in range(5)), shop.claim(by="cid", max_lines=1))
        later = await send()

        assert {(a.status_code, a.text) for a in together[:5]} == {(201, later.text)}
        assert len(await all_rows(db, "tasks")) == 2


class TestTwoProcesses:
    async def test_serve_a_crowd_exactly_as_much_as_there_is(
        self, db: Database, client: httpx.AsyncClient, neighbour: httpx.AsyncClient
    ) -> None:
        """Eighty claims through two processes on five pulls; whoever is told that it is crowded comes again."""
        shop = await floor(db, client)
        for n in range(5):
            await stocked(db, sku=f"s{n}", bins={f"B{n}": 30})
            await open_pull(db, f"s{n}")

        async def claim(n: int) -> int:
            by = ("ben", "cid")[n % 2]
            while True:
                answer = await (client, neighbour)[n // 2 % 2].post(
                    f"{shop.url}/claims",
                    json={"max_lines": 1},
                    headers={**fresh_key(), "Authorization": f"Bearer {shop.keys[by]}"},
                )
                if answer.status_code != 503:
                    return answer.status_code

        codes = await asyncio.gather(*(claim(n) for n in range(80)))

        assert codes.count(201) == 5
        assert set(codes) <= {201, 204, 409}
        lines = await all_rows(db, "task_lines")
        assert len({x["pull_id"] for x in lines}) == len(lines) == 5
