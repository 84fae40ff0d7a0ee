"""The whole demo on a few items and some hours of a day: a real service, a real database, real requests."""

from datetime import date, time
from pathlib import Path

import pytest

from pullsvc.access.rules import Role
from pullsvc.db import Database
from pullsvc.demo import run
from pullsvc.demo.client import Calls, Person, connect
from pullsvc.demo.dataset import load_store
from pullsvc.demo.failures import CallFailed, DatabaseTaken
from pullsvc.demo.model import DemoStore
from pullsvc.demo.panel import Panel
from pullsvc.demo.run import Plan
from pullsvc.demo.service import logged_errors
from tests.factories import all_rows
from tests.factories import store as some_store

# Long enough for a few looks of the watch also on a machine that is busy with other tests.
PLAN = Plan(real_s=15.0, opens=time(11), closes=time(17), staffed_from=time(11), staffed_until=time(17))


@pytest.fixture(scope="session")
def corner_shop(panel: Panel) -> DemoStore:
    """Thirty fast items: their shelves run empty again and again."""
    return load_store(seed=1, lines_per_day=400, history_days=7, day=date(2017, 10, 14), range_size=30, panel=panel)


class TestPlay:
    async def test_plays_a_day_in_both_stores_without_losing_a_unit(
        self, db: Database, database_url: str, corner_shop: DemoStore, tmp_path: Path
    ) -> None:
        told: dict[str, float] = {}
        log = tmp_path / "service.log"
        outcome = await run.play(corner_shop, PLAN, database_url=database_url, log=log, told=told.__setitem__)
        with_watch, without = outcome.days

        assert outcome.failures == []
        assert outcome.audit.holds
        assert outcome.audit.stores == 2
        assert with_watch.pulls["watch"] > 0
        assert without.pulls["watch"] == 0
        for day in outcome.days:
            assert day.units_sold + day.units_lost == day.units_wanted
            assert day.tubs > 0
            assert day.units_put > 0
            assert day.books_off == 0
        assert with_watch.units_wanted == without.units_wanted
        assert outcome.service.requests > 100
        assert told == {"loading": 1.0, "playing": 1.0, "summing up": 1.0}
        sold = await all_rows(db, "movements", to_location="@sold", store_id=1)
        today = [move["qty"] for move in sold if move["occurred_at"] >= corner_shop.day_starts_at]
        assert sum(today) == with_watch.units_sold

    async def test_leaves_a_database_with_stores_alone(
        self, db: Database, database_url: str, corner_shop: DemoStore, tmp_path: Path
    ) -> None:
        await some_store(db)
        before = await all_rows(db, "stores")

        with pytest.raises(DatabaseTaken, match="holds 1 store"):
            await run.play(corner_shop, PLAN, database_url=database_url, log=tmp_path / "log", told=lambda *_: None)
        assert await all_rows(db, "stores") == before
        assert await all_rows(db, "principals") == []


class TestLog:
    def test_finds_errors_among_what_was_logged(self, tmp_path: Path) -> None:
        log = tmp_path / "service.log"
        log.write_text(
            'pullsvc serves http://127.0.0.1:1\n{"level": "info", "event": "fine"}\n'
            '{"level": "error", "logger": "pullsvc.worker", "event": "loop failed", "loop": "watch"}\n[1]\n'
        )

        assert logged_errors(log) == ["pullsvc.worker loop failed watch"]


class TestPerson:
    async def test_gives_up_when_nobody_answers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("pullsvc.demo.client.RETRY_AFTER_S", 0.0)
        async with connect("http://127.0.0.1:9") as http:
            person = Person("Simulated worker 1", Role.BACKROOM, "pls_x", 1, http, Calls())

            with pytest.raises(CallFailed, match="no answer in 8 tries"):
                await person.get("board")
