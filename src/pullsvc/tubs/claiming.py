"""Hand out work: what the next claims would get, and claims, many at once.

    look (no locks) -> plan -> take hold of just the pulls chosen -> look again -> plan from what is held -> write

All claims of a batch are planned one after the other from the same pools, so it is as if each had come alone.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from pullsvc.db import Row, Tx
from pullsvc.errors import Busy, Rejection
from pullsvc.outbox.actions import Stamp, append
from pullsvc.pulls import actions as pulls
from pullsvc.pulls import homing
from pullsvc.pulls.rules import Pull
from pullsvc.tubs import claim_queries, rules
from pullsvc.tubs.claim_queries import Found, Held, Key
from pullsvc.tubs.picking import Limits, Plan, PlannedLine, Pool
from pullsvc.tubs.rules import LineState, TubState
from pullsvc.tubs.searching import Search

MAX_LOOKS = 12
MAX_PREVIEWED_TASKS = 10
MAX_REHOMED_A_BATCH = 2_000


class Crowded(Busy):
    """Others are at the same pulls; when they are done, some may be left."""

    code = "crowded"
    title = "Others are claiming the same work at this moment."


@dataclass(frozen=True, slots=True)
class Wish:
    """What a worker wants to be handed.

    Attributes:
        zones: Backroom zones to walk; None: all.
        tub: Tub in hand, if scanned already.
        limits: Of the tub and the trip.
    """

    zones: Sequence[str] | None
    tub: str | None
    limits: Limits


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's wish, signed; and how long the task will be the worker's without a scan."""

    stamp: Stamp
    wish: Wish
    lease: timedelta

    @property
    def worker(self) -> Key:
        """Who claims, in which store."""
        assert self.stamp.principal_id is not None, "the service itself claims nothing"
        return self.stamp.store_id, self.stamp.principal_id

    @property
    def tub(self) -> tuple[int, str] | None:
        """The tub in hand, in which store."""
        return (self.stamp.store_id, self.wish.tub) if self.wish.tub else None


@dataclass(frozen=True, slots=True)
class Handed:
    """A task just handed out: its row, and its lines as they are shown."""

    task: Row
    lines: list[dict[str, Any]]


@dataclass(slots=True)
class _Desk:
    """What a batch of claims has come to so far.

    Attributes:
        claims: The claims, in the order in which they are served.
        plans: The task of each claim that is served.
        refused: Why others are not.
        held: Pulls taken hold of, as they were then.
        pools: What is held in each store, less what is planned of it.
        missed: Pulls that were chosen, but that others hold or have taken.
        homes: Zone of each pull that was found in one without any of its units.
    """

    claims: Sequence[Claim]
    plans: dict[int, Plan] = field(default_factory=dict)
    refused: dict[int, Rejection] = field(default_factory=dict)
    held: dict[Key, Found] = field(default_factory=dict)
    pools: dict[int, Pool] = field(default_factory=dict)
    missed: set[Key] = field(default_factory=set)
    homes: dict[Key, str] = field(default_factory=dict)

    def waiting(self) -> list[int]:
        """Return the claims that are neither served nor refused, in their order."""
        return [n for n in range(len(self.claims)) if n not in self.plans and n not in self.refused]


class _Searches:
    """The searches of a batch: claims of one store and the same zones look together."""

    def __init__(self, claims: Sequence[Claim]) -> None:
        kinds = [(claim.stamp.store_id, tuple(claim.wish.zones or ())) for claim in claims]
        limits: dict[tuple[int, tuple[str, ...]], list[Limits]] = {}
        for kind, claim in zip(kinds, claims, strict=True):
            limits.setdefault(kind, []).append(claim.wish.limits)
        searches = {kind: Search(kind[0], kind[1] or None, its) for kind, its in limits.items()}
        self._of = [searches[kind] for kind in kinds]

    def of(self, waiting: Iterable[int]) -> list[Search]:
        """Return the searches of these claims that are not over."""
        return [search for search in dict.fromkeys(self._of[n] for n in waiting) if not search.over]

    def narrow(self) -> None:
        """Have all of them look for no more than they need."""
        for search in self._of:
            search.narrow()

    def complete(self, n: int) -> bool:
        """Tell whether the search for this claim went to the end of its queue."""
        return self._of[n].complete


async def preview(tx: Tx, *, store_id: int, wish: Wish, tasks: int) -> list[Plan]:
    """Return what the next claims would get, one after the other, by the search and the planner that claims use."""
    search = Search(store_id, wish.zones, [wish.limits] * tasks)
    while not search.over:
        pool = Pool(one.candidate for one in await _look(tx, [search]))
        plans = [plan for _ in range(tasks) if (plan := pool.compose(wish.limits, wish.zones))]
        if plans:
            return plans
        search.go_on()
    return []


