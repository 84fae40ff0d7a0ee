"""The simulated backroom workers: claim, pick by scan, say what is short, stage, bring, put away, and again."""

from datetime import timedelta
from typing import Any

from pullsvc.demo import people
from pullsvc.demo.client import Person
from pullsvc.demo.loading import LANES
from pullsvc.demo.people import Hands, Shift
from pullsvc.demo.shop import Shop

LOOKS_AGAIN_S = 120.0  # A worker with nothing to do looks again after two minutes.
CATCHES_UP = timedelta(minutes=2)  # What a late answer cost is made good up to here: the walk was going on meanwhile.
TO_PICK = frozenset({"planned", "skipped"})

Task = dict[str, Any]
Line = dict[str, Any]


class Worker:
    """One simulated worker with one tub.

    Its own time runs from act to act, by what its hands take: the service's answers come while it walks. Only when
    they take longer than the walk is the worker late.
    """

    def __init__(self, shop: Shop, person: Person, *, number: int) -> None:
        self._shop = shop
        self._person = person
        self._tub = tub_of(number)
        self._lane = LANES[number % len(LANES)]
        self._hands = Hands(seed=shop.seed, who=f"worker {number}")
        self._free_at = shop.time.now()

    async def work(self, shift: Shift) -> None:
        """Take trips as long as the shift lasts; the last one is finished."""
        self._free_at = shift.start
        await self._shop.time.wait_until(shift.start)
        while self._free_at < shift.end:
            task = await self._claim()
            if task is None:
                await self._spend(LOOKS_AGAIN_S)
                continue
            began_at = self._free_at
            await self._trip(task)
            self._shop.tally.busy_s += (self._free_at - began_at).total_seconds()
            self._shop.tally.trips += 1

    async def _claim(self) -> Task | None:
        wish = {
            "max_lines": people.TUB_LINES,
            "max_minutes": people.TUB_MINUTES,
            "max_volume_ml": people.TUB_VOLUME_ML,
            "max_weight_g": people.TUB_WEIGHT_G,
        }
        task: Task | None = await self._person.act("claims", wish)
        return task

    async def _trip(self, task: Task) -> None:
        await self._spend(people.FETCH_TUB_S)
        task = await self._do(task, "tub", tub=self._tub)
        while (line := next_line(task)) is not None:
            task = await self._pick(task, line)
        if not task["qty_picked"]:
            await self._do(task, "release")
            return
        await self._spend(people.TO_FLOOR_S)
        await self._do(task, "staging", lane=self._lane)
        task = await self._person.act(f"tasks/{task['task_id']}/delivery")
        misfits = [await self._put(task, line) for line in task["lines"] if line["qty_picked"]]
        await self._spend(people.BACK_S + people.MISFIT_LINE_S * sum(misfits))

    async def _pick(self, task: Task, line: Line) -> Task:
        """Walk to a bin and take what is wanted of it, or what is there; return the task as it then stands."""
        wanted = line["qty_planned"] - line["qty_picked"]
        await self._spend(people.FIND_LINE_S + people.PICK_UNIT_S * wanted)
        taken = self._shop.world.pick(line["from_location"], line["sku"], wanted)
        if taken:
            scan = {"line_no": line["line_no"], "location": line["from_location"], **self._scan(line["sku"], taken)}
            await self._do(task, "picks", occurred_at=self._now(), **scan)
            line["qty_picked"] += taken
            task["qty_picked"] += taken
        if taken == wanted:
            line["state"] = "picked"
            return task
        reason = "less_than_expected" if taken else "not_there"
        after: Task = await self._do(task, "shorts", line_no=line["line_no"], reason=reason, occurred_at=self._now())
        return after

    def _scan(self, sku: str, qty: int) -> dict[str, Any]:
        """Return what is scanned: the case's own code where it is exactly one case, else one each and its number."""
        item = self._shop.store.item_by_sku[sku]
        return {"code": item.case_gtin} if qty == item.case_pack else {"code": item.gtin, "qty": qty}

    async def _put(self, task: Task, line: Line) -> bool:
        """Fill a shelf; return whether some did not fit."""
        qty: int = line["qty_picked"]
        await self._spend(people.SHELF_LINE_S + people.SHELF_UNIT_S * qty)
        at = self._shop.time.now()
        put = self._shop.world.put(line["sku"], qty, at=at)
        settled = {"line_no": line["line_no"], "put": put, "returned": qty - put}
        await self._do(task, "puts", lines=[settled], occurred_at=at.isoformat())
        self._shop.world.give_back(line["from_location"], line["sku"], qty - put)
        return put < qty

    async def _do(self, task: Task, act: str, **body: Any) -> Any:
        return await self._person.act(f"tasks/{task['task_id']}/{act}", {"fence": task["fence"], **body})

    async def _spend(self, usual_s: float) -> None:
        self._free_at = max(self._free_at, self._shop.time.now() - CATCHES_UP) + self._hands.takes(usual_s)
        await self._shop.time.wait_until(self._free_at)

    def _now(self) -> str:
        return self._shop.time.now().isoformat()


def tub_of(number: int) -> str:
    """Return the plate of a worker's tub; workers count from 0."""
    return f"TUB-{number + 1:03d}"


def next_line(task: Task) -> Line | None:
    """Return the next stop of the walk, None when all is picked, short or dropped."""
    return next((line for line in task["lines"] if line["state"] in TO_PICK), None)
