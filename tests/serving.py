"""The service in a process of its own, as an operator starts it; and in this one, on a real socket."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import uvicorn
from fastapi import FastAPI

from pullsvc.app import begin_stop
from pullsvc.config import PREFIX, clock_environment
from pullsvc.server import Server, address_of, bind
from tests.factories import NOON
from tests.waiting import PATIENCE_S, until_now

ADDRESS_WORD = " serves "
SHOWN_LOG_CHARS = 20_000


def environment(database_url: str, **settings: str) -> dict[str, str]:
    """The environment of a child: this one's, without any setting but those given."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PULLSVC_")}
    given = {f"PULLSVC_{name.upper()}": value for name, value in settings.items()}
    return {**inherited, "PULLSVC_DATABASE_URL": database_url, "NO_COLOR": "1", "COLUMNS": "300", **given}


def fast_clock(speed: float) -> dict[str, str]:
    """Settings that make processes started at different times tell the same fast time, from the tests' noon on."""
    now = datetime.now(UTC)  # noqa: TID251 - the origin of the clock that the processes share
    given = clock_environment(start=NOON, origin=now, speed=speed)
    return {name.removeprefix(PREFIX).lower(): value for name, value in given.items()}


@contextmanager
def serving(
    database_url: str, folder: Path, *words: str, settings: Mapping[str, str] | None = None
) -> Iterator[tuple["subprocess.Popen[bytes]", str]]:
    """Run `serve`; gives the process and its address once that answers as ready, and leaves nothing running."""
    log = folder / "serve.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "pullsvc", "serve", "--port", "0", *words],
            env=environment(database_url, **settings or {}), stdout=out, stderr=out,
        )  # fmt: skip
    try:
        yield process, _ready_address(process, log)
    except BaseException:
        print(log.read_text()[-SHOWN_LOG_CHARS:])  # noqa: T201 - shown with the test that failed, or nobody knows why
        raise
    finally:
        process.kill()
        process.wait(PATIENCE_S)


def _ready_address(process: "subprocess.Popen[bytes]", log: Path) -> str:
    """Wait for the address in the log, then for it to be ready."""

    def told() -> str | None:
        assert process.poll() is None, log.read_text()
        lines = [line for line in log.read_text().splitlines() if ADDRESS_WORD in line]
        return lines[0].split(ADDRESS_WORD)[1].split()[0] if lines else None

    address = until_now(told)
    assert address
    until_now(lambda: httpx.get(f"{address}/readyz", timeout=PATIENCE_S).status_code == 200)
    return address


@asynccontextmanager
async def listening(app: FastAPI) -> AsyncIterator[str]:
    """Serve the app in this process on a socket; the test's httpx transport cannot stream."""
    started = asyncio.Event()
    listener = bind("127.0.0.1", 0)
    address = address_of(listener)
    config = uvicorn.Config(app, log_config=None, lifespan="off", ws="none", timeout_graceful_shutdown=3)
    server = Server(config, on_started=started.set)
    running = asyncio.create_task(server.serve([listener]))
    await started.wait()
    try:
        yield address
    finally:
        await begin_stop(app)
        server.should_exit = True
        await running
