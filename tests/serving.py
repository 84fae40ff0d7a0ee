"""The service in a process of its own, as an operator starts it; and in this one, on a real socket."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import uvicorn
from fastapi import FastAPI

from pullsvc.app import begin_stop
from pullsvc.server import Server, address_of, bind

PATIENCE_S = 30.0
ADDRESS_WORD = " serves "


def environment(database_url: str, **settings: str) -> dict[str, str]:
    """The environment of a child: this one's, without any setting but those given."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PULLSVC_")}
    given = {f"PULLSVC_{name.upper()}": value for name, value in settings.items()}
    return {**inherited, "PULLSVC_DATABASE_URL": database_url, "NO_COLOR": "1", "COLUMNS": "300", **given}


def command(
    database_url: str, *words: str, settings: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run one command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "pullsvc", *words],
        env=environment(database_url, **settings or {}),
        capture_output=True, text=True, check=False, timeout=PATIENCE_S,
    )  # fmt: skip


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
    finally:
        process.kill()
        process.wait(PATIENCE_S)


def _ready_address(process: "subprocess.Popen[bytes]", log: Path) -> str:
    """Poll the log for the address, then the address until it is ready."""
    with httpx.Client(transport=httpx.HTTPTransport(retries=3)) as client:
        for _ in range(int(PATIENCE_S / 0.05)):
            assert process.poll() is None, log.read_text()
            told = [line for line in log.read_text().splitlines() if ADDRESS_WORD in line]
            if told:
                address = told[0].split(ADDRESS_WORD)[1].split()[0]
                if client.get(f"{address}/readyz", timeout=PATIENCE_S).status_code == 200:
                    return address
            try:
                process.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
    raise AssertionError(f"not ready in {PATIENCE_S} s: {log.read_text()}")


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
