"""A store at its busiest: eight people act at once over HTTP, and at the end everything is where the books say.

The service runs as an operator starts it, with its loops, on a clock so fast that leases run out. Each person draws
acts by a seed of their own; how they fall between each other is the machine's. BUSY_DAYS and BUSY_ACTS do more.
"""

import asyncio
import json
import os
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from pullsvc.access.rules import Role
from pullsvc.audit import audit
from pullsvc.db import Database, sql
from tests.factories import NOON, all_rows, fresh_key, key, location, placement, stocked, store, tub
from tests.serving import fast_clock, serving
from tests.waiting import PATIENCE_S

DAYS = int(os.environ.get("BUSY_DAYS", "1"))
ACTS_EACH = int(os.environ.get("BUSY_ACTS", "60"))
SPEED = 60.0
LEASE_S = 300
REPEATED_SHARE = 0.2
STRANGE_SHARE = 0.1
# Refusals after which one looks for other work.
OUT_OF_HAND = ("stale-fence", "illegal-move", "needs-tub")
MAX_TRIES = 100
MAX_DRAINS = 20

SKUS = tuple(f"s{n}" for n in range(16))
BINS = ("B1", "B2", "B3", "B4")
TUBS = tuple(f"TUB-{n}" for n in range(16))
REASONS = ("not_there", "less_than_expected", "damaged", "unreachable", "wrong_item", "other")
PICKERS = ("ben", "cid", "dee")
ROLES = {
    "ana": Role.ASSOCIATE, "fay": Role.ASSOCIATE, "kim": Role.BACKROOM, "lea": Role.LEAD, "tim": Role.POS,
    **dict.fromkeys(PICKERS, Role.BACKROOM),
}  # fmt: skip
_SPEC = json.loads((Path(__file__).parents[1] / "openapi" / "openapi.json").read_text())["paths"]


@dataclass
class Store:
    """The store as everybody sees it, and what they were told.

    Attributes:
        client: Connections to the service.
        keys: Of each person.
        lea: Principal id of the lead.
        tasks: Every task ever handed out, with its fence of then: stale ones are wanted, too.
        met: How often each answer was given, each refusal by its code.
        done: Acts that were acknowledged, each counted once however often it was sent.
        supplied: Eaches received, by item.
        receipts: As the till last sent them.
    """

    client: httpx.AsyncClient
    keys: Mapping[str, str]
    lea: int
    tasks: list[dict[str, Any]] = field(default_factory=list)
    met: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    supplied: Counter[str] = field(default_factory=Counter)
    receipts: dict[int, dict[str, Any]] = field(default_factory=dict)

    async def send(self, path: str, body: Any, headers: Mapping[str, str], **ids: object) -> httpx.Response:
        """Send until it is taken or refused; whatever is answered must be in the contract."""
        for _ in range(MAX_TRIES):
            answer = await self.client.post(f"/v1/stores/1/{path.format(**ids)}", json=body, headers=headers)
            self.met[f"{path} {answer.status_code}"] += 1
            assert str(answer.status_code) in _SPEC[f"/v1/stores/{{store_id}}/{path}"]["post"]["responses"], answer.text
            assert answer.status_code not in (400, 401, 413, 415, 422), (path, body, answer.text)
            if answer.status_code == 409:
                self.met[answer.json()["code"]] += 1
            if answer.status_code != 503:
                return answer
        raise TimeoutError(f"{path} was busy {MAX_TRIES} times in a row")


