"""The service of the demo: a process of its own, started as an operator would, and always stopped again."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from pullsvc.demo.failures import ServiceFailed

START_LIMIT_S = 60.0
STOP_LIMIT_S = 30.0
POLL_S = 0.05
ADDRESS_WORD = " serves "


@asynccontextmanager
async def serving(
    database_url: str, log: Path, *, environment: Mapping[str, str], words: Sequence[str] = ()
) -> AsyncIterator[str]:
    """Run `pullsvc serve` on a free port; gives its address once it is ready, and stops it however it is left.

    Args:
        database_url: A migrated database; holds its password.
        log: File that its output is appended to.
        environment: Further PULLSVC_ variables.
        words: Further arguments.

    Raises:
        ServiceFailed: it did not become ready.
    """
    begins_at, process = _start(database_url, log, environment=environment, words=words)
    try:
        yield await _ready_address(process, log, begins_at)
    finally:
        await asyncio.shield(asyncio.to_thread(_stop, process))


def _start(
    database_url: str, log: Path, *, environment: Mapping[str, str], words: Sequence[str]
) -> tuple[int, "subprocess.Popen[bytes]"]:
    """Start the process; return where in the log its output begins, and the process."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PULLSVC_")}
    plain = {"NO_COLOR": "1", "COLUMNS": "300", "PULLSVC_LOG_FORMAT": "json", "PULLSVC_DATABASE_URL": database_url}
    with log.open("ab") as out:
        process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "pullsvc", "serve", "--host", "127.0.0.1", "--port", "0", *words],
            env={**inherited, **plain, **environment}, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
        )  # fmt: skip
        return out.tell(), process


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


async def _ready_address(process: "subprocess.Popen[bytes]", log: Path, begins_at: int) -> str:
    """Read the log until it tells the address, then ask there until the service is ready."""
    async with httpx.AsyncClient(trust_env=False) as http:
        for _ in range(int(START_LIMIT_S / POLL_S)):
            if process.poll() is not None:
                raise ServiceFailed(f"The service ended at once; it says why in {log}")
            if address := _told_address(log, begins_at):
                with contextlib.suppress(httpx.TransportError):
                    if (await http.get(f"{address}/readyz")).status_code == 200:
                        return address
            await asyncio.sleep(POLL_S)
    raise ServiceFailed(f"The service was not ready within {START_LIMIT_S:.0f} s; see {log}")


def _told_address(log: Path, begins_at: int) -> str | None:
    with log.open("rb") as file:
        file.seek(begins_at)
        told = [line for line in file.read().decode(errors="replace").splitlines() if ADDRESS_WORD in line]
    return told[0].split(ADDRESS_WORD)[1].split()[0] if told else None


def logged_errors(log: Path) -> list[str]:
    """Return the errors in the log of the service; there should be none."""
    found = []
    for line in log.read_text(errors="replace").splitlines():
        entry = _entry(line)
        if entry.get("level") in ("error", "critical"):
            found.append(" ".join(str(entry.get(part, "")) for part in ("logger", "event", "loop")).strip())
    return found


def _entry(line: str) -> dict[str, Any]:
    with contextlib.suppress(ValueError):
        entry = json.loads(line)
        if isinstance(entry, dict):
            return entry
    return {}
