"""The service is killed in the middle of work and started again: nothing acknowledged is lost, nothing counts twice.

Each client keeps its request and its key until it has an answer, as a handheld does, and repeats what is
unanswered once the service is back.
"""

import asyncio
import os
import signal
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from pullsvc.access.rules import Role
from pullsvc.audit import audit
from pullsvc.db import Database, sql
from tests.factories import all_rows, fresh_key, key, location, stocked, store, tub
from tests.serving import serving

ANSWERED_BEFORE_THE_KILL = 60
CLIENTS = 8


@dataclass
class Outbox:
    """Requests of one client, in order, each with its key; answered ones are taken out."""

    waiting: list[tuple[str, dict[str, Any], dict[str, str]]] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)
    unanswered: int = 0

    async def flush(self, client: httpx.AsyncClient) -> None:
        """Send what is waiting until it is all answered, or the service is gone."""
        while self.waiting:
            path, body, headers = self.waiting[0]
            try:
                answer = await client.post(path, json=body, headers=headers)
            except httpx.TransportError:
                self.unanswered += 1
                return
            if answer.status_code == 503:
                continue
            assert answer.status_code in (200, 201), answer.text
            self.answers.append(answer.json())
            self.waiting.pop(0)


async def kill_when_busy(outboxes: list[Outbox], pid: int) -> None:
    """SIGKILL the service as soon as enough was answered, while more is under way."""
    while sum(len(box.answers) for box in outboxes) < ANSWERED_BEFORE_THE_KILL:  # noqa: ASYNC110 - eight outboxes
        await asyncio.sleep(0)
    os.kill(pid, signal.SIGKILL)


async def through_a_kill(database_url: str, folder: Path, outboxes: list[Outbox]) -> None:
    """Flush all outboxes at once, with the service killed in the middle and started again."""
    limits = httpx.Limits(max_connections=CLIENTS)
    with serving(database_url, folder, "--no-worker") as (process, address):
        async with httpx.AsyncClient(base_url=address, limits=limits, timeout=20) as client:
            killer = kill_when_busy(outboxes, process.pid)
            await asyncio.gather(killer, *(box.flush(client) for box in outboxes))
    left = sum(len(box.waiting) for box in outboxes)
    assert left > 0, "it was killed too late to prove anything"
    assert sum(box.unanswered for box in outboxes) > 0
    with serving(database_url, folder, "--no-worker") as (_, address):
        async with httpx.AsyncClient(base_url=address, limits=limits, timeout=20) as client:
            await asyncio.gather(*(box.flush(client) for box in outboxes))
    assert all(not box.waiting for box in outboxes)


async def test_killed_while_picking(db: Database, database_url: str, tmp_path: Path) -> None:
    """Eight workers scan unit by unit into eight tubs; every unit that was scanned is in its tub, once."""
    await store(db)
    await location(db, code="LANE-1", kind="lane")
    outboxes = []
    async with httpx.AsyncClient(timeout=20) as client:
        with serving(database_url, tmp_path, "--no-worker") as (_, address):
            for n in range(CLIENTS):
                await tub(db, plate=f"TUB-{n}")
                await stocked(db, sku=f"s{n}", bins={f"B{n}": 100}, capacity=40)
                bearer = {"Authorization": f"Bearer {await key(db, role=Role.BACKROOM)}"}
                url = f"{address}/v1/stores/1"
                await client.post(f"{url}/asks", json={"code": f"s{n}"}, headers=fresh_key() | bearer)
                claimed = await client.post(
                    f"{url}/claims", json={"tub": f"TUB-{n}", "max_lines": 1}, headers=fresh_key() | bearer
                )
                task = claimed.json()
                pick = {"fence": task["fence"], "line_no": 1, "qty": 1}
                path = f"/v1/stores/1/tasks/{task['task_id']}/picks"
                outboxes.append(Outbox([(path, pick, fresh_key() | bearer) for _ in range(40)]))

    await through_a_kill(database_url, tmp_path, outboxes)

    tubs = {b["location"]: b["qty"] for b in await all_rows(db, "balances", kind="tub")}
    assert tubs == {f"TUB-{n}": 40 for n in range(CLIENTS)}
    assert Counter(m["cause"] for m in await all_rows(db, "movements"))["pick"] == 40 * CLIENTS
    assert (await audit(db)).holds


async def test_killed_while_taking_in_sales(db: Database, database_url: str, tmp_path: Path) -> None:
    """Eight registers send receipts without any key: the receipt's own number is enough."""
    await store(db)
    await stocked(db, sku="milk", bins={"B1": 1}, capacity=10)
    bearer = {"Authorization": f"Bearer {await key(db, role=Role.POS)}"}
    now = datetime.now(UTC)  # noqa: TID251 - the service under test runs on the wall clock
    outboxes = [
        Outbox(
            [
                (
                    "/v1/stores/1/receipts",
                    {
                        "business_date": now.date().isoformat(),
                        "register": str(register),
                        "sequence": number,
                        "occurred_at": now.isoformat(),
                        "lines": [{"line_no": 1, "code": "milk", "quantity": 2}],
                    },
                    bearer,
                )
                for number in range(40)
            ]
        )
        for register in range(CLIENTS)
    ]

    await through_a_kill(database_url, tmp_path, outboxes)

    results = Counter(answer["result"] for box in outboxes for answer in box.answers)
    assert set(results) <= {"new", "repeated"}
    async with db.read() as tx:
        sold = await tx.one(sql("SELECT count(*) AS lines, sum(sold_qty) AS qty FROM sale_lines"))
    assert (sold.lines, sold.qty) == (40 * CLIENTS, 80 * CLIENTS)
    shelf = {b["location"]: b["qty"] for b in await all_rows(db, "balances", kind="shelf")}
    assert shelf == {"SH-milk": -80 * CLIENTS}
    assert (await audit(db)).holds