@dataclass
class Person:
    """Somebody who works in the store, at random."""

    name: str
    store: Store
    rng: random.Random

    async def post(self, path: str, body: Any = None, **ids: object) -> httpx.Response:
        """Act; now and then twice at once under one key, as an impatient handheld does."""
        headers = fresh_key() | {"Authorization": f"Bearer {self.store.keys[self.name]}"}
        answer = await self._repeated(path, body, headers, ids)
        if answer.status_code == 201:
            self.store.done[path] += 1
        return answer

    async def _repeated(
        self, path: str, body: Any, headers: Mapping[str, str], ids: Mapping[str, object]
    ) -> httpx.Response:
        if self.rng.random() > REPEATED_SHARE:
            return await self.store.send(path, body, headers, **ids)
        answers = await asyncio.gather(*(self.store.send(path, body, headers, **ids) for _ in range(2)))
        done = [answer for answer in answers if answer.status_code == 201]
        if not done:
            return answers[0]
        last = await self.store.send(path, body, headers, **ids)
        assert {(last.status_code, last.text)} == {(answer.status_code, answer.text) for answer in done}, (path, body)
        self.store.met["repeated"] += 1
        return last

    async def get(self, path: str) -> list[dict[str, Any]]:
        headers = {"Authorization": f"Bearer {self.store.keys[self.name]}"}
        for _ in range(MAX_TRIES):
            answer = await self.store.client.get(f"/v1/stores/1/{path}", headers=headers)
            if answer.status_code != 503:
                assert answer.status_code == 200, answer.text
                return list(answer.json()["items"])
        raise TimeoutError(f"{path} was busy {MAX_TRIES} times in a row")

    def hold(self, answer: httpx.Response) -> dict[str, Any] | None:
        if answer.status_code == 201:
            self.store.tasks.append({**answer.json(), "by": self.name})
        return self.store.tasks[-1] if answer.status_code == 201 else None

    async def task(self) -> dict[str, Any] | None:
        """One's own newest task, claimed if there is none; sometimes any that ever was."""
        if self.store.tasks and self.rng.random() < STRANGE_SHARE:
            return self.rng.choice(self.store.tasks)
        own = [task for task in self.store.tasks if task["by"] == self.name]
        return own[-1] if own else await self.claim()

    async def live_task(self, state: str) -> dict[str, Any] | None:
        """A task as it stands at this moment, in the state if there is one."""
        tasks = await self.get(f"tasks?state={state}")
        return self.rng.choice(tasks or self.store.tasks) if tasks or self.store.tasks else None

    async def on(self, task: dict[str, Any] | None, act: str, **body: Any) -> httpx.Response | None:
        if task is None:
            return None
        answer = await self.post(f"tasks/{{task_id}}/{act}", {"fence": task["fence"], **body}, task_id=task["task_id"])
        if answer.status_code == 409 and answer.json()["code"] in OUT_OF_HAND:
            task["by"] = None
        return answer

    def line(self, task: dict[str, Any] | None) -> dict[str, Any]:
        return self.rng.choice(task["lines"]) if task else {"line_no": 1, "qty_planned": 1}

    # The floor -------------------------------------------------------------------------------------------------

    async def ask(self) -> None:
        reason = self.rng.choice(["gap", "customer_waiting", "other"])
        qty = self.rng.choice([None, None, 3, 12])
        await self.post("asks", {"code": self.rng.choice(SKUS), "reason": reason, "qty": qty})

    async def deliver(self) -> None:
        task = await self.live_task("staged")
        if task:
            self.hold(await self.post("tasks/{task_id}/delivery", task_id=task["task_id"]))

    async def put_some(self) -> None:
        task = await self.live_task("on_floor")
        where = self.rng.choice(["put", "put", "returned", "damaged", "missing"])
        await self.on(task, "puts", lines=[{"line_no": self.line(task)["line_no"], where: 1}])

    async def put_all(self) -> None:
        await self.on(await self.live_task("on_floor"), "puts", all_put=True)

    async def close(self) -> None:
        await self.on(await self.live_task("on_floor"), "closing")

    # The backroom ----------------------------------------------------------------------------------------------

    async def claim(self) -> dict[str, Any] | None:
        idle = await self.get("tubs?state=idle")
        plate = self.rng.choice(idle)["tub"] if idle and self.rng.random() < 0.95 else None
        return self.hold(await self.post("claims", {"tub": plate, "max_lines": self.rng.randint(1, 4)}))

    async def pick(self) -> None:
        task = await self.task()
        line = self.line(task)
        qty = self.rng.choice([1, 1, 2, 3, line["qty_planned"] + 1])
        await self.on(task, "picks", line_no=line["line_no"], qty=max(qty, 1))

    async def pick_all(self) -> None:
        task = await self.task()
        for line in task["lines"] if task else ():
            answer = await self.on(task, "picks", line_no=line["line_no"], qty=line["qty_planned"])
            if answer and answer.status_code != 201:
                return

    async def short(self) -> None:
        task = await self.task()
        line_no = self.line(task)["line_no"]
        await self.on(task, "shorts", line_no=line_no, reason=self.rng.choice(REASONS))
        if self.rng.random() < 0.5:
            await self.on(task, "short-undos", line_no=line_no)

    async def unpick(self) -> None:
        task = await self.task()
        await self.on(task, "unpicks", line_no=self.line(task)["line_no"], qty=1)

    async def skip(self) -> None:
        task = await self.task()
        await self.on(task, "skips", line_no=self.line(task)["line_no"])

    async def stage(self) -> None:
        await self.on(await self.task(), "staging", lane="LANE-1")

    async def release(self) -> None:
        await self.on(await self.task(), "release")

    async def resume(self) -> None:
        task = await self.live_task("abandoned")
        if task:
            self.hold(await self.post("tasks/{task_id}/resumption", task_id=task["task_id"]))

    # Stock, the till, the lead ---------------------------------------------------------------------------------

    async def receive(self) -> None:
        sku, qty = self.rng.choice(SKUS), self.rng.randint(1, 12)
        answer = await self.post("receivings", {"code": sku, "qty": qty, "location": self.rng.choice(BINS)})
        if answer.status_code == 201:
            self.store.supplied[sku] += qty

    async def carry(self) -> None:
        src, dst = self.rng.sample(BINS, 2)
        body = {"code": self.rng.choice(SKUS), "qty": self.rng.randint(1, 6), "from_location": src, "to_location": dst}
        await self.post("moves", body)

    async def count(self) -> None:
        sku = self.rng.choice(SKUS)
        where = self.rng.choice([*BINS, f"SH-{sku}"])
        await self.post("counts", {"code": sku, "location": where, "counted_qty": self.rng.randint(0, 20)})

    async def sell(self) -> None:
        number = len(self.store.receipts) + 1
        kind = self.rng.choice(["sale", "sale", "sale", "return"])
        line = {"line_no": 1, "code": self.rng.choice(SKUS), "quantity": self.rng.randint(1, 9), "kind": kind}
        await self.ring({"sequence": number, "revision": 1, "lines": [line]})

    async def correct(self) -> None:
        if self.store.receipts:
            old = self.rng.choice(list(self.store.receipts.values()))
            line = {**old["lines"][0], "quantity": self.rng.randint(1, 5)}
            status = self.rng.choice(["completed", "voided"])
            await self.ring({**old, "revision": old["revision"] + 1, "status": status, "lines": [line]})

    async def repeat(self) -> None:
        if self.store.receipts:
            await self.ring(self.rng.choice(list(self.store.receipts.values())))

    async def ring(self, receipt: dict[str, Any]) -> None:
        """Send a receipt, with an old one right beside it; neither needs a key."""
        receipt = {"business_date": NOON.date().isoformat(), "register": "1", "occurred_at": NOON.isoformat()} | receipt
        beside = self.rng.choice([receipt, *self.store.receipts.values()])
        headers = {"Authorization": f"Bearer {self.store.keys[self.name]}"}
        answers = await asyncio.gather(*(self.store.send("receipts", one, headers) for one in (receipt, beside)))
        self.store.receipts[receipt["sequence"]] = receipt
        for answer in answers:
            self.store.met[f"receipt {answer.json()['result']}"] += 1

    async def reassign(self) -> None:
        tasks = await self.get("tasks?live=true")
        if tasks:
            to, task_id = {"principal_id": self.store.lea}, self.rng.choice(tasks)["task_id"]
            self.hold(await self.post("tasks/{task_id}/reassignment", to, task_id=task_id))

    async def cancel(self) -> None:
        live = await self.get("pulls?live=true")
        if live and self.rng.random() < 0.5:  # Too many of these leave nothing to do.
            pull_id = self.rng.choice(live)["pull_id"]
            await self.post("pulls/{pull_id}/cancellation", {"reason": "enough"}, pull_id=pull_id)


