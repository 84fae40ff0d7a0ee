"""Hand out work: what the next claims would get, and claims, many at once.

    look (no locks) -> plan -> take hold of just the pulls chosen -> look again -> plan from what is held -> write

All claims of a batch are planned one after the other from the same pools, so it is as if each had come alone. What
rides along are offers of the watch: taking hold of one makes a pull of it, and one for which no room is left after all
is taken back before anybody sees it.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from pullsvc.db import Row, Tx
from pullsvc.errors import Busy, Rejection
from pullsvc.outbox.actions import Stamp, append
from pullsvc.pulls import actions as pulls
from pullsvc.pulls import homing, offers
from pullsvc.pulls.rules import Pull, State
from pullsvc.tubs import claim_queries, rules
from pullsvc.tubs.claim_queries import Found, Held, Key
from pullsvc.tubs.picking import Limits, Plan, PlannedLine, Pool
from pullsvc.tubs.rules import LineState, TubState
from pullsvc.tubs.searching import Search, Searches

MOST_TASKS = rules.MAX_LIVE_TASKS_A_WORKER
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
    """A task just handed out, with its lines as they are shown."""

    task_id: int
    claim: Claim
    estimated_s: int
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
        opened: Those of them that were made of offers just now.
        rode: Offers were taken once, and are left alone from then on.
        missed: Pulls that were chosen, but that others hold or have taken.
        homes: Zone of each pull that was found in one without any of its units.
    """

    claims: Sequence[Claim]
    plans: dict[int, Plan] = field(default_factory=dict)
    refused: dict[int, Rejection] = field(default_factory=dict)
    held: dict[Key, Found] = field(default_factory=dict)
    pools: dict[int, Pool] = field(default_factory=dict)
    opened: set[Key] = field(default_factory=set)
    rode: bool = False
    missed: set[Key] = field(default_factory=set)
    homes: dict[Key, str] = field(default_factory=dict)

    @property
    def now(self) -> datetime:
        """The moment of the last claim."""
        return max(claim.stamp.now for claim in self.claims)

    def waiting(self) -> list[int]:
        """Return the claims that are neither served nor refused, in their order."""
        return [n for n in range(len(self.claims)) if n not in self.plans and n not in self.refused]


async def preview(tx: Tx, *, store_id: int, wish: Wish, tasks: int, now: datetime) -> list[Plan]:
    """Return what the next claims would get, one after the other, by the search and the planner that claims use."""
    search = Search(store_id, wish.zones, [wish.limits] * tasks)

    def plans_of(found: Iterable[Found]) -> list[Plan]:
        pool = Pool(one.candidate for one in found if one.candidate.qty > 0)
        return [plan for _ in range(tasks) if (plan := pool.compose(wish.limits, wish.zones))]

    while not search.over:
        found = await _look(tx, [search], now=now)
        chosen = {(store_id, line.pull_id) for plan in plans_of(found) for line in plan.lines}
        riders = [one for one in found if one.candidate.rides and one.key in chosen]
        as_they_are = await claim_queries.held(tx, chosen - {one.key for one in riders}) if chosen else []
        if plans := plans_of([*as_they_are, *riders]):
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
    wishes = [(claim.stamp.store_id, claim.wish.zones, claim.wish.limits) for claim in claims]
    searches = Searches(wishes)
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
            searches = Searches(wishes)
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
    tx: Tx,
    searches: Sequence[Search],
    *,
    now: datetime,
    riders: bool = True,
    workers: Collection[Key] = (),
    but: Collection[Key] | None = None,
) -> list[Found]:
    """Look once for each of these searches, and return what was found, each pull and each offer once."""
    queues = [search.queues() for search in searches]
    every = [queue if riders else replace(queue, riders=0) for its in queues for queue in its]
    heads = iter(await claim_queries.look(tx, every, now=now, workers=workers, but=but))
    found: dict[Key, Found] = {}
    for search, its in zip(searches, queues, strict=True):
        seen = [next(heads) for _ in its]
        search.found = [sum(not one.candidate.rides for one in head) for head in seen]
        found.update((one.key, one) for head in seen for one in head)
    return list(found.values())


