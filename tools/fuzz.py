"""Send thousands of odd requests to a running service, by its own contract; status 1 when one is answered wrongly.

Uses PULLSVC_DATABASE_URL's server, in a database of its own, or a throwaway embedded PostgreSQL. The store is the one
of the contract's examples, the clock stands where they do, and seeds are fixed: a finding comes again.
"""

# ruff: noqa: INP001 - a script, not a package.
import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from sqlalchemy import make_url

from pullsvc import embedded
from pullsvc.audit import audit
from pullsvc.db import Database
from pullsvc.demo.service import logged_errors
from pullsvc.running import serving

TOOLS = Path(__file__).parent
DATABASE = "pullsvc_fuzz"
CLOCK_START = "2026-03-14T12:30:00Z"  # Half an hour after the examples.
PHASES = "examples,coverage,fuzzing"
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,negative_data_rejection,missing_required_header,unsupported_method,"
    "allow_header_conformance,ignored_auth"
)
ENDLESS = "/stream$"  # Server-sent events: the answer never ends.
ITEMS = 6
OPEN_DAILY = {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}


@asynccontextmanager
async def fresh_database() -> AsyncIterator[str]:
    """Give the URL of an empty database, dropped at the end."""
    given = os.environ.get("PULLSVC_DATABASE_URL")
    with ExitStack() as stack:
        if not given:
            folder = embedded.throwaway_dir(stack)
            given = stack.enter_context(embedded.server(data_dir=folder, unsafe_fast=True)).url("postgres")
        server = make_url(given).set(drivername="postgresql")
        connection = await asyncpg.connect(server.render_as_string(hide_password=False))
        try:
            await connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
            await connection.execute(f"CREATE DATABASE {DATABASE}")
            yield server.set(database=DATABASE).render_as_string(hide_password=False)
        finally:
            await connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
            await connection.close()


def pullsvc(database_url: str, *words: str) -> str:
    """Run a command of the service and return what it prints."""
    environment = {**os.environ, "PULLSVC_DATABASE_URL": database_url}
    command = [sys.executable, "-m", "pullsvc", *words]
    return subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout  # noqa: S603 - our own program


class Seeding:
    """A store, set up over the public API; every answer must be a good one."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._acts = 0

    async def put(self, path: str, **body: Any) -> None:
        """Create something."""
        (await self._http.put(f"/v1/stores/1{path}", json=body)).raise_for_status()

    async def post(self, path: str, **body: Any) -> Any:
        """Do something, and return the answer."""
        self._acts += 1
        key = {"Idempotency-Key": f"seeding-{self._acts:04}"}
        answer = await self._http.post(f"/v1/stores/1{path}", json=body, headers=key)
        return answer.raise_for_status().json()

    async def place(self, sku: str, shelf: str, code: str) -> None:
        """Make an item with its shelf and stock in two bins."""
        await self.put(f"/items/{sku}", description="Oat drink 1 l", department="grocery", barcodes=[{"code": code}])
        await self.put(f"/locations/{shelf}", kind="shelf", zone="ambient")
        await self.put(f"/placements/{shelf}/{sku}", capacity=24)
        for location in ("BR-A-03-2", "BR-B-01-1"):
            await self.post("/receivings", code=sku, qty=500, location=location)

    async def store(self) -> None:
        """Make the store of the contract's examples, and one item and shelf for each of the pulls to come."""
        await self.put("", name="Main Street", time_zone="America/New_York", opening_hours=OPEN_DAILY)
        for place, kind in {"BR-A-03-2": "backroom", "BR-B-01-1": "backroom", "LANE-2": "lane"}.items():
            await self.put(f"/locations/{place}", kind=kind, zone="ambient")
        await self.place("1082185", "A07-3", "9521234543213")
        await self.place("4006381", "A07-03-2", "4006381333931")
        for n in range(1, ITEMS + 1):
            await self.place(f"SKU{n}", f"SHELF{n}", f"CODE-{n}")
        for tub in ("TUB-0042", "TUB1", "TUB2", "TUB3"):
            await self.put(f"/tubs/{tub}")

    async def work(self) -> None:
        """Leave open pulls, and tasks in hand, staged and on the floor."""
        await self.post("/gap-scans", asks=[{"code": f"SKU{n}"} for n in range(1, ITEMS + 1)])
        for tub, acts in {"TUB1": 1, "TUB2": 2, "TUB3": 3}.items():
            task = await self.post("/claims", tub=tub, max_lines=1)
            url, fence = f"/tasks/{task['task_id']}", task["fence"]
            await self.post(f"{url}/picks", fence=fence, line_no=1, qty=6)
            if acts > 1:
                await self.post(f"{url}/staging", fence=fence, lane="LANE-2")
            if acts > 2:
                await self.post(f"{url}/delivery")


def schemathesis(address: str, token: str, *, examples: int, seed: int, more: list[str]) -> int:
    """Run schemathesis over the contract; return its status."""
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "run", f"{address}/openapi.json",
        "--phases", PHASES, "--checks", CHECKS,
        "--exclude-path-regex", ENDLESS, "--max-examples", str(examples), "--seed", str(seed), "--workers", "1",
        "--generation-database", "none", "--suppress-health-check", "all", "--warnings", "off", *more,
    ]  # fmt: skip
    hooks = {"SCHEMATHESIS_HOOKS": "fuzz_hooks", "PYTHONPATH": str(TOOLS), "FUZZ_TOKEN": token}
    return subprocess.run(command, env={**os.environ, **hooks}, check=False).returncode  # noqa: S603 - a program that we installed


async def breaches(database_url: str) -> list[str]:
    """Return which laws do not hold any more."""
    db = Database(database_url, statement_timeout_s=60)
    try:
        return [str(breach) for breach in (await audit(db)).breaches]
    finally:
        await db.close()


async def fuzz(*, examples: int, seed: int, more: list[str]) -> int:
    """Run it all; return 0 when every request was answered as the contract says and the laws hold."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        log = folder / "serve.log"
        database_url = await stack.enter_async_context(fresh_database())
        pullsvc(database_url, "migrate")
        token = json.loads(pullsvc(database_url, "keys", "create", "--name", "fuzz", "--chain-role", "admin", "--json"))
        clock: Mapping[str, str] = {"PULLSVC_CLOCK_START": CLOCK_START}
        service = await stack.enter_async_context(serving(database_url, log, settings=clock))
        headers = {"Authorization": f"Bearer {token['token']}"}
        async with httpx.AsyncClient(base_url=service.address, headers=headers, trust_env=False) as http:
            seeding = Seeding(http)
            await seeding.store()
            await seeding.work()
        status = await asyncio.to_thread(
            schemathesis, service.address, token["token"], examples=examples, seed=seed, more=more
        )
        found = [*logged_errors(log), *await breaches(database_url)]
    for line in found:
        sys.stderr.write(f"found: {line}\n")
    return 1 if status or found else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--max-examples", type=int, default=40, help="cases per operation in the fuzzing phase")
    parser.add_argument("--seed", type=int, default=1)
    known, rest = parser.parse_known_args()
    sys.exit(asyncio.run(fuzz(examples=known.max_examples, seed=known.seed, more=rest)))
