"""The life of a server: start, share, stop, and what remains."""

import subprocess
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from pullsvc import embedded
from pullsvc.embedded import home as home_module
from pullsvc.embedded import waiting
from pullsvc.embedded.account import server_account
from pullsvc.embedded.home import Home
from pullsvc.embedded.probe import postmaster, processes
from tests.embedded.conftest import gone, other_process, read_line


async def fetch(url: str, statement: str) -> object:
    engine = create_async_engine(url)
    try:
        async with engine.connect() as connection:
            return (await connection.execute(text(statement))).scalar_one()
    finally:
        await engine.dispose()


class TestServer:
    async def test_serves_sqlalchemy_over_a_private_socket_with_safe_settings(self, home: Home) -> None:
        with embedded.server(data_dir=home.path) as pg:
            pg.ensure_database("shop")
            url = pg.url("shop")
            said = await fetch(
                url, "SELECT current_database() || ' ' || string_agg(setting, ' ' ORDER BY name) FROM pg_settings "
                "WHERE name IN ('fsync', 'full_page_writes', 'listen_addresses', 'synchronous_commit')",
            )  # fmt: skip
            collation = await fetch(url, "SELECT upper('é') || (SELECT min(x) FROM (VALUES ('a'), ('B')) t(x))")

            assert said == "shop on on  on"
            assert collation == "ÉB"
            assert is_private(Path(pg.address.host))
            assert home.password_file.stat().st_mode & 0o077 == 0
            assert pg.password not in repr(pg)
            assert pg.version.split(".")[0] == (home.cluster / "PG_VERSION").read_text().strip()

    def test_keeps_data_over_a_clean_stop(self, home: Home) -> None:
        with embedded.server(data_dir=home.path) as pg:
            pg.sql("CREATE TABLE kept AS SELECT 42 AS answer")
            assert embedded.status(home.path).state is embedded.State.RUNNING

        assert gone(home)
        assert not (home.cluster / "postmaster.pid").exists()
        assert embedded.status(home.path).state is embedded.State.STOPPED
        with embedded.server(data_dir=home.path) as pg:
            assert pg.sql("SELECT answer FROM kept") == "42"
            assert "not properly shut down" not in server_log(home)

    async def test_refuses_a_wrong_password(self, home: Home) -> None:
        with embedded.server(data_dir=home.path, unsafe_fast=True) as pg:
            wrong = make_url(pg.url()).set(password="wrong")

            with pytest.raises(DBAPIError, match="password authentication failed"):
                await fetch(wrong.render_as_string(hide_password=False), "SELECT 1")

    def test_creates_a_database_once_and_takes_plain_names_only(self, home: Home) -> None:
        with embedded.server(data_dir=home.path, unsafe_fast=True) as pg:
            pg.ensure_database("shop")
            pg.ensure_database("shop")

            assert pg.sql("SELECT current_database()", database="shop") == "shop"
            with pytest.raises(ValueError, match="not a plain database name"):
                pg.ensure_database('shop"; DROP DATABASE shop; --')

    def test_shares_one_server_between_processes_until_the_last_has_left(self, home: Home) -> None:
        with other_process(home):
            first = postmaster(home.cluster)
            with embedded.server(data_dir=home.path) as pg:
                assert postmaster(home.cluster) == first
                with other_process(home):
                    assert postmaster(home.cluster) == first
                assert pg.sql("SELECT 1") == "1"
            assert postmaster(home.cluster) == first
        assert gone(home)

    def test_starts_once_when_two_processes_start_at_the_same_moment(self, home: Home) -> None:
        with other_process(home, wait=False) as one, other_process(home, wait=False) as two:
            assert (read_line(one), read_line(two)) == ("ready\n", "ready\n")
            assert [process for process in processes(home.cluster) if is_postmaster(process)] == [
                postmaster(home.cluster)
            ]

    def test_waits_and_says_so_while_somebody_else_starts_or_stops(
        self, home: Home, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(waiting, "REPORT_EVERY_S", 0.05)
        with ExitStack() as somebody:
            somebody.enter_context(waiting.alone(home.start_lock, what="", report=print))
            said = []

            def release(text: str) -> None:
                said.append(text)
                somebody.close()

            with embedded.server(data_dir=home.path, unsafe_fast=True, report=release) as pg:
                assert pg.sql("SELECT 1") == "1"

        assert said[0] == "another process is starting or stopping PostgreSQL"

    async def test_puts_the_socket_elsewhere_when_the_path_is_too_long(self, home: Home) -> None:
        long = home.path / ("long" * 25)
        home.path.chmod(0o711)
        with embedded.server(data_dir=long, unsafe_fast=True) as pg:
            folder = Path(pg.address.host)

            assert not folder.is_relative_to(long)
            assert is_private(folder)
            assert owner(folder) == owner(Home(long).cluster)
            assert await fetch(pg.url(), "SELECT 1") == 1
            assert exists(folder)
        assert not exists(folder)

    async def test_uses_the_loopback_where_no_socket_fits(self, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(home_module, "SOCKET_PATH_MAX_BYTES", 10)
        with embedded.server(data_dir=home.path, unsafe_fast=True) as pg:
            assert pg.address.host == "127.0.0.1"
            assert await fetch(pg.url(), "SELECT 1") == 1
            wrong = make_url(pg.url()).set(password="wrong")
            with pytest.raises(DBAPIError, match="password authentication failed"):
                await fetch(wrong.render_as_string(hide_password=False), "SELECT 1")

    def test_says_what_the_server_said_when_it_does_not_start(self, home: Home) -> None:
        with embedded.server(data_dir=home.path, unsafe_fast=True):
            pass
        with (home.cluster / "postgresql.conf").open("a") as conf:
            conf.write("no_such_setting = 1\n")

        with pytest.raises(embedded.EmbeddedError, match="no_such_setting"), embedded.server(data_dir=home.path):
            pass

    def test_does_not_touch_data_of_another_major_version(self, home: Home) -> None:
        home.start_lock.touch()
        home.cluster.mkdir(mode=0o700)
        server_account().own(home.cluster)
        (home.cluster / "PG_VERSION").write_text("9\n")

        with pytest.raises(embedded.EmbeddedError, match="made by PostgreSQL 9"), embedded.server(data_dir=home.path):
            pass
        assert [entry.name for entry in home.cluster.iterdir()] == ["PG_VERSION"]

    def test_makes_the_cluster_anew_after_an_interrupted_attempt(self, home: Home) -> None:
        home.start_lock.touch()
        half_made = home.path / "cluster.new"
        half_made.mkdir()
        (half_made / "PG_VERSION").touch()

        with embedded.server(data_dir=home.path, unsafe_fast=True) as pg:
            assert pg.sql("SELECT 1") == "1"
        assert not half_made.exists()

    def test_refuses_a_folder_that_holds_other_things(self, home: Home) -> None:
        (home.path / "thesis.txt").touch()
        mode = home.path.stat().st_mode

        with pytest.raises(embedded.EmbeddedError, match="holds other things"), embedded.server(data_dir=home.path):
            pass
        assert home.path.stat().st_mode == mode

    def test_is_not_fooled_by_a_stale_pid_file_with_the_pid_of_somebody_else(self, home: Home) -> None:
        with embedded.server(data_dir=home.path, unsafe_fast=True):
            pass
        pidfile = home.cluster / "postmaster.pid"
        # Of the server's own user: PostgreSQL itself sees through a process that it may not signal.
        with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, **server_account().identity()) as somebody:
            pidfile.write_text(f"{somebody.pid}\n{home.cluster}\n1700000000\n5432\n{home.path}/run\n\n 1 2\nready\n")

            assert embedded.status(home.path).state is embedded.State.STOPPED
            with embedded.server(data_dir=home.path, unsafe_fast=True) as pg:
                assert pg.sql("SELECT 1") == "1"
            assert somebody.poll() is None


class TestStatus:
    def test_of_an_empty_folder_is_absent_and_makes_nothing(self, home: Home) -> None:
        assert embedded.status(home.path).state is embedded.State.ABSENT
        assert list(home.path.iterdir()) == []


def is_private(path: Path) -> bool:
    return path.stat().st_mode & 0o077 == 0


def owner(path: Path) -> int:
    return path.stat().st_uid


def exists(path: Path) -> bool:
    return path.exists()


def is_postmaster(pid: int) -> bool:
    """A child that was forked a moment ago still bears its parent's command line."""
    try:
        process = psutil.Process(pid)
        parent = process.parent()
        return "-D" in process.cmdline() and (parent is None or "-D" not in parent.cmdline())
    except psutil.NoSuchProcess:
        return False


def server_log(home: Home) -> str:
    return "".join(log.read_text() for log in (home.cluster / "log").glob("*.log"))
