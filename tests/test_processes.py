"""Several processes on one database: two that take requests, workers beside them, any of them killed in the middle."""

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from pullsvc.audit import audit
from pullsvc.db import Database
from tests.factories import Floor, all_rows, floor, fresh_key, stocked, tub
from tests.feed.listening import messages
from tests.serving import environment, fast_clock, serving
from tests.waiting import LOOK_EVERY_S, PATIENCE_S, until

SPEED = 60.0  # A lease runs out while the test waits.
LEASE_S = 180
PICKERS = 6  # Half of them go through each process; a worker may hold three tasks.
PICKS_EACH = 40
PICKS_BEFORE_THE_KILLS = PICKERS * PICKS_EACH // 4
STREAM = "/v1/stores/1/stream?kind=line.picked&kind=task."


@contextmanager
def worker(database_url: str, log: Path, settings: dict[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """Run the loops in a process of their own."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "pullsvc", "worker"],
            env=environment(database_url, **settings), stdout=out, stderr=out,
        )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait(PATIENCE_S)


def port_of(answer: httpx.Response) -> int:
    """Our end of the connection that an answer came by."""
    _, port = answer.extensions["network_stream"].get_extra_info("client_addr")
    return int(port)


def process_behind(port: int, supervisor: int) -> int | None:
    """The process that has the other end of a connection of ours."""
    for child in psutil.Process(supervisor).children():
        if any(link.raddr and link.raddr.port == port for link in child.net_connections(kind="tcp")):
            return int(child.pid)
    return None


@asynccontextmanager
async def clients_of_each(address: str, supervisor: int) -> AsyncIterator[dict[int, list[httpx.AsyncClient]]]:
    """Two clients of one connection each, for each of the two processes that take requests, by process."""
    clients: dict[int, list[httpx.AsyncClient]] = {}
    opened: list[httpx.AsyncClient] = []

    async def another() -> bool:
        client = httpx.AsyncClient(base_url=address, timeout=PATIENCE_S, limits=httpx.Limits(max_connections=1))
        opened.append(client)
        pid = process_behind(port_of(await client.get("/livez")), supervisor)
        if pid is not None:
            clients.setdefault(pid, []).append(client)
        return len(clients) == 2 and min(map(len, clients.values())) >= 2

    await until(another)
    yield clients
    for client in opened:
        await client.aclose()


@dataclass
class Watcher:
    """A board: listens, comes back with the last id it saw when its stream breaks, and counts what it is told."""

    address: str
    headers: dict[str, str]
    seen: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    last: str | None = None
    breaks: int = 0
    ready: asyncio.Event = field(default_factory=asyncio.Event)

    async def watch(self, client: httpx.AsyncClient) -> None:
        """Listen for ever, first by the client given; each further stream by a connection of its own."""
        while True:
            try:
                resume = {"Last-Event-ID": self.last} if self.last else {}
                async with messages(client, STREAM, headers=self.headers | resume) as told:
                    async for message in told:
                        self.note(message.event, message.id, message.data)
                        if message.event == "ready":
                            self.ready.set()
            except httpx.TransportError:
                pass
            self.breaks += 1
            client = httpx.AsyncClient(base_url=self.address, timeout=PATIENCE_S)
            await asyncio.sleep(LOOK_EVERY_S)

    def note(self, event: str, cursor: str | None, data: Any) -> None:
        self.last = cursor or self.last
        if event == "":
            self.seen[data["kind"], data["subject"], data["event_id"]] += 1

    def times(self, kind: str) -> Counter[str]:
        """How many events of the kind were told of each subject, each as often as it was told."""
        told: Counter[str] = Counter()
        for (found, subject, _), times in self.seen.items():
            if found == kind:
                told[subject] += times
        return told


@dataclass
class Picker:
    """A handheld: sends scan by scan, each under its key, until it is answered."""

    path: str
    headers: dict[str, str]
    fence: int
    sent: int = 0
    unanswered: int = 0
    is_waiting: bool = False

    async def pick(self, client: httpx.AsyncClient) -> None:
        """Pick all, by the client given; its broken connection is opened anew to whoever answers."""
        while self.sent < PICKS_EACH:
            answer = await self.insist(client, fresh_key() | self.headers)
            assert answer.status_code == 201, answer.text
            self.sent += 1

    async def insist(self, client: httpx.AsyncClient, headers: dict[str, str]) -> httpx.Response:
        while True:
            try:
                body = {"fence": self.fence, "line_no": 1, "qty": 1}
                self.is_waiting = True
                answer = await client.post(self.path, json=body, headers=headers)
                self.is_waiting = False
            except httpx.TransportError:
                self.unanswered += 1
                await asyncio.sleep(LOOK_EVERY_S)
                continue
            if answer.status_code != 503:
                return answer


async def world(db: Database, client: httpx.AsyncClient) -> Floor:
    shop = await floor(db, client)
    for n in range(PICKERS):
        await tub(db, plate=f"T-{n}")
        await stocked(db, sku=f"s{n}", bins={f"B{n}": 200}, capacity=PICKS_EACH)
    for sku in ("early", "late"):
        await stocked(db, sku=sku, bins={f"B-{sku}": 20}, capacity=5)
    return shop


async def claim_all(shop: Floor, clients: list[httpx.AsyncClient]) -> list[Picker]:
    """A task for each picker, claimed through one process and the other by turns; Ben and Cid hold three each."""
    pickers = []
    for n in range(PICKERS):
        shop.client = clients[n % len(clients)]
        await shop.ask(f"s{n}")
        by = ("ben", "cid")[n % 2]
        task = await shop.claim(by=by, tub=f"T-{n}", max_lines=1)
        await shop.do(task, "picks", by=by, line_no=1, qty=1)  # With a unit in its tub no sweep takes it away.
        path = f"{shop.url}/tasks/{task['task_id']}/picks"
        pickers.append(Picker(path, {"Authorization": f"Bearer {shop.keys[by]}"}, task["fence"], sent=1))
    return pickers


async def forget_a_task(shop: Floor, address: str, sku: str) -> str:
    """Claim something and walk away: a worker has to notice. Returns which task."""
    async with httpx.AsyncClient(base_url=address, timeout=PATIENCE_S) as shop.client:
        await shop.ask(sku)
        task = await shop.claim(by="lea", max_lines=1)
    return str(task["task_id"])


async def all_told(watchers: list[Watcher], pickers: list[Picker]) -> None:
    """Wait until every board was told of every pick, and of the two tasks that nobody worked on."""

    async def told() -> bool:
        picks = min(watcher.times("line.picked").total() for watcher in watchers)
        released = min(watcher.times("task.released").total() for watcher in watchers)
        return picks >= PICKS_EACH * len(pickers) and released >= 2

    await until(told)


async def kill_half_way(pickers: list[Picker], *victims: int) -> None:
    """Kill while acts are under way; the first process serves every other picker."""
    asked_of_it = pickers[::2]
    answered_before = -1

    async def half_way() -> bool:
        return sum(picker.sent for picker in pickers) >= PICKS_BEFORE_THE_KILLS

    async def nothing_more_comes() -> bool:
        nonlocal answered_before
        before, answered_before = answered_before, sum(picker.sent for picker in asked_of_it)
        return answered_before == before and all(picker.is_waiting for picker in asked_of_it)

    await until(half_way)
    # A process that stands still answers nothing, so what was asked of it last is under way when it dies.
    os.kill(victims[0], signal.SIGSTOP)
    await until(nothing_more_comes)
    for pid in victims:
        os.kill(pid, signal.SIGKILL)


async def test_any_of_them_may_be_killed(db: Database, database_url: str, tmp_path: Path) -> None:
    """Acts go on through the other process, boards miss nothing, leases are swept, and no unit is picked twice."""
    fast = fast_clock(SPEED) | {"lease_s": str(LEASE_S), "sweep_interval_s": "0.2"}
    with (
        serving(database_url, tmp_path, "--workers", "2", "--no-worker", settings=fast) as (process, address),
        worker(database_url, tmp_path / "worker-1.log", fast) as first_worker,
        worker(database_url, tmp_path / "worker-2.log", fast),
    ):
        async with clients_of_each(address, process.pid) as clients, asyncio.TaskGroup() as group:
            victim = next(iter(clients))
            listening, acting = ([mine[n] for mine in clients.values()] for n in (0, 1))
            shop = await world(db, acting[0])
            bearer = {"Authorization": f"Bearer {shop.keys['lea']}"}
            watchers = [Watcher(address, bearer) for _ in listening]
            boards = [group.create_task(w.watch(by)) for w, by in zip(watchers, listening, strict=True)]
            for watcher in watchers:
                await watcher.ready.wait()
            pickers = await claim_all(shop, acting)
            early = await forget_a_task(shop, address, "early")
            work = [group.create_task(picker.pick(acting[n % 2])) for n, picker in enumerate(pickers)]
            await kill_half_way(pickers, victim, first_worker.pid)
            late = await forget_a_task(shop, address, "late")
            await asyncio.gather(*work)
            await all_told(watchers, pickers)
            for board in boards:
                board.cancel()

    assert sum(picker.unanswered for picker in pickers) > 0, "nothing was under way when the process was killed"
    assert [watcher.breaks for watcher in watchers] == [1, 0]
    for watcher in watchers:
        assert set(watcher.seen.values()) == {1}
        assert watcher.times("line.picked").total() == PICKERS * PICKS_EACH
        assert watcher.times("task.claimed").total() == PICKERS + 2
        assert watcher.times("task.released") == {early: 1, late: 1}
    tubs = {b["location"]: b["qty"] for b in await all_rows(db, "balances", kind="tub")}
    assert tubs == {f"T-{n}": PICKS_EACH for n in range(PICKERS)}
    finding = await audit(db)
    assert finding.holds, finding.breaches