Act = Callable[[Person], Awaitable[object]]
PICKING: dict[Act, int] = {
    Person.claim: 2, Person.pick: 9, Person.pick_all: 4, Person.short: 4, Person.unpick: 2, Person.skip: 1,
    Person.stage: 4, Person.release: 1, Person.resume: 1,
}  # fmt: skip
WORK: dict[str, dict[Act, int]] = {
    "ana": {Person.ask: 1},
    "fay": {Person.deliver: 4, Person.put_some: 2, Person.put_all: 3, Person.close: 1, Person.ask: 1},
    "kim": {Person.count: 2, Person.receive: 2, Person.carry: 2},
    "tim": {Person.sell: 4, Person.correct: 2, Person.repeat: 1},
    "lea": {Person.reassign: 1, Person.cancel: 1, Person.ask: 12, Person.put_all: 2},
    **dict.fromkeys(PICKERS, PICKING),
}
assert set(WORK) == set(ROLES)


async def build(db: Database, client: httpx.AsyncClient, rng: random.Random) -> Store:
    """Sixteen items in four bins, sixteen tubs, a second place for one item."""
    await store(db)
    await location(db, code="LANE-1", kind="lane")
    for plate in TUBS:
        await tub(db, plate=plate)
    keys = {name: await key(db, role=role, name=name) for name, role in ROLES.items()}
    (lea,) = await all_rows(db, "principals", name="lea")
    shop = Store(client, keys, lea["principal_id"])
    for sku in SKUS:
        bins = {place: rng.randint(5, 30) for place in BINS}
        await stocked(db, sku=sku, bins=bins, capacity=rng.randint(12, 40), on_shelf=2)
        shop.supplied[sku] += sum(bins.values()) + 2
    await placement(db, sku=SKUS[0], shelf="END", capacity=6, is_home=False)
    return shop


