"""Every act of the random days once, in an order in which all succeed: what chance may leave out is met here."""

from collections.abc import Iterator

import pytest

from pullsvc.db import Database
from tests.test_day import MET, SPLITS, Day


@pytest.fixture
def day(db: Database, database_url: str) -> Iterator[Day]:
    Day.url = database_url  # It has a loop, and so a pool, of its own.
    MET.clear()
    one = Day()
    one.a_store(stock=[20] * 9, asked={"milk", "soap"})
    yield one
    one.teardown()


def holds(day: Day) -> None:
    day.the_laws_hold()
    day.every_sale_counts_once()
    day.every_supplied_unit_is_known()
    day.one_holder_and_nothing_planned_twice()


def test_the_usual_day_keeps_the_laws(day: Day) -> None:
    for n, split in enumerate(SPLITS):
        day.start_a_tub("ben", {"milk", "soap"}, 3)
        day.pick(0, 1, 1, None)
        day.unpick(0, 1, 1)
        day.skip(0, 2)
        day.short(0, 1, "not_there", found_after_all=n % 2 == 0)
        holds(day)
        day.bring_to_the_floor(0)
        day.put_away(0, split, rest=n % 3 > 0)
        holds(day)
        day.put_away(0, {}, rest=True)
        day.sell("milk", 2, "sale", 0)
        day.receive("milk", 9, "B1")
        day.receive("soap", 9, "B2")
        holds(day)
    day.repeat(1)
    day.correct(1, 3, void=False)
    day.correct(2, 3, void=True)
    day.receive("eggs", 4, "RECEIVING")
    day.carry("eggs", 2, "RECEIVING", "B2")
    day.count("eggs", 3, "B2", 0)
    day.cancel(3)
    holds(day)
    day.start_a_tub("cid", {"milk", "eggs"}, 2)
    day.time_passes(40)
    day.watch()
    day.release(0)
    holds(day)

    for what in ("asks 201", "claims 201", "picks 201", "unpicks 201", "skips 201", "shorts 201", "short-undos 201",
                 "staging 201", "delivery 201", "puts 201", "unit put", "unit returned", "unit damaged", "unit missing",
                 "counts 201", "moves 201", "receipt corrected", "receipt repeated", "swept"):  # fmt: skip
        assert MET[what] > 0, (what, dict(MET))