async def claim_all(tx: Tx, claims: Sequence[Claim]) -> list[Handed | Rejection | None]:
    """Compose a task for each claim from the open pulls as they are now; None: there is nothing to do.

    Pulls that another transaction holds are passed over, so no claim waits for another, except for one that plans units
    of the same item; and no unit is planned twice.

    Returns:
        For each claim its task, None, or why it is refused:
        WrongTub, NoSuchTub: the tub is in use, or there is none.
        TooManyTasks: the worker holds as many as one may.
        Crowded: all that is left is held by others at this moment.
    """
    desk = _Desk(claims)
    searches = _Searches(claims)
    for look in range(MAX_LOOKS):
        if active := searches.of(desk.waiting()):
            guesses = await _choose(tx, desk, active, first=look == 0)
            for fruitless in searches.of(n for n in desk.waiting() if n not in guesses):
                fruitless.go_on()
            if guesses:
                await _take(tx, desk, guesses)
            if desk.missed and look == 0:
                searches.narrow()
        elif desk.waiting() and desk.missed and not desk.held:
            # Whoever holds nothing may wait for somebody who does, and then sees what is left.
            await claim_queries.wait_for(tx, [min(desk.missed)])
            desk.missed.clear()
            searches = _Searches(claims)
        else:
            break
    if desk.homes:
        await homing.rehome(tx, desk.homes)
    handed = await _hand_out(tx, desk)
    crowded = {store_id for store_id, _ in desk.missed}
    answers: dict[int, Handed | Rejection] = {**handed, **desk.refused}
    for n in desk.waiting():
        if claims[n].stamp.store_id in crowded or not searches.complete(n):
            answers[n] = Crowded("Others are taking what is left at this moment; claim again.")
    return [answers.get(n) for n in range(len(claims))]


async def _look(
    tx: Tx, searches: Sequence[Search], *, workers: Collection[Key] = (), but: Collection[Key] | None = None
) -> list[Found]:
    """Look once for each of these searches, and return all pulls that were found, each once."""
    queues = [search.queues() for search in searches]
    heads = iter(await claim_queries.look(tx, [q for qs in queues for q in qs], workers=workers, but=but))
    found: dict[Key, Found] = {}
    for search, its in zip(searches, queues, strict=True):
        seen = [next(heads) for _ in its]
        search.found = [len(head) for head in seen]
        found.update((one.key, one) for head in seen for one in head)
    return list(found.values())


async def _choose(tx: Tx, desk: _Desk, searches: Sequence[Search], *, first: bool) -> dict[int, Plan]:
    """Plan without locks what each waiting claim might get."""
    workers = {desk.claims[n].worker for n in desk.waiting()} if first else ()
    found = await _look(tx, searches, workers=workers, but=desk.held.keys() if desk.missed else None)
    for one in found:
        if one.home != one.candidate.zone and len(desk.homes) < MAX_REHOMED_A_BATCH:
            desk.homes[one.key] = one.home
    free = _by_store(one for one in found if one.key not in desk.held and one.key not in desk.missed)
    pools = {}
    for store_id, its in free.items():
        planned = desk.pools.get(store_id)
        pools[store_id] = Pool((one.candidate for one in its), given=planned.given if planned else None)
    return _plan(desk, pools, desk.waiting())


def _by_store(found: Iterable[Found]) -> dict[int, list[Found]]:
    stores: dict[int, list[Found]] = {}
    for one in found:
        stores.setdefault(one.store_id, []).append(one)
    return stores


def _plan(desk: _Desk, pools: dict[int, Pool], waiting: Collection[int]) -> dict[int, Plan]:
    plans = {}
    for n in waiting:
        claim = desk.claims[n]
        pool = pools.get(claim.stamp.store_id)
        if pool and (plan := pool.compose(claim.wish.limits, claim.wish.zones)):
            plans[n] = plan
    return plans


async def _take(tx: Tx, desk: _Desk, guesses: dict[int, Plan]) -> None:
    """Take hold of the pulls chosen, and plan anew from those: meanwhile others may have taken a part."""
    chosen = {(desk.claims[n].stamp.store_id, line.pull_id) for n, plan in guesses.items() for line in plan.lines}
    claims = [desk.claims[n] for n in guesses]
    held = await claim_queries.hold(
        tx, chosen, tubs={c.tub for c in claims if c.tub}, workers={c.worker for c in claims}
    )
    desk.missed |= chosen - held.pulls
    found = await claim_queries.held(tx, held.pulls) if held.pulls else []
    desk.held |= {one.key: one for one in found}
    for store_id, ours in _by_store(found).items():
        desk.pools.setdefault(store_id, Pool()).add(one.candidate for one in ours)
    await _refuse(tx, desk, guesses, held)
    desk.plans |= _plan(desk, desk.pools, [n for n in guesses if n not in desk.refused])


