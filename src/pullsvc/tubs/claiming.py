"""Hand out work: what the next claims would get, and claims."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from pullsvc.db import Row, Tx
from pullsvc.outbox.actions import Stamp, append
from pullsvc.pulls import actions as pulls
from pullsvc.pulls import queries as pull_queries
from pullsvc.pulls.rules import Pull
from pullsvc.tubs import claim_queries, picking, queries, rules
from pullsvc.tubs.picking import Limits, Plan
from pullsvc.tubs.rules import TubState

MAX_CLAIM_TRIES = 4
MAX_PREVIEWED_TASKS = 10


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


async def preview(tx: Tx, *, store_id: int, wish: Wish, tasks: int) -> list[Plan]:
    """Return what the next claims would get, by the planner that claims use."""
    rows = await tx.rows(
        claim_queries.CANDIDATES, store_id=store_id, zones=_zones(wish), limit=claim_queries.MAX_CANDIDATES
    )
    return picking.preview([claim_queries.candidate_of(row) for row in rows], wish.limits, tasks=tasks)


async def claim(tx: Tx, stamp: Stamp, *, wish: Wish, lease: timedelta) -> Row | None:
    """Compose a task from the open pulls as they are now and give it to the caller; None: nothing to do.

    Looks without locks, plans, then takes hold of just the pulls chosen, skipping any that another claim is taking
    at this moment; so no claim waits for another, except for one that plans units of the same item, and no unit is
    planned twice.

    Raises:
        WrongTub: the tub is in use.
        TooManyTasks: the worker holds as many as one may.
    """
    for attempt in range(MAX_CLAIM_TRIES):
        held = await _hold(tx, stamp, wish, optimistic=attempt == 0)
        if held is None:
            return None
        plan, before = held
        if plan is None:
            continue  # Others were faster; look again.
        made = await claim_queries.insert_task(tx, stamp, plan=plan, tub=wish.tub, lease=lease)
        if made is None:
            await _refuse(tx, stamp, wish)
        assert made is not None
        await pulls.save_progress(tx, stamp, before=before, after=_planned(before, plan), last=True)
        facts = {"lines": len(plan.lines), "qty": sum(x.qty for x in plan.lines), "estimated_s": plan.estimated_s}
        append(tx, stamp, "task.claimed", made.task_id, {**facts, "tub": made.tub})
        return made
    return None


async def _hold(tx: Tx, stamp: Stamp, wish: Wish, *, optimistic: bool) -> tuple[Plan | None, list[Pull]] | None:
    """Plan, and lock the pulls of the plan; None: there is nothing to plan from."""
    find = {"store_id": stamp.store_id, "zones": _zones(wish)}
    if optimistic:
        who = {"principal_id": stamp.principal_id, "limit": claim_queries.MAX_CANDIDATES}
        rows = await tx.rows(claim_queries.CANDIDATES_FOR_ONE, **who, **find)
        plan = picking.compose([claim_queries.candidate_of(row) for row in rows], wish.limits)
        if plan is None:
            return None
        held = await tx.rows(claim_queries.HOLD_CHOSEN, pull_ids=plan.pull_ids, **find)
    else:
        # No more than the tub can hold: what is held here, no other claim of this moment can get.
        held = await tx.rows(claim_queries.HOLD_FREE, limit=wish.limits.lines, **find)
        if not held:
            return None
    # Planned anew from the held rows: between looking and holding, others may have taken a part.
    rows = await tx.rows(claim_queries.HELD_CANDIDATES, pull_ids=[row.pull_id for row in held], **find) if held else []
    plan = picking.compose([claim_queries.candidate_of(row) for row in rows], wish.limits)
    return plan, [pull_queries.pull_of(row) for row in rows]


def _zones(wish: Wish) -> list[str] | None:
    return list(wish.zones) if wish.zones else None


def _planned(before: Sequence[Pull], plan: Plan) -> list[Pull]:
    qty: dict[int, int] = {}
    for line in plan.lines:
        qty[line.pull_id] = qty.get(line.pull_id, 0) + line.qty
    return [pull.change(planned=qty[pull.pull_id]) if pull.pull_id in qty else pull for pull in before]


async def _refuse(tx: Tx, stamp: Stamp, wish: Wish) -> None:
    """Say why the task could not be made."""
    held = await tx.one(claim_queries.HELD_TASKS, store_id=stamp.store_id, principal_id=stamp.principal_id)
    if held.tasks >= rules.MAX_LIVE_TASKS_A_WORKER:
        raise rules.TooManyTasks(f"You may hold {rules.MAX_LIVE_TASKS_A_WORKER} tasks at once; stage or release one.")
    if wish.tub:
        tub = await tx.row(queries.TUB, store_id=stamp.store_id, tub=wish.tub)
        if tub is None or not tub.active:
            raise rules.NoSuchTub(f"{wish.tub} is not a tub of this store; register it or scan another.", tub=wish.tub)
        if tub.state != TubState.IDLE:
            raise rules.WrongTub(f"{wish.tub} is {tub.state} on task {tub.task_id}; scan another.", tub=wish.tub)
    raise rules.WrongTub("Somebody takes this tub at this moment; scan another.", tub=wish.tub)
