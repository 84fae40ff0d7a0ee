"""Advice on a server's settings: given where it helps, silent where it does not."""

import json

import pytest

from pullsvc.cli import advice
from pullsvc.db import Database, sql
from pullsvc.embedded.settings import SETTINGS
from tests.cli.running import command

# What PostgreSQL 18 comes with.
DEFAULTS = {
    "autovacuum": "on", "autovacuum_naptime": "1min", "idle_in_transaction_session_timeout": "0",
    "shared_buffers": "128MB", "max_locks_per_transaction": "64", "random_page_cost": "4", "max_wal_size": "1GB",
    "checkpoint_timeout": "5min", "jit": "on",
}  # fmt: skip


class TestAdvise:
    def test_knows_the_defaults_that_do_not_suit(self) -> None:
        advised = {one.setting: (one.present, one.better) for one in advice.advise(DEFAULTS)}

        assert set(DEFAULTS) == set(advice.SETTINGS)
        assert set(advised) == set(DEFAULTS) - {"autovacuum"}
        assert advised["autovacuum_naptime"] == ("1min", "5s")

    def test_is_content_once_its_advice_is_taken(self) -> None:
        taken = DEFAULTS | {one.setting: one.better for one in advice.advise(DEFAULTS)}

        assert advice.advise(taken) == []

    def test_is_content_with_the_embedded_server(self) -> None:
        assert advice.advise({**DEFAULTS, **SETTINGS}) == []

    @pytest.mark.parametrize(
        ("setting", "fine", "not_fine"),
        [
            ("autovacuum_naptime", "15s", "20s"),
            ("shared_buffers", "6GB", "200MB"),
            ("idle_in_transaction_session_timeout", "30000ms", "1h"),
            ("random_page_cost", "1", "4"),
            ("max_wal_size", "10GB", "1024MB"),
            ("autovacuum", "on", "off"),
        ],
    )
    def test_reads_values_as_the_server_shows_them(self, setting: str, fine: str, not_fine: str) -> None:
        assert advice.advise({setting: fine}) == []
        assert [one.setting for one in advice.advise({setting: not_fine})] == [setting]

    def test_passes_over_what_the_server_does_not_have(self) -> None:
        assert advice.advise({}) == []


async def test_doctor_sees_what_others_get_and_not_what_it_set_for_itself(db: Database, database_url: str) -> None:
    """The service's own connections have jit off; a report's would not."""
    async with db.read() as tx:
        name = (await tx.one(sql("SELECT current_database() AS name"))).name
    pool = await db.pool()
    await pool.execute(f"ALTER DATABASE {name} SET jit = on; ALTER DATABASE {name} SET random_page_cost = 4")
    try:
        done = await command(database_url, "doctor", "--json", port="0")
    finally:
        await pool.execute(f"ALTER DATABASE {name} RESET jit; ALTER DATABASE {name} RESET random_page_cost")

    findings = [one for one in json.loads(done.stdout) if one["check"] == "server"]
    told = " ".join(one["finding"] for one in findings)
    assert "jit is on" in told
    assert "random_page_cost is 4" in told
    assert {one["state"] for one in findings} == {"note"}