async def _refuse(tx: Tx, desk: _Desk, guesses: Collection[int], held: Held) -> None:
    """Refuse those that hold too many tasks, or whose tub cannot be had."""
    tasks = Counter(desk.claims[n].worker for n in desk.plans)
    tubs = {desk.claims[n].tub for n in desk.plans}
    wrong: dict[int, tuple[int, str]] = {}
    for n in guesses:
        claim = desk.claims[n]
        if held.tasks[claim.worker] + tasks[claim.worker] >= rules.MAX_LIVE_TASKS_A_WORKER:
            detail = f"You may hold {rules.MAX_LIVE_TASKS_A_WORKER} tasks at once; stage or release one."
            desk.refused[n] = rules.TooManyTasks(detail)
        elif claim.tub and (claim.tub in tubs or claim.tub not in held.tubs):
            wrong[n] = claim.tub
        else:
            tasks[claim.worker] += 1
            tubs.add(claim.tub)
    if wrong:
        known = await claim_queries.tubs_of(tx, set(wrong.values()))
        desk.refused |= {n: _wrong_tub(tub[1], known.get(tub)) for n, tub in wrong.items()}


def _wrong_tub(tub: str, known: Row | None) -> Rejection:
    if known is None or not known.active:
        return rules.NoSuchTub(f"{tub} is not a tub of this store; register it or scan another.", tub=tub)
    if known.state != TubState.IDLE:
        return rules.WrongTub(f"{tub} is {known.state} on task {known.task_id}; scan another.", tub=tub)
    return rules.WrongTub("Somebody takes this tub at this moment; scan another.", tub=tub)


async def _hand_out(tx: Tx, desk: _Desk) -> dict[int, Handed]:
    """Write the tasks that were planned."""
    if not desk.plans:
        return {}
    lines = {n: [_line(no, line) for no, line in enumerate(plan.lines, start=1)] for n, plan in desk.plans.items()}
    made = await claim_queries.insert_tasks(tx, [_task(n, desk.claims[n], p, lines[n]) for n, p in desk.plans.items()])
    await pulls.save_all_progress(tx, _progress(desk), last=True)
    handed = {}
    for n, plan in desk.plans.items():
        claim, task = desk.claims[n], made[n]
        facts = {"lines": len(plan.lines), "qty": sum(x.qty for x in plan.lines), "estimated_s": plan.estimated_s}
        append(tx, claim.stamp, "task.claimed", task.task_id, {**facts, "tub": claim.wish.tub})
        store_id = claim.stamp.store_id
        shown = [_shown(line, desk.held[store_id, x.pull_id]) for line, x in zip(lines[n], plan.lines, strict=True)]
        handed[n] = Handed(task, shown)
    return handed


def _progress(desk: _Desk) -> list[tuple[Stamp, Pull, Pull]]:
    """Return how each task brings its pulls on, in the order in which they are planned."""
    now = {key: found.pull for key, found in desk.held.items()}
    steps = []
    for n, plan in desk.plans.items():
        stamp = desk.claims[n].stamp
        qty = Counter[int]()
        for line in plan.lines:
            qty[line.pull_id] += line.qty
        for pull_id, planned in qty.items():
            before = now[stamp.store_id, pull_id]
            after = now[stamp.store_id, pull_id] = before.change(planned=planned)
            steps.append((stamp, before, after))
    return steps


def _task(n: int, claim: Claim, plan: Plan, lines: Sequence[dict[str, Any]]) -> dict[str, object]:
    store_id, principal_id = claim.worker
    return {
        "n": n,
        "store_id": store_id,
        "tub": claim.wish.tub,
        "claimed_by": principal_id,
        "claimed_at": claim.stamp.now.isoformat(),
        "lease_until": (claim.stamp.now + claim.lease).isoformat(),
        "estimated_s": plan.estimated_s,
        "lines": lines,
    }


def _line(line_no: int, line: PlannedLine) -> dict[str, Any]:
    return {
        "line_no": line_no,
        "pull_id": line.pull_id,
        "sku": line.sku,
        "from_location": line.location,
        "shelf": line.shelf,
        "qty_planned": line.qty,
    }


def _shown(line: dict[str, Any], found: Found) -> dict[str, Any]:
    """Return the line as it is shown: nothing of it is picked yet."""
    return {**line, **found.facts, "urgency": found.candidate.urgency, "state": LineState.PLANNED, **_UNTOUCHED}


_UNTOUCHED = {
    "short_reason": None,
    "qty_picked": 0,
    "qty_put": 0,
    "qty_returned": 0,
    "qty_damaged": 0,
    "qty_missing": 0,
}
