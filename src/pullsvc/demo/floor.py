"""The simulated sales floor: customers and their receipts, tills, associates on gap walks, the manager, the lead."""

import asyncio
import heapq
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from pullsvc.demo import loading, people
from pullsvc.demo.client import Person
from pullsvc.demo.model import Receipt, ReceiptLine
from pullsvc.demo.people import Hands
from pullsvc.demo.shop import Shop

TILL_SENDS_EVERY = timedelta(minutes=2)
LATE_AFTER = timedelta(minutes=1) + TILL_SENDS_EVERY
REGISTERS_IN_TURN = 8
BATCH_MAX_RECEIPTS = 100
LEAD_LOOKS_EVERY = timedelta(minutes=15)
# Whoever asks for an item that nobody has entered yet gets this answer.
NOT_ENTERED = frozenset({"no-such-item"})


class Tills:
    """The registers of one store: each sends what it rang up every two minutes, some of it late or twice."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._waiting: dict[int, list[tuple[datetime, int, dict[str, Any]]]] = defaultdict(list)
        self._numbered = 0

    def ring_up(self, receipt: Receipt, sold: dict[int, int]) -> None:
        """Keep a receipt for sending; one on which nothing was sold is none."""
        body = loading.receipt_body(receipt, sold)
        if not body["lines"]:
            return
        for at in people.sends(receipt, seed=self._shop.seed):
            self._numbered += 1
            heapq.heappush(self._waiting[receipt.register], (at, self._numbered, body))
            self._shop.tally.late_receipts += at - receipt.occurred_at > LATE_AFTER

    async def run(self, register: int) -> None:
        """Send every two minutes until the store closes, each register at its own moment."""
        time, waiting = self._shop.time, self._waiting[register]
        at = time.now() - TILL_SENDS_EVERY * (register % REGISTERS_IN_TURN) / REGISTERS_IN_TURN
        while at < self._shop.until:
            at += TILL_SENDS_EVERY
            await time.wait_until(at)
            due = []
            while waiting and waiting[0][0] <= at:
                due.append(heapq.heappop(waiting)[2])
            await self._send(due)

    async def flush(self) -> None:
        """Send all that still waits."""
        for waiting in self._waiting.values():
            for batch in loading.chunks([body for _, _, body in sorted(waiting)], BATCH_MAX_RECEIPTS):
                await self._send(batch)
            waiting.clear()

    async def _send(self, bodies: Sequence[dict[str, Any]]) -> None:
        tally, till = self._shop.tally.tills, self._shop.staff.till
        if len(bodies) == 1:
            answer = (await till.send("POST", "receipts", json=bodies[0]))[0]
            tally.update({answer["result"]: 1, "unknown_codes": len(answer["unknown_codes"])})
        elif bodies:
            totals = (await till.send("POST", "receipt-batches", json={"receipts": bodies}))[0]["totals"]
            tally.update({name: totals[name] for name in ("new", "repeated", "corrected", "unknown_codes")})


async def serve_customers(shop: Shop, tills: Tills) -> None:
    """Let the customers of the day come: each takes what there is, and what is not there is a lost unit."""
    async with asyncio.TaskGroup() as asking:
        for receipt in people.in_window(shop.store, until=shop.until):
            await shop.time.wait_until(receipt.occurred_at)
            # What happens, happens now: a second or two after the time in the data, as the simulation is never early.
            rung_up = replace(receipt, occurred_at=shop.time.now())
            sold = {line.line_no: _serve(shop, rung_up, line) for line in receipt.lines}
            tills.ring_up(rung_up, sold)
            for line in receipt.lines:
                if sold[line.line_no] < line.qty and people.customer_asks(receipt, line, seed=shop.seed):
                    asking.create_task(_ask_for(shop, line))


def _serve(shop: Shop, receipt: Receipt, line: ReceiptLine) -> int:
    """Return the eaches of a line that the till rings up; goods brought back wait at the service desk."""
    if line.qty < 0:
        shop.tally.returned_qty -= line.qty
        return line.qty
    sold = shop.world.sell(line.sku, line.qty, at=receipt.occurred_at)
    shop.tally.lines_wanted += 1
    shop.tally.lines_sold += sold > 0
    return sold


async def _ask_for(shop: Shop, line: ReceiptLine) -> None:
    """Have an associate ask for a customer who waits."""
    shop.tally.customers_asked += 1
    associate = shop.staff.associates[line.line_no % len(shop.staff.associates)]
    ask = {"code": line.gtin, "reason": "customer_waiting", "occurred_at": shop.time.now().isoformat()}
    await associate.act("asks", ask, fine=NOT_ENTERED)


async def walk_the_aisles(shop: Shop, associate: Person, aisles: Sequence[Sequence[str]], *, number: int) -> None:
    """Walk an associate's aisles every two hours and scan each empty shelf; one call an aisle."""
    hands = Hands(seed=shop.seed, who=f"associate {number}")
    for starts_at in people.gap_walks(shop.day):
        at = starts_at
        for skus in aisles:
            at += hands.takes(people.GAP_AISLE_S)
            await shop.time.wait_until(at)
            await _scan_gaps(shop, associate, skus)


async def _scan_gaps(shop: Shop, associate: Person, skus: Sequence[str]) -> None:
    seen_at = shop.time.now().isoformat()
    gaps = shop.world.gaps(skus)
    if gaps:
        shop.tally.gaps_seen += len(gaps)
        asks = [{"code": shop.store.item_by_sku[sku].gtin, "reason": "gap", "occurred_at": seen_at} for sku in gaps]
        await associate.act("gap-scans", {"asks": asks})


async def manage(shop: Shop) -> None:
    """Be the manager: at half-time, enter the items whose barcodes are missing, and count what stands there."""
    manager = shop.staff.manager
    await shop.time.wait_until(shop.day.start + (shop.day.end - shop.day.start) / 2)
    await loading.enter_late_items(shop.store, manager=manager)
    for sku in shop.store.late_skus:
        places = [shop.store.placement_by_sku[sku].location_code]
        places += [stock.bin_code for stock in shop.store.stocks_by_sku[sku]]
        for location in places:
            qty = shop.world.bins[location, sku] if (location, sku) in shop.world.bins else shop.world.shelf[sku]
            count = {"code": sku, "location": location, "counted_qty": qty}
            await manager.act("counts", {**count, "occurred_at": shop.time.now().isoformat()})


async def lead(shop: Shop) -> None:
    """Be the lead: look at the board now and then."""
    at = shop.time.now()
    while at < shop.day.end:
        at += LEAD_LOOKS_EVERY
        await shop.time.wait_until(at)
        await shop.staff.lead.get("board")