async def _choose(tx: Tx, desk: _Desk, searches: Sequence[Search], *, first: bool) -> dict[int, Plan]:
    """Plan without locks what each waiting claim might get."""
    workers = {desk.claims[n].worker for n in desk.waiting()} if first else ()
    but = desk.held.keys() if desk.missed else None
    found = await _look(tx, searches, now=desk.now, riders=not desk.rode, workers=workers, but=but)
    for one in found:
        if not one.candidate.rides and one.home != one.candidate.zone and len(desk.homes) < MAX_REHOMED_A_BATCH:
            desk.homes[one.key] = one.home
    free = _by_store(one for one in found if one.key not in desk.held and one.key not in desk.missed)
    pools = {}
    for store_id, its in free.items():
        planned = desk.pools.get(store_id)
        pools[store_id] = Pool((one.candidate for one in its), given=planned.given if planned else None)
    plans = {}
    for n in desk.waiting():
        claim = desk.claims[n]
        pool = pools.get(claim.stamp.store_id)
        if pool and (plan := pool.compose(claim.wish.limits, claim.wish.zones)):
            plans[n] = plan
    return plans


def _by_store(found: Iterable[Found]) -> dict[int, list[Found]]:
    stores: dict[int, list[Found]] = {}
    for one in found:
        stores.setdefault(one.store_id, []).append(one)
    return stores


async def _take(tx: Tx, desk: _Desk, guesses: dict[int, Plan]) -> None:
    """Take hold of the pulls chosen, and plan anew from those: meanwhile others may have taken a part."""
    lines = [(desk.claims[n].stamp.store_id, line) for n, plan in guesses.items() for line in plan.lines]
    chosen = {(store_id, line.pull_id) for store_id, line in lines if not line.rides}
    riders = {(store_id, line.sku, line.shelf) for store_id, line in lines if line.rides}
    claims = [desk.claims[n] for n in desk.waiting()]
    held = await claim_queries.hold(
        tx,
        chosen,
        riders=riders,
        tubs={c.tub for c in claims if c.tub},
        workers={c.worker for c in claims},
        now=desk.now,
    )
    desk.rode = desk.rode or bool(riders)
    desk.opened |= held.opened
    desk.missed |= chosen - held.pulls
    taken = held.pulls | held.opened
    found = await claim_queries.held(tx, taken) if taken else []
    desk.held |= {one.key: one for one in found}
    for store_id, ours in _by_store(found).items():
        fits = [
            one.candidate._replace(rides=True) if one.key in held.opened else one.candidate
            for one in ours
            if one.candidate.qty > 0
        ]
        desk.pools.setdefault(store_id, Pool()).add(fits)
    await _serve(tx, desk, held)


