"""The real processes, as an operator starts and stops them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from pullsvc.db import Database
from tests.cli.running import command_now
from tests.factories import key, store
from tests.serving import environment, serving
from tests.waiting import PATIENCE_S, until_now

STOP_LIMIT_S = 5.0
BALANCES = "/v1/stores/1/balances"


def stop(process: "subprocess.Popen[bytes]") -> float:
    """Send SIGTERM; return how long the process took to end well."""
    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 0
    return time.monotonic() - started


def get(address: str, token: str | None = None) -> httpx.Response:
    return httpx.get(address, headers={"Authorization": f"Bearer {token}"} if token else {}, timeout=PATIENCE_S)


@pytest.fixture
async def token(db: Database) -> str:
    """The key of a lead in a new store."""
    await store(db)
    return await key(db, role="lead")


READY_COUNTED = 'pullsvc_requests_total{method="GET",route="/readyz",status="200"}'


class TestServe:
    def test_ends_well_and_soon_with_a_stream_open(self, token: str, database_url: str, tmp_path: Path) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        with (
            serving(database_url, tmp_path) as (process, address),
            httpx.Client(base_url=address, headers=headers, timeout=PATIENCE_S) as client,
            client.stream("GET", "/v1/stores/1/stream") as stream,
        ):
            lines = stream.iter_lines()
            assert next(lines).startswith("retry:")
            took_s = stop(process)
            left = list(lines)

        assert took_s < STOP_LIMIT_S
        assert "event: bye" in left

    def test_a_key_works_until_it_is_revoked(self, token: str, database_url: str, tmp_path: Path) -> None:
        made = command_now(database_url, "keys", "create", "--name", "Ana", "--store", "1=lead", "--json")
        new = json.loads(made.stdout)
        with serving(database_url, tmp_path, "--no-worker", settings={"key_cache_s": "0"}) as (_, address):
            before = get(address + BALANCES, new["token"])
            revoked = command_now(database_url, "keys", "revoke", new["key_id"])
            after = [get(address + BALANCES, one) for one in (new["token"], token, None)]

        assert (before.status_code, revoked.returncode) == (200, 0)
        assert [answer.status_code for answer in after] == [401, 200, 401]

    def test_several_processes_share_the_address_and_a_killed_one_is_replaced(
        self, db: Database, database_url: str, tmp_path: Path
    ) -> None:
        with serving(database_url, tmp_path, "--workers", "2") as (process, address):
            children = until_now(lambda: len(found := children_of(process.pid)) == 3 and found)
            assert children
            # A request is counted just after its answer has left, so the answer alone does not tell that it is.
            until_now(lambda: READY_COUNTED in get(f"{address}/metrics").text)
            os.kill(children[0], signal.SIGKILL)
            until_now(lambda: len(found := children_of(process.pid)) == 3 and children[0] not in found)
            metrics = get(f"{address}/metrics")
            took_s = stop(process)

        assert READY_COUNTED in metrics.text
        assert took_s < STOP_LIMIT_S
        assert [pid for pid in children if Path(f"/proc/{pid}").exists()] == []

    def test_says_how_to_make_the_first_key_and_that_an_address_is_taken(
        self, db: Database, database_url: str, tmp_path: Path
    ) -> None:
        with serving(database_url, tmp_path) as (_, address):
            second = command_now(database_url, "serve", "--port", address.rsplit(":", 1)[1])

        assert "pullsvc keys create" in (tmp_path / "serve.log").read_text()
        assert second.returncode == 1
        assert "cannot listen on 127.0.0.1" in second.stderr


def children_of(pid: int) -> list[int]:
    """The processes that `pid` has spawned to serve, oldest first; not the one that tracks their resources."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


class TestWorker:
    def test_runs_alone_and_stops(self, db: Database, database_url: str, tmp_path: Path) -> None:
        with (tmp_path / "worker.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "pullsvc", "worker"], env=environment(database_url), stdout=log, stderr=log
            )
        try:
            until_now(lambda: "worker started" in (tmp_path / "worker.log").read_text())
            took_s = stop(process)
        finally:
            process.kill()
            process.wait()

        assert took_s < STOP_LIMIT_S
