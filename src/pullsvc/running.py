"""The service run as an operator runs it: `pullsvc serve` in a process of its own, always stopped again.

For programs that need a whole service to talk to: the demo and the bench.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

START_LIMIT_S = 60.0
STOP_LIMIT_S = 30.0
LOOK_EVERY_S = 0.05
ADDRESS_WORD = " serves "
LOG_TAIL_CHARS = 2_000


class ServiceFailed(Exception):
    """The service did not start, or ended by itself; the text has the end of its log."""


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
    database_url: str, log: Path, *, settings: Mapping[str, str], words: Sequence[str] = (), host: str = "127.0.0.1"
) -> AsyncIterator[Service]:
    """Run `pullsvc serve` on a free port until the block is left; enter once it is ready.

    Args:
        database_url: A migrated database; holds its password, so it travels in the environment.
        log: File that its output is appended to.
        settings: Further settings, by their PULLSVC_ names.
        words: Further arguments.
        host: Address to listen on.

    Raises:
        ServiceFailed: it did not become ready.
    """
    began_at, process = await asyncio.to_thread(_start, database_url, log, settings, ["--host", host, *words])
    try:
        yield Service(address=await _ready_address(process, log, began_at), pid=process.pid)
    finally:
        await asyncio.shield(asyncio.to_thread(_stop, process))


def _start(
    database_url: str, log: Path, settings: Mapping[str, str], words: Sequence[str]
) -> tuple[int, "subprocess.Popen[bytes]"]:
    """Start the process; return where in the log its output begins, and the process."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PULLSVC_")}
    plain = {"NO_COLOR": "1", "COLUMNS": "300", "PULLSVC_LOG_FORMAT": "json", "PULLSVC_DATABASE_URL": database_url}
    with log.open("ab") as out:
        process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "pullsvc", "serve", "--port", "0", *words],
            env={**inherited, **plain, **settings}, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
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
    async with httpx.AsyncClient(trust_env=False) as http:
        for _ in range(int(START_LIMIT_S / LOOK_EVERY_S)):
            if process.poll() is not None:
                raise ServiceFailed(f"The service ended at once; it says why in {log}: {_tail(log)}")
            if address := _told_address(log, began_at):
                with suppress(httpx.TransportError):
                    if (await http.get(f"{address}/readyz")).status_code == httpx.codes.OK:
                        return address
            await asyncio.sleep(LOOK_EVERY_S)
    raise ServiceFailed(f"The service was not ready within {START_LIMIT_S:.0f} s; see {log}: {_tail(log)}")


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-LOG_TAIL_CHARS:]


def _told_address(log: Path, began_at: int) -> str | None:
    with log.open("rb") as file:
        file.seek(began_at)
        told = [line for line in file.read().decode(errors="replace").splitlines() if ADDRESS_WORD in line]
    return told[0].split(ADDRESS_WORD)[1].split()[0] if told else None