async def _serve(tx: Tx, desk: _Desk, held: Held) -> None:
    """Plan the waiting claims, in their order, from what is held; what a refused one leaves is for those behind it."""
    tasks = Counter(desk.claims[n].worker for n in desk.plans)
    tubs = {desk.claims[n].tub for n in desk.plans}
    wrong: dict[int, tuple[int, str]] = {}
    for n in desk.waiting():
        claim = desk.claims[n]
        pool = desk.pools.get(claim.stamp.store_id)
        if not pool or not pool.serves(claim.wish.zones):
            continue
        if held.tasks[claim.worker] + tasks[claim.worker] >= MOST_TASKS:
            desk.refused[n] = rules.TooManyTasks(f"You may hold {MOST_TASKS} tasks at once; stage or release one.")
        elif claim.tub and (claim.tub in tubs or claim.tub not in held.tubs):
            wrong[n] = claim.tub
        elif plan := pool.compose(claim.wish.limits, claim.wish.zones):
            desk.plans[n] = plan
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
    """Write the tasks that were planned, and take back or end what they have no use for."""
    planned = {(desk.claims[n].stamp.store_id, line.pull_id) for n, plan in desk.plans.items() for line in plan.lines}
    if unused := desk.opened - planned:
        await offers.withdraw(tx, unused)
    progress = [*_full(desk), *_progress(desk)]
    if not desk.plans:
        await pulls.save_all_progress(tx, progress, last=True)
        return {}
    lines = {n: [_line(no, line) for no, line in enumerate(plan.lines, start=1)] for n, plan in desk.plans.items()}
    made = await claim_queries.insert_tasks(tx, [_task(n, desk.claims[n], p, lines[n]) for n, p in desk.plans.items()])
    if desk.opened:
        for n, plan in desk.plans.items():
            _tell_riders(tx, desk, desk.claims[n], plan)
    await pulls.save_all_progress(tx, progress, last=True)
    handed = {}
    for n, plan in desk.plans.items():
        claim = desk.claims[n]
        facts = {"lines": len(plan.lines), "qty": sum(x.qty for x in plan.lines), "estimated_s": plan.estimated_s}
        append(tx, claim.stamp, "task.claimed", made[n], {**facts, "tub": claim.wish.tub})
        store_id = claim.stamp.store_id
        shown = [_shown(no, x, desk.held[store_id, x.pull_id]) for no, x in enumerate(plan.lines, start=1)]
        handed[n] = Handed(made[n], claim, plan.estimated_s, shown)
    return handed


def _tell_riders(tx: Tx, desk: _Desk, claim: Claim, plan: Plan) -> None:
    """Tell of the pulls that were opened for this task."""
    for pull_id, qty in plan.qty_of_pulls().items():
        key = claim.stamp.store_id, pull_id
        if key in desk.opened:
            rider = desk.held[key].candidate
            fact = {"sku": rider.sku, "shelf": rider.shelf, "asks": 1, "qty": qty, "urgency": rider.urgency}
            append(tx, claim.stamp, "pull.opened", pull_id, fact)


def _full(desk: _Desk) -> list[tuple[Stamp, Pull, Pull]]:
    """Return how pulls of the watch end whose shelves turn out to be full: they would be found again and again."""
    full = [one for key, one in desk.held.items() if one.candidate.qty == 0 and key not in desk.opened]
    return [
        (Stamp.of_service(one.store_id, desk.now), one.pull, one.pull.give_up_rest(State.EXPIRED, "shelf_full"))
        for one in full
    ]


def _progress(desk: _Desk) -> list[tuple[Stamp, Pull, Pull]]:
    """Return how each task brings its pulls on, in the order in which they are planned."""
    now = {key: found.pull for key, found in desk.held.items()}
    steps = []
    for n, plan in desk.plans.items():
        stamp = desk.claims[n].stamp
        for pull_id, qty in plan.qty_of_pulls().items():
            key = stamp.store_id, pull_id
            before = now[key]
            after = before.change(planned=qty)
            if key in desk.opened:
                after = after.change(wanted=-after.rest)  # What did not fit into the tub was nobody's wish.
            now[key] = after
            steps.append((stamp, before, after))
    return steps


def _task(n: int, claim: Claim, plan: Plan, lines: Sequence[dict[str, Any]]) -> dict[str, object]:
    store_id, principal_id = claim.worker
    return {
        "n": n,
        "store_id": store_id,
        "tub": claim.wish.tub,
        "claimed_by": principal_id,
        "claimed_at": claim.stamp.now,
        "lease_until": claim.stamp.now + claim.lease,
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


def _shown(line_no: int, line: PlannedLine, found: Found) -> dict[str, Any]:
    """Return the line as it is shown, the members of a LineView in their order: nothing of it is picked yet."""
    return {
        "line_no": line_no,
        "pull_id": line.pull_id,
        "sku": line.sku,
        **found.facts,
        "from_location": line.location,
        "shelf": line.shelf,
        "state": LineState.PLANNED,
        "short_reason": None,
        "urgency": found.candidate.urgency,
        "qty_planned": line.qty,
        **_UNTOUCHED,
    }


_UNTOUCHED = {"qty_picked": 0, "qty_put": 0, "qty_returned": 0, "qty_damaged": 0, "qty_missing": 0}
