"""The pull cycle: the floor asks for five items, the backroom claims, picks, stages; the floor delivers and puts away.

Each client works in zones of its own, one after the other, and closes what it opened, so that the world stays as it
is for as long as the bench runs. A cycle is ten requests with one pick each, six with all picks in one.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pullsvc.access.rules import Role
from pullsvc.bench.failures import BenchFailed
from pullsvc.bench.load import Caller
from pullsvc.bench.stats import Tally
from pullsvc.bench.world import World, sku_of, tub_of, zone_name

LINES = 5
ASK_QTY = 6
CYCLE = "cycle"
# What the pulls are made of, in the order of a cycle, and how many of each a cycle has.
STEPS = {"ask": 1, "claim": 1, "pick": LINES, "stage": 1, "deliver": 1, "put": 1}
BATCHED_STEPS = {"ask": 1, "claim": 1, "pick_batch": 1, "stage": 1, "deliver": 1, "put": 1}


@dataclass(slots=True)
class Desk:
    """A zone and who works in it.

    Attributes:
        store_id: Its store.
        zone: Its name.
        skus: LINES of the items in it.
        tub: Its tub.
        worker: Key of a backroom worker.
        floor: Key of an associate.
        on_shelf: Eaches that are on each item's shelf.
        task: The task being worked on, as the service answered last.
        line: Which of its lines is picked next.
    """

    store_id: int
    zone: str
    skus: Sequence[str]
    tub: str
    worker: str
    floor: str
    on_shelf: int = 0
    task: dict[str, Any] = field(default_factory=dict)
    line: int = 0


@dataclass(frozen=True, slots=True)
class Seat:
    """What one client knows: its desks; the keys that it uses when it acts for all of them in turn."""

    number: int
    desks: Sequence[Desk]
    batched: bool = False


def wanted_keys(world: World, stores: Sequence[int], role: Role) -> list[tuple[int, Role]]:
    """Return which keys the desks of these stores need."""
    return [(store_id, role) for store_id in stores for _ in range(world.zones)]


def desks_of(world: World, stores: Sequence[int], workers: Sequence[str], floor: Sequence[str]) -> list[Desk]:
    """Return the desks of these stores; the keys are those of `wanted_keys`, in that order."""
    places = [(store_id, zone) for store_id in stores for zone in range(world.zones)]
    skus = [[sku_of(item) for item in world.items_in(zone)[:LINES]] for zone in range(world.zones)]
    return [
        Desk(store_id, zone_name(zone), skus[zone], tub_of(zone), worker, asker, on_shelf=world.shelf_qty)
        for (store_id, zone), worker, asker in zip(places, workers, floor, strict=True)
    ]


def seats_of(desks: Sequence[Desk], clients: int, *, batched: bool) -> list[Seat]:
    """Spread the desks over the clients, so that clients are spread over the stores.

    Raises:
        BenchFailed: there are more clients than desks in a store for them.
    """
    stores = sorted({desk.store_id for desk in desks})
    seats = []
    for number in range(clients):
        here = [desk for desk in desks if desk.store_id == stores[number % len(stores)]]
        together = len(range(number % len(stores), clients, len(stores)))
        seats.append(Seat(number, here[number // len(stores) :: together], batched))
    if any(not seat.desks for seat in seats):
        raise BenchFailed(f"{clients} clients need more zones than {len(desks)}.")
    return seats


def make_client(seat: Seat, tally: Tally) -> "Puller":
    """Make the client of a seat."""
    return Puller(seat, tally)


class Puller(Caller):
    """Goes round its desks; at each it does a whole cycle, or one step of it."""

    def __init__(self, seat: Seat, tally: Tally) -> None:
        super().__init__(seat.number, tally)
        self._desks = seat.desks
        self._steps = BATCHED_STEPS if seat.batched else STEPS
        self._turn: dict[str, int] = {}
        self._hands = (seat.desks[0].worker, seat.desks[0].floor)

    async def act(self, step: str) -> None:
        """Do a cycle with the client's own two keys, or one step with the keys of the desk whose turn it is."""
        turn = self._turn[step] = self._turn.get(step, -1) + 1
        if step != CYCLE:
            # A task's picks come one after the other, at one desk.
            desk = self._desks[turn // STEPS.get(step, 1) % len(self._desks)]
            await self._do(step, desk, (desk.worker, desk.floor))
            return
        desk = self._desks[turn % len(self._desks)]
        began = time.monotonic()
        for one, times in self._steps.items():
            for _ in range(times):
                await self._do(one, desk, self._hands)
        self.tally.note(CYCLE, began=began, ended=time.monotonic())

    async def _do(self, step: str, desk: Desk, hands: tuple[str, str]) -> None:
        worker, floor = hands
        await getattr(self, f"_{step}")(desk, worker if step in ("claim", "pick", "pick_batch", "stage") else floor)

    async def _sign_in(self, desk: Desk, floor: str) -> None:
        """Have the service read both keys, so that it need not in the step that follows."""
        for token in (floor, desk.worker):
            await self.call("sign_in", "GET", f"/v1/stores/{desk.store_id}/tubs/{desk.tub}", token=token)

    async def _ask(self, desk: Desk, token: str) -> None:
        asks = [{"code": sku, "qty": ASK_QTY, "seen_qty": desk.on_shelf} for sku in desk.skus]
        answer = await self._post("ask", desk, "gap-scans", token, {"asks": asks})
        if answer["opened"] != LINES:
            raise BenchFailed(f"Of {LINES} asks only {answer['opened']} opened a pull: {answer}")

    async def _claim(self, desk: Desk, token: str) -> None:
        wish = {"zones": [desk.zone], "tub": desk.tub, "max_lines": LINES}
        desk.task, desk.line = await self._post("claim", desk, "claims", token, wish), 0
        if len(desk.task["lines"]) != LINES:
            raise BenchFailed(f"A task of {len(desk.task['lines'])} lines in place of {LINES}.")

    async def _pick(self, desk: Desk, token: str) -> None:
        line = desk.task["lines"][desk.line]
        desk.line += 1
        scan = {"fence": desk.task["fence"], "code": line["sku"], "qty": line["qty_planned"]}
        await self._post("pick", desk, f"tasks/{desk.task['task_id']}/picks", token, scan)

    async def _pick_batch(self, desk: Desk, token: str) -> None:
        picks = [{"code": line["sku"], "qty": line["qty_planned"]} for line in desk.task["lines"]]
        batch = {"fence": desk.task["fence"], "picks": picks}
        await self._post("pick_batch", desk, f"tasks/{desk.task['task_id']}/pick-batches", token, batch)

    async def _stage(self, desk: Desk, token: str) -> None:
        await self._post_task("stage", desk, "staging", token, {"fence": desk.task["fence"], "lane": "LANE-1"})

    async def _deliver(self, desk: Desk, token: str) -> None:
        await self._post_task("deliver", desk, "delivery", token, {})

    async def _put(self, desk: Desk, token: str) -> None:
        await self._post_task("put", desk, "puts", token, {"fence": desk.task["fence"], "all_put": True})
        if desk.task["state"] != "closed":
            raise BenchFailed(f"Task {desk.task['task_id']} is {desk.task['state']} after all was put.")
        desk.on_shelf += ASK_QTY

    async def _post_task(self, kind: str, desk: Desk, act: str, token: str, body: Any) -> None:
        desk.task = await self._post(kind, desk, f"tasks/{desk.task['task_id']}/{act}", token, body)

    async def _post(self, kind: str, desk: Desk, path: str, token: str, body: Any) -> Any:
        sent = json.dumps(body).encode()
        _, answer = await self.call(kind, "POST", f"/v1/stores/{desk.store_id}/{path}", token=token, body=sent)
        if not answer:
            raise BenchFailed(f"{path}: there was nothing to do.")
        return json.loads(answer)
