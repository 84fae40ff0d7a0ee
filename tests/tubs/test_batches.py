"""Acts on tasks done together: the same end as one by one, whatever is refused and whoever else is at it."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from pullsvc.audit import audit
from pullsvc.db import Database, sql
from pullsvc.errors import Rejection
from pullsvc.tubs import actions, picks
from pullsvc.tubs.actions import PutAway, Resumption, Staging
from pullsvc.tubs.holding import Deed, DeedKind, Done, Results, do_all
from pullsvc.tubs.picks import LineDeed, Picking, Scan, TubScan, Unpicking
from pullsvc.tubs.rules import Settlement
from tests.factories import NOON, all_rows
from tests.tubs.worlds import World, world

LEASE = timedelta(minutes=15)
Plan = tuple[str, int, int, dict[str, Any]]  # The kind, which world, which of its tasks, and what is done to it.

KINDS: dict[str, tuple[DeedKind, type[Deed]]] = {
    "tub": (picks.SCAN_TUB, TubScan),
    "pick": (picks.PICK, Picking),
    "unpick": (picks.UNPICK, Unpicking),
    "skip": (picks.SKIP, LineDeed),
    "renew": (actions.RENEW, Deed),
    "release": (actions.RELEASE, Deed),
    "stage": (actions.STAGE, Staging),
    "deliver": (actions.DELIVER, Deed),
    "resume": (actions.RESUME, Resumption),
    "put": (actions.PUT_AWAY, PutAway),
    "close": (actions.CLOSE, Deed),
}
A_DAY = ("tub", "pick", "pick", "skip", "pick", "release", "unpick", "renew", "pick", "pick", "unpick", "resume",
         "stage", "stage", "deliver", "deliver", "resume", "put", "put", "put", "put", "close", "pick")  # fmt: skip
TASKS = 4
ACTS_AT_ONCE = 10


def scan(random: Random) -> Scan:
    line_no = random.choice((1, 2) * 5 + (3,))
    named = random.random() < 0.8
    return Scan(
        code=None if named else f"s{random.randrange(2 * TASKS + 1)}",
        line_no=line_no if named else None,
        qty=random.choice((None, 1, 1, 2, 3, 6)),
        location=None,
        tub=random.choice((None, None, f"TUB-{random.randrange(TASKS + 2)}")),
        occurred_at=NOON - timedelta(seconds=random.randrange(60)),
    )


def settlement(random: Random) -> Settlement:
    return Settlement(*(random.choice((0, 0, 0, 1)) for _ in range(4)))


def details(kind: str, random: Random) -> dict[str, Any]:
    """What an act of this kind says, now and then something that cannot be; its fence as how much newer than right."""
    fence = random.choice((0,) * 15 + (1,))
    said: dict[str, dict[str, Any]] = {
        "tub": {"tub": f"TUB-{random.randrange(TASKS + 2)}"},
        "pick": {"scans": [scan(random) for _ in range(random.choice((1, 1, 2, 3)))]},
        "unpick": {"line_no": random.choice((1, 2, 1, 2, 9)), "qty": random.choice((1, 1, 2, 5))},
        "skip": {"line_no": random.choice((1, 2, 9))},
        "resume": {"may_work": random.random() < 0.9},
        "stage": {"lane": random.choice(("LANE-1",) * 8 + ("B1", "NOWHERE"))},
        "put": {
            "settlements": {n: settlement(random) for n in random.sample((1, 2), random.choice((0, 1, 2)))},
            "all_put": random.random() < 0.2,
            "return_to": random.choice((None, None, None, "RECEIVING", "LANE-1")),
        },
    }
    return {"fence": None if kind in {"deliver", "resume"} else fence, **said.get(kind, {})}


Acts = list[tuple[DeedKind, Deed]]


async def acts(db: Database, worlds: Sequence[World], plans: Sequence[Plan]) -> Acts:
    fences = {task["task_id"]: task["fence"] for task in await all_rows(db, "tasks")}
    made = []
    for name, where, which, said in plans:
        there = worlds[where]
        task_id = there.tasks[which] if which < len(there.tasks) else 424242
        fence = None if said["fence"] is None else fences.get(task_id, 1) + said["fence"]
        kind, deed = KINDS[name]
        made.append((kind, deed(stamp=there.stamp(), task_id=task_id, lease=LEASE, **{**said, "fence": fence})))
    return made


async def batch(db: Database, acts: Acts) -> Results:
    async with db.begin() as tx:
        return await do_all(tx, acts)


async def together(db: Database, kind: str, deeds: Sequence[Deed]) -> Results:
    return await batch(db, [(KINDS[kind][0], deed) for deed in deeds])


async def one_by_one(db: Database, acts: Acts) -> Results:
    return [(await batch(db, [one]))[0] for one in acts]


def result(one: Done | Rejection, there: World) -> object:
    """What a caller learns of it, in words that do not depend on the store."""
    if isinstance(one, Rejection):
        return one.code
    task = one.outcome.task
    at = there.tasks.index(task.task_id)
    lines = [(x.state, x.picked, x.put, x.returned, x.damaged, x.missing, x.pick_seq) for x in task.lines]
    return at, task.state, task.fence, task.tub, task.lane, task.lease_until, task.staged_at, task.ended_at, lines


LOOKS = {
    "tasks": """SELECT dense_rank() OVER (ORDER BY task_id) AS n, state, tub, lane, fence, lease_until, qty_picked,
                       qty_settled, staged_at, delivered_at, ended_at FROM tasks WHERE store_id = :s""",
    "lines": """SELECT dense_rank() OVER (ORDER BY task_id) AS n, line_no, state, pick_seq, qty_picked, qty_put,
                       qty_returned, qty_damaged, qty_missing, picked_at, settled_at
                FROM task_lines WHERE store_id = :s""",
    "tubs": """SELECT tub, state, lane, (SELECT count(*) FROM tasks t WHERE t.store_id = tubs.store_id
                                         AND t.task_id <= tubs.task_id) AS n FROM tubs WHERE store_id = :s""",
    "pulls": """SELECT sku, state, qty_wanted, qty_planned, qty_filled, qty_put, filled_at, ended_at, end_reason
                FROM pulls WHERE store_id = :s""",
    "balances": "SELECT sku, location, qty FROM balances WHERE store_id = :s",
    "movements": """SELECT sku, from_location, to_location, cause, occurred_at, sum(qty) AS qty FROM movements
                    WHERE store_id = :s AND cause <> 'found' GROUP BY 1, 2, 3, 4, 5""",
    "found": "SELECT sku, to_location, sum(qty) FROM movements WHERE store_id = :s AND cause = 'found' GROUP BY 1, 2",
    "missing": "SELECT kind, sku, location, qty FROM discrepancies WHERE store_id = :s",
    "events": """SELECT kind, data - 'task_id' - 'worker' - 'from' AS data, occurred_at
                 FROM events WHERE store_id = :s""",
}


async def seen(db: Database, there: World) -> dict[str, list[str]]:
    """All that is written of a store, without its ids."""
    async with db.read() as tx:
        return {
            name: sorted(str(dict(row)) for row in await tx.rows(sql(look), s=there.store_id))
            for name, look in LOOKS.items()
        }


class TestTogether:
    @pytest.mark.parametrize("seed", range(12))
    async def test_has_the_same_end_as_one_by_one(self, db: Database, seed: int) -> None:
        """Stores 1 and 2 do in batches, of mostly one kind, what stores 3 and 4, the same as they, do act by act."""
        random = Random(seed)
        worlds = [await world(db, store_id=n, tasks=TASKS, in_bin=8) for n in (1, 2, 3, 4)]
        for kind in A_DAY:
            kinds = [random.choice((kind, kind, kind, *KINDS)) for _ in range(ACTS_AT_ONCE)]
            plans = [(its, random.randrange(2), random.randrange(TASKS + 1), details(its, random)) for its in kinds]
            at_once = await batch(db, await acts(db, worlds[:2], plans))
            alone = await one_by_one(db, await acts(db, worlds[2:], plans))

            assert [result(one, worlds[plan[1]]) for one, plan in zip(at_once, plans, strict=True)] == [
                result(one, worlds[2 + plan[1]]) for one, plan in zip(alone, plans, strict=True)
            ], kinds
            for n in (0, 1):
                assert await seen(db, worlds[n]) == await seen(db, worlds[n + 2]), kind
        assert (await audit(db)).holds

    async def test_takes_no_more_statements_for_many_than_for_one(self, db: Database, statements: list[str]) -> None:
        worlds = [await world(db, store_id=n) for n in (1, 2)]

        def one_line(there: World, n: int) -> Picking:
            scans = [Scan("s0" if n == 0 else "s2", None, 1, None, f"TUB-{n + 1}", NOON)]
            return Picking(stamp=there.stamp(), task_id=there.tasks[n], fence=1, lease=LEASE, scans=scans)

        counts = []
        for deeds in ([one_line(worlds[0], 0)], [one_line(there, n) for there in worlds for n in (0, 1)]):
            statements.clear()
            done = await together(db, "pick", deeds)
            assert all(isinstance(one, Done) for one in done)
            counts.append(len(statements))

        # Codes, tasks with lines, the tubs of tasks that had none, the movements, and all the rest.
        assert counts == [5, 5]

    async def test_a_tub_goes_to_the_first_who_scans_it(self, db: Database) -> None:
        there = await world(db)
        scans = [
            TubScan(stamp=there.stamp(), task_id=task_id, fence=1, lease=LEASE, tub="TUB-1") for task_id in there.tasks
        ]

        first, second = await together(db, "tub", scans)

        assert isinstance(first, Done)
        assert isinstance(second, Rejection)
        assert second.code == "wrong-tub"

    async def test_a_tub_given_back_is_free_for_the_next_act(self, db: Database) -> None:
        """The second task is named first, so that the tub is not right by the order in which tasks are written."""
        there = await world(db)
        first: dict[str, Any] = {"stamp": there.stamp(), "task_id": there.tasks[0], "fence": 1, "lease": LEASE}
        second: dict[str, Any] = {**first, "task_id": there.tasks[1]}
        bind = picks.SCAN_TUB, TubScan(**second, tub="TUB-1")
        assert isinstance((await together(db, "tub", [TubScan(**first, tub="TUB-1")]))[0], Done)

        early, renewed, released, bound = await batch(
            db, [bind, (actions.RENEW, Deed(**second)), (actions.RELEASE, Deed(**first)), bind]
        )

        assert isinstance(early, Rejection)
        assert early.code == "wrong-tub"
        assert all(isinstance(one, Done) for one in (renewed, released, bound))
        tubs = {row["tub"]: (row["state"], row["task_id"]) for row in await all_rows(db, "tubs")}
        assert tubs["TUB-1"] == ("filling", there.tasks[1])
        assert [t["tub"] for t in await all_rows(db, "tasks")] == [None, "TUB-1"]

    async def test_has_each_act_go_on_from_where_the_one_before_left_it(self, db: Database) -> None:
        """Two who put away units of one line: its pull gets what both of them put, not what the second one did."""
        there = await world(db)
        at: dict[str, Any] = {"stamp": there.stamp(), "task_id": there.tasks[0], "lease": LEASE}
        scans = [Scan(None, 1, 6, None, "TUB-1", NOON)]
        assert isinstance((await together(db, "pick", [Picking(**at, fence=1, scans=scans)]))[0], Done)
        assert isinstance((await together(db, "stage", [Staging(**at, fence=1, lane="LANE-1")]))[0], Done)
        assert isinstance((await together(db, "deliver", [Deed(**at)]))[0], Done)

        puts = [PutAway(**at, fence=2, settlements={1: Settlement(put=qty)}) for qty in (1, 2, 4)]
        results = await together(db, "put", puts)

        assert [isinstance(one, Done) for one in results] == [True, True, False]
        (pull,) = await all_rows(db, "pulls", sku="s0")
        assert (pull["qty_filled"], pull["qty_put"]) == (3, 3)
        assert (await audit(db)).holds


class TestTwoBatchesAtOnce:
    async def test_wait_for_each_other_and_lose_nothing(self, db: Database) -> None:
        """Batches name the same tasks in crossing orders, as two processes would: no deadlock, no unit too many."""
        worlds = [await world(db, store_id=n, tasks=3) for n in (1, 2)]
        for there in worlds:
            bind = [
                TubScan(stamp=there.stamp(), task_id=task_id, fence=1, lease=LEASE, tub=f"TUB-{n + 1}")
                for n, task_id in enumerate(there.tasks)
            ]
            assert all(isinstance(one, Done) for one in await together(db, "tub", bind))
        everything = [
            Picking(
                stamp=there.stamp(), task_id=task_id, fence=1, lease=LEASE,
                scans=[Scan(None, line_no, 1, None, None, NOON)],
            )
            for there in worlds for task_id in there.tasks for line_no in (1, 2)
        ]  # fmt: skip

        async def batch(n: int) -> int:
            done = await together(db, "pick", Random(n).sample(everything, len(everything)))
            return sum(isinstance(one, Done) for one in done)

        counted = await asyncio.gather(*(batch(n) for n in range(8)))

        assert sum(counted) == 2 * 3 * 2 * 6  # Stores, tasks, lines, eaches: eight batches wanted eight of each.
        assert (await audit(db)).holds
