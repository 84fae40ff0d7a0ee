"""Random days of a store against the real database: after every step the laws hold.

A Hypothesis state machine acts only over HTTP, as five people and a till, with the background sweeps as further
steps. It holds on to old tasks and fences on purpose, and repeats requests, so that stale work is common.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any, TypeVar

import httpx
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from pullsvc.access.rules import Role
from pullsvc.audit import audit
from pullsvc.clock import Clock
from pullsvc.config import Settings
from pullsvc.db import Database
from pullsvc.outbox.actions import Stamp
from pullsvc.pulls import actions as pulls
from pullsvc.restock.watcher import watch_store
from pullsvc.tubs import holding
from tests import books
from tests.apps import app_on
from tests.conftest import EMPTY, Ticking
from tests.factories import Floor, floor, fresh_key, key, location, placement, stocked, tub

T = TypeVar("T")
SKUS = ("milk", "eggs", "soap")
BINS = ("B1", "B2", "B3")
TUBS = ("TUB-1", "TUB-2", "TUB-3", "TUB-4", "TUB-5")
LANES = ("LANE-1", "LANE-2")
WORKERS = ("ben", "cid")
REASONS = ("not_there", "less_than_expected", "damaged", "unreachable", "wrong_item", "other")

# How often the interesting things really happened, over the whole run: a machine that never meets a stale fence
# proves nothing about fences.
MET: Counter[str] = Counter()

skus = st.sampled_from(SKUS)
# How the units of a line end: put where they were wanted, or not; at times more of them than there are.
SPLITS: list[dict[str, int]] = [
    {}, {"put": 1}, {"returned": 1}, {"damaged": 1}, {"missing": 1}, {"put": 1, "damaged": 1}, {"put": 2, "missing": 1},
    {"returned": 2, "damaged": 1}, {"put": 3, "missing": 3},
]  # fmt: skip
workers = st.sampled_from(WORKERS)
small = st.integers(1, 15)
plates = st.none() | st.sampled_from(TUBS)
recent = st.sampled_from([0, 0, 0, 0, 1, 1, 2, 5])  # Mostly what is at hand, sometimes what is long over.
EXPECTED = {200, 201, 204, 403, 404, 409}


class Day(RuleBasedStateMachine):
    """One store, three items, three bins, two tubs, five people."""

    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = Ticking()
        self.till_no = 0
        self.receipts: dict[int, dict[str, Any]] = {}
        self.taken: dict[int, dict[str, int]] = {}
        self.supplied: Counter[str] = Counter()
        self.held: list[dict[str, Any]] = []
        self.open()

    def run(self, work: Awaitable[T]) -> T:
        async def inside() -> T:
            return await work

        return self.runner.run(inside())

    def open(self) -> None:
        async def start() -> None:
            self.db = Database(self.url, pool_size=4, statement_timeout_s=20, lock_timeout_s=10)
            held: Clock = self.clock  # type: ignore[assignment]  # stands still where the real one runs
            app = app_on(self.db, held, settings=Settings(key_cache_s=60), name="day")
            transport = httpx.ASGITransport(app=app, raise_app_exceptions=True)
            self.client = httpx.AsyncClient(transport=transport, base_url="http://pullsvc.test")

        self.run(start())

    def teardown(self) -> None:
        self.run(self.client.aclose())
        self.run(self.db.close())
        self.runner.close()

    @initialize(stock=st.lists(st.integers(4, 20), min_size=9, max_size=9), asked=st.sets(skus))
    def a_store(self, stock: list[int], asked: set[str]) -> None:
        async def build() -> Floor:
            async with self.db.begin() as tx:
                await tx.run(EMPTY)
            shop = await floor(self.db, self.client)
            for plate in TUBS[1:]:
                await tub(self.db, plate=plate)
            for lane in LANES[1:]:
                await location(self.db, code=lane, kind="lane")
            for n, sku in enumerate(SKUS):
                bins = {place: stock[3 * n + m] for m, place in enumerate(BINS)}
                await stocked(self.db, sku=sku, bins=bins, capacity=10 + n, on_shelf=n)
                self.supplied[sku] += sum(bins.values()) + n
            await placement(self.db, sku="milk", shelf="END", capacity=6, is_home=False)
            shop.keys = {**shop.keys, "till": await key(self.db, role=Role.POS, name="till")}
            return shop

        self.shop = self.run(build())
        for sku in sorted(asked):
            self.ask(sku, "gap", None)

    def post(self, path: str, body: dict[str, Any] | None = None, *, by: str) -> httpx.Response:
        """Send an act twice under one key: the second time must change nothing and answer the same."""
        header = {**fresh_key(), "Authorization": f"Bearer {self.shop.keys[by]}"}
        url = f"{self.shop.url}/{path}"
        answer = self.run(self.client.post(url, json=body, headers=header))
        assert answer.status_code in EXPECTED, (path, body, answer.text)
        if answer.status_code in (200, 201):
            again = self.run(self.client.post(url, json=body, headers=header))
            assert (again.status_code, again.text) == (answer.status_code, answer.text), (path, body)
        MET[f"{path.rsplit('/', 1)[-1]} {answer.status_code}"] += 1
        if answer.status_code == 409:
            MET[answer.json()["code"]] += 1
        return answer

    def hold(self, answer: httpx.Response, by: str) -> None:
        """Keep a task with the fence that came with it, for good: stale ones are wanted, too."""
        if answer.status_code == 201:
            self.held.append({**answer.json(), "by": by})

    def at_hand(self, n: int, *states: str) -> dict[str, Any]:
        """Return the nth newest of the tasks held, if possible of those that were in such a state when handed out.

        If there is none, it goes the usual way to one first: most days would never get that far by chance.
        """
        if states and not any(task["state"] in states for task in self.held):
            self.start_a_tub(WORKERS[n % len(WORKERS)], {"milk"}, 5)
            if "on_floor" in states:
                self.bring_to_the_floor(0)
        held = [task for task in self.held if task["state"] in states] or self.held
        return held[-1 - n % len(held)]

    def on(self, task: dict[str, Any], act: str, *, by: str, **body: Any) -> httpx.Response:
        return self.post(f"tasks/{task['task_id']}/{act}", {"fence": task["fence"], **body}, by=by)

    # People on the floor and in the backroom -------------------------------------------------------------------

    @rule(sku=skus, reason=st.sampled_from(["gap", "customer_waiting", "other"]), qty=st.none() | small)
    def ask(self, sku: str, reason: str, qty: int | None) -> None:
        self.post("asks", {"code": sku, "reason": reason, "qty": qty}, by="ana")

    @rule(sku=st.just("milk"), qty=st.none() | small)
    def ask_for_the_endcap(self, sku: str, qty: int | None) -> None:
        self.post("asks", {"code": sku, "shelf": "END", "reason": "promotion", "qty": qty}, by="ana")

    @rule(sku=skus, qty=small, place=st.sampled_from([*BINS, "RECEIVING"]))
    def receive(self, sku: str, qty: int, place: str) -> None:
        self.supplied[sku] += qty
        self.post("receivings", {"code": sku, "qty": qty, "location": place}, by="ben")

    @rule(sku=skus, qty=small, src=st.sampled_from([*BINS, "RECEIVING"]), dst=st.sampled_from(BINS))
    def carry(self, sku: str, qty: int, src: str, dst: str) -> None:
        if src != dst:
            self.post("moves", {"code": sku, "qty": qty, "from_location": src, "to_location": dst}, by="ben")

    @rule(sku=skus, qty=st.integers(0, 20), place=st.sampled_from([*BINS, "home"]), late_min=st.integers(0, 90))
    def count(self, sku: str, qty: int, place: str, late_min: int) -> None:
        at = (self.clock.at - timedelta(minutes=late_min)).isoformat()
        where = f"SH-{sku}" if place == "home" else place
        self.post("counts", {"code": sku, "location": where, "counted_qty": qty, "occurred_at": at}, by="ben")

    @rule(by=workers, plate=plates, lines=st.integers(1, 4))
    def claim(self, by: str, plate: str | None, lines: int) -> None:
        answer = self.post("claims", {"tub": plate, "max_lines": lines}, by=by)
        self.hold(answer, by)

    @rule(by=workers, wanted=st.sets(skus, min_size=1), part=st.integers(1, 12))
    def start_a_tub(self, by: str, wanted: set[str], part: int) -> None:
        """The usual beginning, so that what comes after it is met often enough."""
        for sku in sorted(wanted):
            self.ask(sku, "gap", None)
        idle = self.run(self.shop.get("tubs?state=idle"))["items"]
        answer = self.post("claims", {"tub": idle[0]["tub"] if idle else None}, by=by)
        if answer.status_code != 201:
            return
        task = {**answer.json(), "by": by}
        for line in task["lines"]:
            if min(part, line["qty_planned"]) > 0:
                self.on(task, "picks", by=by, line_no=line["line_no"], qty=max(1, min(part, line["qty_planned"] - 1)))
        self.hold(answer, by)

    @precondition(lambda self: self.held)
    @rule(task=recent, line=st.integers(1, 4), qty=st.none() | small, plate=plates)
    def pick(self, task: int, line: int, qty: int | None, plate: str | None) -> None:
        held = self.at_hand(task)
        self.on(held, "picks", by=held["by"], line_no=line, qty=qty, tub=plate)

    @precondition(lambda self: self.held)
    @rule(task=recent)
    def pick_all(self, task: int) -> None:
        held = self.at_hand(task)
        for line in self.run(self.shop.get(f"tasks/{held['task_id']}"))["lines"]:
            rest = max(1, line["qty_planned"] - line["qty_picked"])
            self.on(held, "picks", by=held["by"], line_no=line["line_no"], qty=rest)

    @precondition(lambda self: self.held)
    @rule(task=recent, line=st.integers(1, 4), reason=st.sampled_from(REASONS), found_after_all=st.booleans())
    def short(self, task: int, line: int, reason: str, found_after_all: bool) -> None:
        held = self.at_hand(task, "claimed", "filling")
        self.on(held, "shorts", by=held["by"], line_no=line, reason=reason)
        if found_after_all:
            self.undo_short(task, line)

    @precondition(lambda self: self.held)
    @rule(task=recent, line=st.integers(1, 4))
    def undo_short(self, task: int, line: int) -> None:
        held = self.at_hand(task)
        self.on(held, "short-undos", by=held["by"], line_no=line)

    @precondition(lambda self: self.held)
    @rule(task=recent, line=st.integers(1, 4), qty=small)
    def unpick(self, task: int, line: int, qty: int) -> None:
        held = self.at_hand(task)
        self.on(held, "unpicks", by=held["by"], line_no=line, qty=qty)

    @precondition(lambda self: self.held)
    @rule(task=recent, line=st.integers(1, 4))
    def skip(self, task: int, line: int) -> None:
        held = self.at_hand(task)
        self.on(held, "skips", by=held["by"], line_no=line)

    @precondition(lambda self: self.held)
    @rule(task=recent, lane=st.sampled_from(LANES))
    def stage(self, task: int, lane: str) -> None:
        held = self.at_hand(task, "claimed", "filling")
        self.on(held, "staging", by=held["by"], lane=lane)

    @precondition(lambda self: self.held)
    @rule(task=recent)
    def release(self, task: int) -> None:
        held = self.at_hand(task)
        self.on(held, "release", by=held["by"])

    @precondition(lambda self: self.held)
    @rule(task=recent, act=st.sampled_from(["delivery", "resumption"]), by=st.sampled_from(["ana", "cid"]))
    def take_over(self, task: int, act: str, by: str) -> None:
        held = self.at_hand(task)
        answer = self.post(f"tasks/{held['task_id']}/{act}", by=by)
        self.hold(answer, by)

    @precondition(lambda self: self.held)
    @rule(task=recent)
    def bring_to_the_floor(self, task: int) -> None:
        """The usual way onwards, for the same reason."""
        held = self.at_hand(task)
        self.on(held, "staging", by=held["by"], lane="LANE-1")
        answer = self.post(f"tasks/{held['task_id']}/delivery", by="ana")
        self.hold(answer, "ana")

    @precondition(lambda self: self.held)
    @rule(task=recent, split=st.sampled_from(SPLITS), rest=st.booleans())
    def put_away(self, task: int, split: dict[str, int], rest: bool) -> None:
        held = self.at_hand(task, "on_floor")
        lines = [{"line_no": 1, **split}] if split else []
        if self.on(held, "puts", by=held["by"], lines=lines, all_put=rest or not split).status_code == 201:
            MET.update(f"unit {way}" for way in split)

    @precondition(lambda self: self.held)
    @rule(task=recent)
    def close(self, task: int) -> None:
        held = self.at_hand(task, "on_floor")
        self.on(held, "closing", by=held["by"])

    @rule(number=st.integers(1, 12))
    def cancel(self, number: int) -> None:
        live = self.run(self.shop.get("pulls?live=true"))["items"]
        if live and number % 3 == 0:  # Too many of these leave nothing to do.
            pull = live[number % len(live)]
            self.post(f"pulls/{pull['pull_id']}/cancellation", {"reason": "enough"}, by="lea")

    # The till, which repeats, corrects and comes late ----------------------------------------------------------

    def send(self, receipt: dict[str, Any]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.shop.keys['till']}"}
        answer = self.run(self.client.post(f"{self.shop.url}/receipts", json=receipt, headers=headers))
        assert answer.status_code == 200, answer.text
        result: dict[str, Any] = answer.json()
        MET[f"receipt {result['result']}"] += 1
        return result

    @rule(sku=skus, qty=small, kind=st.sampled_from(["sale", "sale", "sale", "return"]), late_min=st.integers(0, 90))
    def sell(self, sku: str, qty: int, kind: str, late_min: int) -> None:
        self.till_no += 1
        at = self.clock.at - timedelta(minutes=late_min)
        line = {"line_no": 1, "code": sku, "quantity": qty, "kind": kind}
        receipt = {"business_date": "2026-03-14", "register": "1", "sequence": self.till_no, "revision": 1,
                   "occurred_at": at.isoformat(), "lines": [line]}  # fmt: skip
        self.send(receipt)
        self.receipts[self.till_no] = receipt

    def at_the_till(self, n: int) -> dict[str, Any]:
        """Return one of the receipts; something is sold if there is none yet."""
        if not self.receipts:
            self.sell("milk", 1, "sale", 0)
        known = sorted(self.receipts)
        return self.receipts[known[n % len(known)]]

    @rule(number=st.integers(1, 12))
    def repeat(self, number: int) -> None:
        assert self.send(self.at_the_till(number))["result"] == "repeated"

    @rule(number=st.integers(1, 12), qty=small, void=st.booleans())
    def correct(self, number: int, qty: int, void: bool) -> None:
        old = self.at_the_till(number)
        line = {**old["lines"][0], "quantity": qty}
        status = "voided" if void else "completed"
        new = {**old, "revision": old["revision"] + 1, "lines": [line], "status": status}
        self.send(new)
        self.receipts[old["sequence"]] = new

    # The service itself ----------------------------------------------------------------------------------------

    @rule(minutes=st.integers(1, 40))
    def time_passes(self, minutes: int) -> None:
        now = self.clock.pass_(minutes=minutes)
        MET["swept"] += self.run(holding.sweep_store(self.db, store_id=1, now=now))

        async def expire() -> None:
            async with self.db.begin() as tx:
                await pulls.expire_hopeless(tx, Stamp.of_service(1, now))

        self.run(expire())

    @rule()
    def watch(self) -> None:
        self.run(watch_store(self.db, store_id=1, now=self.clock.pass_(minutes=5)))

    # The laws --------------------------------------------------------------------------------------------------

    @invariant()
    def the_laws_hold(self) -> None:
        finding = self.run(audit(self.db, store_id=1))
        assert finding.holds, finding.breaches

    @invariant()
    def every_sale_counts_once(self) -> None:
        """The ledger's net sales are the fold of the receipts as they last were, whatever came in between."""
        sold: Counter[str] = Counter()
        for receipt in self.receipts.values():
            (line,) = receipt["lines"]
            if receipt.get("status") != "voided" and line["kind"] == "sale":
                sold[line["code"]] += line["quantity"]
        assert self.ledger("@sold") == {sku: qty for sku, qty in sold.items() if qty}

    @invariant()
    def every_supplied_unit_is_known(self) -> None:
        supplied = {sku: -qty for sku, qty in self.supplied.items() if qty}
        assert self.ledger("@supplier") == supplied

    def ledger(self, account: str) -> dict[str, int]:
        return self.run(books.sums_of(self.db, account))

    @invariant()
    def one_holder_and_nothing_planned_twice(self) -> None:
        tubs, live = self.run(books.open_work(self.db))
        assert len(tubs) == len(set(tubs))
        assert len(live) == len(set(live))


def test_random_days_keep_the_laws(db: Database, database_url: str) -> None:
    Day.url = database_url  # The machine has a loop, and so a pool, of its own.
    MET.clear()
    run_state_machine_as_test(
        Day,
        settings=settings(
            max_examples=int(os.environ.get("DAYS", "30")),
            stateful_step_count=50,
            # Shrinking a failing day takes minutes; set DAYS_SHRINK to have it done.
            phases=(Phase.generate, Phase.shrink) if "DAYS_SHRINK" in os.environ else (Phase.generate,),
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    # Chance is to have got so far; that each act is met at all is for the usual day to see to.
    for what in ("stale-fence", "claims 201", "puts 201", "swept"):
        assert MET[what] > 0, (what, dict(MET))
