"""SIGKILL for each process in turn: nothing committed is lost, nothing is left running, the next start works."""

import os
import signal
from pathlib import Path

import psutil

from pullsvc import embedded
from pullsvc.embedded.home import Home
from pullsvc.embedded.keeper import __file__ as keeper_script
from pullsvc.embedded.probe import postmaster
from pullsvc.embedded.waiting import open_lock, try_exclusive
from tests.embedded.conftest import gone, other_process, until
from tests.embedded.test_sharing import server_log


def keeper_of(home: Home) -> psutil.Process:
    pid = postmaster(home.cluster)
    assert pid
    keeper = psutil.Process(pid).parent()
    assert keeper
    assert keeper_script in keeper.cmdline()
    return keeper


def is_kept(home: Home) -> bool:
    fd = open_lock(home.keeper_lock)
    try:
        return not try_exclusive(fd)
    finally:
        os.close(fd)


class TestKilledUser:
    def test_the_server_stops_cleanly_and_the_data_stay(self, home: Home) -> None:
        with other_process(home) as user:
            with embedded.server(data_dir=home.path) as pg:
                pg.sql("CREATE TABLE kept AS SELECT 42 AS answer")
            user.kill()
        until(lambda: gone(home) and not is_kept(home), limit_s=5)

        with embedded.server(data_dir=home.path) as pg:
            assert pg.sql("SELECT answer FROM kept") == "42"
        assert "not properly shut down" not in server_log(home)

    def test_the_next_start_need_not_wait_for_the_stop(self, home: Home) -> None:
        with other_process(home) as user:
            user.kill()
        with embedded.server(data_dir=home.path) as pg:
            assert pg.sql("SELECT 1") == "1"
        assert gone(home)

    def test_the_server_goes_on_for_those_who_still_use_it(self, home: Home) -> None:
        with other_process(home) as user, embedded.server(data_dir=home.path) as pg:
            before = postmaster(home.cluster)
            user.kill()
            user.wait()
            looks = keeper_of(home).num_ctx_switches().voluntary

            until(lambda: keeper_of(home).num_ctx_switches().voluntary >= looks + 4)
            assert postmaster(home.cluster) == before
            assert pg.sql("SELECT 1") == "1"


class TestKilledKeeper:
    def test_the_orphaned_server_is_found_and_replaced(self, home: Home) -> None:
        with other_process(home) as user:
            with embedded.server(data_dir=home.path) as pg:
                pg.sql("CREATE TABLE kept AS SELECT 42 AS answer")
            keeper_of(home).kill()
            until(lambda: not is_kept(home))
            user.kill()
        orphan = postmaster(home.cluster)
        assert orphan

        with embedded.server(data_dir=home.path) as pg:
            assert postmaster(home.cluster) != orphan
            assert pg.sql("SELECT answer FROM kept") == "42"

    def test_the_last_user_stops_the_server_itself(self, home: Home) -> None:
        with embedded.server(data_dir=home.path):
            keeper_of(home).kill()
            until(lambda: not is_kept(home))
        assert gone(home)


class TestKilledServer:
    def test_comes_back_with_all_that_was_acknowledged(self, home: Home) -> None:
        with embedded.server(data_dir=home.path) as pg:
            pg.sql("CREATE TABLE kept AS SELECT 42 AS answer")
            pid = postmaster(home.cluster)
            assert pid
            os.kill(pid, signal.SIGKILL)

            until(lambda: postmaster(home.cluster) not in (None, pid))
            until(lambda: embedded.status(home.path).state is embedded.State.RUNNING)
            assert pg.sql("SELECT answer FROM kept") == "42"

    def test_together_with_its_keeper_is_recovered_at_the_next_start(self, home: Home) -> None:
        with other_process(home) as user:
            with embedded.server(data_dir=home.path) as pg:
                pg.sql("CREATE TABLE kept AS SELECT 42 AS answer")
            pid = postmaster(home.cluster)
            assert pid
            keeper_of(home).kill()
            os.kill(pid, signal.SIGKILL)
            user.kill()

        with embedded.server(data_dir=home.path) as pg:
            assert pg.sql("SELECT answer FROM kept") == "42"
        assert "not properly shut down" in server_log(home)
        assert not Path(home.cluster / "postmaster.pid").exists()
