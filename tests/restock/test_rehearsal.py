"""What would have happened with other settings: on made-up days, and over HTTP on a store's own."""

from typing import Any

import httpx
import numpy as np
import pytest

from pullsvc.access.rules import Role
from pullsvc.db import Database
from pullsvc.demand.evidence import Lines
from pullsvc.demand.levels import NANODAYS, Events, Kind, Levels
from pullsvc.demand.profile import DayCurve
from pullsvc.demand.value import Labour
from pullsvc.restock.rehearsal import Outcome, PastDay, rehearse
from pullsvc.restock.settings import Department, Settings
from tests.factories import signed_in, store
from tests.restock.world import shelf, watch

HOUR_S = 3600.0
REHEARSALS = "/v1/stores/1/watch-settings/rehearsals"


def levels(size: int, per_day: int) -> Levels:
    """Items that have sold so many single units a day for a month."""
    state = Levels.new(size)
    item = np.repeat(np.arange(size), per_day)
    ones = np.ones(len(item), dtype=np.int64)
    for _ in range(30):
        state.apply(Events(item, ones * int(Kind.SOLD), ones * (NANODAYS // 2), ones))
        state.roll_over(NANODAYS, traffic=1.0, groups=np.zeros(size, dtype=np.int64))
    return state


def day(*, size: int = 20, per_day: int = 64, workers: int = 1, capacity: int = 24, backroom: int = 100) -> PastDay:
    """Sixteen open hours, four of these units an hour and item; shelves are full in the morning."""
    second = np.tile(HOUR_S * (1 + 16 * (np.arange(per_day) + 0.5) / per_day), size)
    fill = {name: np.full(size, value) for name, value in (("c", capacity), ("b", backroom), ("six", 6), ("none", 0))}
    return PastDay(
        lines=Lines(np.repeat(np.arange(size), per_day), second, np.ones(size * per_day, dtype=np.int64)),
        curve=DayCurve(np.array([0, 1, 17, 24]) * HOUR_S, np.array([0, 0, 1, 1.0])),
        opens_s=HOUR_S, closes_s=17 * HOUR_S, levels=levels(size, per_day), book=fill["c"], capacity=fill["c"],
        presentation_min=fill["none"], case_pack=fill["six"], backroom=fill["b"],
        department=("dairy",) * (size // 2) + ("grocery",) * (size - size // 2), workers=workers,
        leads_s=(600, 900, 1200),
    )  # fmt: skip


class TestRehearse:
    def test_keeps_shelves_filled_that_would_have_run_empty(self) -> None:
        watched = rehearse(day(), Settings())
        alone = rehearse(day(), Settings(enabled=False))

        assert alone == Outcome(asked_units=20 * 64, lost_units=20 * (64 - 24))
        assert watched.lost_units < 0.05 * alone.lost_units
        assert watched.units >= 20 * 30
        assert 0 < watched.work_s < 16 * HOUR_S

    def test_brings_no_more_than_the_backroom_has(self) -> None:
        assert rehearse(day(backroom=10), Settings()).units <= 200

    def test_leaves_out_what_is_switched_off(self) -> None:
        dairy_off = rehearse(day(), Settings(departments={"dairy": Department(enabled=False)}))

        assert dairy_off.lost_units == pytest.approx(10 * 40, rel=0.05)

    def test_does_less_with_slower_hands(self) -> None:
        slow = rehearse(day(size=40), Settings(labour=Labour(line_s=900, unit_s=10)))

        assert slow.lost_units > 10 * rehearse(day(size=40), Settings()).lost_units

    def test_leaves_the_day_as_it_was(self) -> None:
        one = day()

        assert rehearse(one, Settings()) == rehearse(one, Settings())


class TestOverHttp:
    async def test_compares_the_settings_on_the_stores_own_days(self, db: Database, client: httpx.AsyncClient) -> None:
        await shelf(db, on_shelf=10)
        await watch(db)
        await signed_in(db, client, role=Role.MANAGER)
        answer = await client.post(REHEARSALS, json={"enabled": False, "days": 2})

        told: Any = answer.json()
        assert answer.status_code == 200
        assert (told["days"], told["asked_units"]) == (2, 2 * 96)
        assert told["changed"]["pulls"] == 0 < told["present"]["pulls"]
        assert told["changed"]["lost_units"] == 2 * (96 - 24)
        assert told["present"]["availability"] > told["changed"]["availability"] == 0.25
        assert (await client.get("/v1/stores/1/watch-settings")).json()["enabled"] is True

    async def test_has_nothing_to_tell_of_a_store_without_a_past(self, db: Database, client: httpx.AsyncClient) -> None:
        await store(db)
        await signed_in(db, client, role=Role.MANAGER)

        assert (await client.post(REHEARSALS, json={"enabled": True})).json()["days"] == 0

    async def test_is_for_managers_and_three_days_at_most(self, db: Database, client: httpx.AsyncClient) -> None:
        await store(db)
        await signed_in(db, client, role=Role.LEAD)
        assert (await client.post(REHEARSALS, json={"enabled": True})).status_code == 403
        await signed_in(db, client, role=Role.MANAGER)
        assert (await client.post(REHEARSALS, json={"enabled": True, "days": 4})).status_code == 422