async def work(person: Person) -> None:
    """Do one's acts, one after the other."""
    acts = WORK[person.name]
    for act in person.rng.choices(list(acts), weights=list(acts.values()), k=ACTS_EACH):
        await act(person)


async def drain(lea: Person) -> None:
    """Bring every live task to its end, by the lead's own hand."""
    for _ in range(MAX_DRAINS):
        live = await lea.get("tasks?live=true")
        if not live:
            return
        for task in live:
            await end(lea, task["task_id"])
    raise AssertionError("there is always another live task")


async def end(lea: Person, task_id: int) -> None:
    taken = await lea.post("tasks/{task_id}/reassignment", {"principal_id": lea.store.lea}, task_id=task_id)
    if taken.status_code != 201:
        return  # A sweep ended it just now.
    task = taken.json()
    if task["state"] in ("claimed", "filling") and task["qty_picked"] == 0:
        await lea.on(task, "release")
        return
    if task["state"] == "filling":
        await lea.on(task, "staging", lane="LANE-1")
    if task["state"] != "on_floor":
        task = (await lea.post("tasks/{task_id}/delivery", task_id=task_id)).json()
    await lea.on(task, "puts", all_put=True)
    await lea.on(task, "closing")


async def check(db: Database, shop: Store) -> None:
    """Compare what the people were told with what was written."""
    finding = await audit(db)
    assert finding.holds, finding.breaches
    assert {row["state"] for row in await all_rows(db, "tubs")} == {"idle"}
    assert {row["qty"] for row in await all_rows(db, "balances", kind="tub")} <= {0}
    moved = Counter(row["cause"] for row in await all_rows(db, "movements"))
    assert moved["pick"] == shop.done["tasks/{task_id}/picks"]
    assert moved["unpick"] == shop.done["tasks/{task_id}/unpicks"]
    assert moved["move"] == shop.done["moves"]
    assert await ledger(db, "@supplier") == Counter({sku: -qty for sku, qty in shop.supplied.items()})
    sold: Counter[str] = Counter()
    for receipt in shop.receipts.values():
        (line,) = receipt["lines"]
        if receipt.get("status") != "voided" and line["kind"] == "sale":
            sold[line["code"]] += line["quantity"]
    assert await ledger(db, "@sold") == sold


async def ledger(db: Database, account: str) -> Counter[str]:
    """Net units that the ledger says went to an outside account, by item."""
    net = sql("""
        SELECT sku, sum(CASE WHEN to_location = :account THEN qty ELSE -qty END) AS qty FROM movements
        WHERE :account IN (from_location, to_location) GROUP BY sku
    """)
    async with db.read() as tx:
        return Counter({row.sku: int(row.qty) for row in await tx.rows(net, account=account) if row.qty})


# A day that never met these proves little.
MUST_MEET = (
    "claims 201", "tasks/{task_id}/picks 201", "tasks/{task_id}/shorts 201", "tasks/{task_id}/staging 201",
    "tasks/{task_id}/delivery 201", "tasks/{task_id}/puts 201", "tasks/{task_id}/reassignment 201", "stale-fence",
    "over-pick", "repeated", "receipt corrected", "receipt repeated",
)  # fmt: skip


@pytest.mark.parametrize("day", range(DAYS))
async def test_a_busy_day_ends_with_everything_accounted_for(
    day: int, db: Database, database_url: str, tmp_path: Path
) -> None:
    loops = {"lease_s": str(LEASE_S), "sweep_interval_s": "0.2", "watch_interval_s": "1"}
    with serving(database_url, tmp_path, settings=fast_clock(SPEED) | loops) as (_, address):
        async with httpx.AsyncClient(base_url=address, timeout=PATIENCE_S) as client:
            shop = await build(db, client, random.Random(day))
            people = [Person(name, shop, random.Random(f"{day} {name}")) for name in WORK]
            await asyncio.gather(*(work(person) for person in people))
            await drain(Person("lea", shop, random.Random(day)))

    await check(db, shop)
    assert [what for what in MUST_MEET if not shop.met[what]] == [], dict(shop.met)
