"""The service under test: `pullsvc serve` in a process of its own, as an operator starts it."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pullsvc.bench.failures import BenchFailed
from pullsvc.bench.wire import Wire, request_of

START_LIMIT_S = 60.0
STOP_LIMIT_S = 30.0
LOOK_EVERY_S = 0.05
ADDRESS_WORD = " serves "
LOG_TAIL_CHARS = 2_000


@dataclass(frozen=True, slots=True)
class Service:
    """The running service.

    Attributes:
        address: Its URL.
        pid: Its process; with several workers the one that leads them.
    """

    address: str
    pid: int


@asynccontextmanager
async def serving(
    database_url: str, log: Path, *, workers: int = 1, settings: Mapping[str, str] | None = None
) -> AsyncIterator[Service]:
    """Serve the database, without the background loops, until the block is left.

    Args:
        database_url: A migrated database.
        log: File that the output is appended to.
        workers: Processes that take requests.
        settings: Further settings by their names in small letters.

    Raises:
        BenchFailed: it did not become ready.
    """
    began_at, process = await asyncio.to_thread(_start, database_url, log, workers, settings or {})
    try:
        yield Service(address=await _ready_address(process, log, began_at), pid=process.pid)
    finally:
        await asyncio.shield(asyncio.to_thread(_stop, process))


def _start(
    database_url: str, log: Path, workers: int, settings: Mapping[str, str]
) -> tuple[int, "subprocess.Popen[bytes]"]:
    words: Sequence[str] = ["serve", "--host", "127.0.0.1", "--port", "0", "--workers", str(workers), "--no-worker"]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PULLSVC_")}
    plain = {"database_url": database_url, "log_format": "json", "log_level": "WARNING", **settings}
    given = {f"PULLSVC_{name.upper()}": value for name, value in plain.items()}
    with log.open("ab") as out:
        process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "pullsvc", *words],
            env={**inherited, **given, "NO_COLOR": "1", "COLUMNS": "300"},
            stdin=subprocess.DEVNULL, stdout=out, stderr=out,
        )  # fmt: skip
        return out.tell(), process


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


async def _ready_address(process: "subprocess.Popen[bytes]", log: Path, began_at: int) -> str:
    """Read the log until it tells the address, then ask there until the service is ready."""
    wire = Wire()
    try:
        for _ in range(int(START_LIMIT_S / LOOK_EVERY_S)):
            if process.poll() is not None:
                raise BenchFailed(f"The service ended at once: {_tail(log)}")
            if address := _told_address(log, began_at):
                with suppress(OSError, BenchFailed):
                    await wire.connect(address)
                    if (await wire.send(request_of("GET", "/readyz", token="")))[0] == 200:
                        return address
            await asyncio.sleep(LOOK_EVERY_S)
    finally:
        wire.close()
    raise BenchFailed(f"The service was not ready within {START_LIMIT_S:.0f} s: {_tail(log)}")


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-LOG_TAIL_CHARS:]


def _told_address(log: Path, began_at: int) -> str | None:
    with log.open("rb") as file:
        file.seek(began_at)
        told = [line for line in file.read().decode(errors="replace").splitlines() if ADDRESS_WORD in line]
    return told[0].split(ADDRESS_WORD)[1].split()[0] if told else None
