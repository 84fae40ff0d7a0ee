"""Looks at silent shelves: asked for, answered, graded; and how well they find units that vanished unseen."""

from datetime import timedelta
from typing import Any

import numpy as np

from pullsvc.db import Database, sql
from pullsvc.demand.levels import NANODAYS, Events, Kind, Levels
from pullsvc.demand.queries import STORED
from pullsvc.demand.silence import Grade, best_checks, level_before, silence_of
from pullsvc.restock.gap_checks import SILENT
from tests.factories import NOON, all_rows, sale
from tests.restock.world import count, shelf, watch

TOMORROW = NOON + timedelta(days=1)


async def silent_store(db: Database, *, silent: int = 1, loud: int = 2) -> None:
    """Items that sold all week; the silent ones have sold nothing since yesterday noon, by the books they are there."""
    for n in range(silent + loud):
        await shelf(db, sku=f"{'silent' if n < silent else 'loud'}{n}", on_shelf=20)
    for n in range(silent, silent + loud):
        for half_hours in range(1, 40):
            await sale(db, sku=f"loud{n}", qty=1, at=TOMORROW - timedelta(minutes=30 * half_hours))


async def asked(db: Database) -> list[dict[str, Any]]:
    return await all_rows(db, "counts", reason=SILENT, state="requested")


class TestListen:
    async def test_asks_for_a_look_at_the_shelf_of_a_silent_item(self, db: Database) -> None:
        await silent_store(db)
        run = await watch(db, now=TOMORROW)

        (wanted,) = await asked(db)
        assert (run.checks, wanted["sku"], wanted["location"]) == (1, "silent0", "A1")
        (kept,) = await all_rows(db, "gap_checks")
        assert (kept["count_id"], kept["answered_at"]) == (wanted["count_id"], None)
        assert kept["p_model"] > 0.5
        assert kept["silent_days"] > 0.8

    async def test_believes_an_empty_shelf_and_frees_the_silence(self, db: Database) -> None:
        """The item was gone for a day: that day does not count against it any more, and the detector was right."""
        await silent_store(db)
        await watch(db, now=TOMORROW)
        await count(db, "silent0", 0, at=TOMORROW + timedelta(minutes=5))
        (before,) = await all_rows(db, "sell_through", sku="silent0")
        await watch(db, now=TOMORROW + timedelta(hours=1))
        (after,) = await all_rows(db, "sell_through", sku="silent0")

        (schedule,) = await all_rows(db, "watch_schedule")
        (kept,) = await all_rows(db, "gap_checks")
        assert (schedule["hits"], schedule["looks"], schedule["promised"]) == (1, 1, kept["p_model"])
        assert kept["was_empty"] is True
        was, now = (Levels.from_rows(np.frombuffer(r["state"], STORED)[None, :], layout=1) for r in (before, after))
        assert now.exposure[0] == was.exposure[0] - was.silent_recent[0]
        assert now.silent[0] == 0 < was.silent[0]
        assert await asked(db) == []

    async def test_holds_a_full_shelf_against_the_detector(self, db: Database) -> None:
        await silent_store(db)
        await watch(db, now=TOMORROW)
        await count(db, "silent0", 20, at=TOMORROW + timedelta(minutes=5))
        await watch(db, now=TOMORROW + timedelta(hours=1))

        (schedule,) = await all_rows(db, "watch_schedule")
        assert (schedule["hits"], schedule["looks"]) == (0, 1)

    async def test_asks_for_no_more_than_so_many_an_hour_and_none_twice(self, db: Database) -> None:
        await silent_store(db, silent=8)
        first = await watch(db, now=TOMORROW)
        again = await watch(db, now=TOMORROW + timedelta(minutes=30))
        unanswered = await watch(db, now=TOMORROW + timedelta(hours=1))

        assert (first.checks, again.checks, unanswered.checks) == (6, 0, 0)
        for row in await asked(db):
            await count(db, row["sku"], 20, at=TOMORROW + timedelta(hours=1))
        await watch(db, now=TOMORROW + timedelta(hours=2))
        assert len([row for row in await asked(db) if row["sku"].startswith("silent")]) == 2

    async def test_listens_to_nothing_where_it_is_not_wanted(self, db: Database) -> None:
        await silent_store(db)
        await watch(db)
        async with db.begin() as tx:
            await tx.run(sql("UPDATE watch_settings SET checks_an_hour = 0"))

        assert (await watch(db, now=TOMORROW)).checks == 0


def test_finds_most_unseen_losses_and_more_than_half_of_the_looks_find_one() -> None:
    """300 items, 60 days to learn, then 30 days on which each loses its shelf once in 200 days; two rounds a day.

    Losses of items that sell two lines a day and more; of slower ones nothing can be told within days.
    """
    rng = np.random.default_rng(11)
    size, groups = 300, np.zeros(300, dtype=np.int64)
    pace = np.exp(rng.normal(0.8, 1.0, size))
    levels, grade = Levels.new(size), Grade()
    gone = np.zeros(size, dtype=bool)
    lost_fast = found_fast = looks = hits = 0
    for day in range(90):
        if day >= 60:
            new = (rng.random(size) < 0.005) & ~gone
            gone |= new
            lost_fast += int((new & (pace >= 2)).sum())
        for half in (1, 2):
            at = half * NANODAYS // 2
            item = np.repeat(np.arange(size), rng.poisson(np.where(gone, 0, pace) / 2))
            second = np.full(len(item), at - 1, dtype=np.int64)
            levels.apply(Events(item, np.full(len(item), int(Kind.SOLD)), second, np.ones(len(item), dtype=np.int64)))
            if day < 60:
                continue
            silence = silence_of(levels, at, traffic=1.0, grade=grade)
            stock = np.full(size, 20, dtype=np.int64)
            rows = best_checks(
                silence, level_before(levels), stock=stock, capacity=stock, until_close=0.5, price=2e-3, k=6
            )
            for row in rows.tolist():
                looks, hits = looks + 1, hits + int(gone[row])
                found_fast += int(gone[row] and pace[row] >= 2)
                grade = grade.answered(was_empty=bool(gone[row]), p_model=float(silence.p_model[row]))
            levels.apply(Events(rows, np.full(len(rows), int(Kind.SEEN)), np.full(len(rows), at), np.ones_like(rows)))
            gone[rows] = False
        levels.roll_over(NANODAYS, traffic=1.0, groups=groups)
    precision, recall = hits / looks, found_fast / lost_fast
    assert (precision > 0.5, recall > 0.75) == (True, True), (precision, recall, looks, lost_fast)
