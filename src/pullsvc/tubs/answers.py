"""The answers of acts on tasks, built from what the act itself knows.

They are written as they are, with the members of their models (`views`) in that order.
"""

from typing import Any

from pullsvc.access.edge import Caller
from pullsvc.db import Row
from pullsvc.tubs.claim_queries import FIRST_FENCE
from pullsvc.tubs.claiming import Handed
from pullsvc.tubs.holding import Done
from pullsvc.tubs.picks import Picked
from pullsvc.tubs.rules import Line, TaskState


def claim_shown(handed: Handed, *, worker: str) -> dict[str, Any]:
    """Return a TaskView: the task just handed out to the worker of that name."""
    claim = handed.claim
    return {
        "task_id": handed.task_id,
        "state": TaskState.FILLING if claim.wish.tub else TaskState.CLAIMED,
        "tub": claim.wish.tub,
        "lane": None,
        "fence": FIRST_FENCE,
        "claimed_by": claim.stamp.principal_id,
        "worker": worker,
        "claimed_at": claim.stamp.now,
        "lease_until": claim.stamp.now + claim.lease,
        "lease_s": int(claim.lease.total_seconds()),
        "estimated_s": handed.estimated_s,
        "qty_picked": 0,
        "qty_settled": 0,
        "staged_at": None,
        "delivered_at": None,
        "ended_at": None,
        "lines": handed.lines,
    }


def task_shown(done: Done, *, who: Caller) -> dict[str, Any]:
    """Return a TaskView: the task as this act left it; its rows were locked with what a task shows."""
    task, head = done.outcome.task, done.rows[0]
    now_at = sorted(zip(task.lines, done.rows, strict=True), key=lambda stop: (stop[0].pick_seq, stop[0].line_no))
    return {
        "task_id": task.task_id,
        "state": task.state,
        "tub": task.tub,
        "lane": task.lane,
        "fence": task.fence,
        "claimed_by": task.claimed_by,
        "worker": done.outcome.holder or (who.name if task.claimed_by == who.principal_id else head["worker"]),
        "claimed_at": head["claimed_at"],
        "lease_until": task.lease_until,
        "lease_s": max(0, int((task.lease_until - who.now).total_seconds())),
        "estimated_s": head["estimated_s"],
        "qty_picked": task.qty_picked,
        "qty_settled": task.qty_settled,
        "staged_at": task.staged_at,
        "delivered_at": task.delivered_at,
        "ended_at": task.ended_at,
        "lines": [_line_shown(line, row) for line, row in now_at],
    }


def _line_shown(line: Line, row: Row) -> dict[str, Any]:
    return {
        "line_no": line.line_no,
        "pull_id": line.pull_id,
        "sku": line.sku,
        "description": row["description"],
        "department": row["department"],
        "attributes": row["attributes"],
        "case_pack": row["case_pack"],
        "from_location": line.location,
        "shelf": line.shelf,
        "state": line.state,
        "short_reason": line.short_reason,
        "urgency": row["urgency"],
        "qty_planned": line.planned,
        "qty_picked": line.picked,
        "qty_put": line.put,
        "qty_returned": line.returned,
        "qty_damaged": line.damaged,
        "qty_missing": line.missing,
    }


def picks_shown(done: Done, *, listed: bool) -> dict[str, Any]:
    """Return what scans left: a PickBatchAnswer of all of them, or a PickAnswer of the one there is."""
    task = done.outcome.task
    scans = [_picked(one) for one in done.outcome.answer]
    left = {"picks": scans} if listed else scans[0]
    return {"task_id": task.task_id, **left, "lease_until": task.lease_until}


def _picked(one: Picked) -> dict[str, Any]:
    line = one.line
    left = {"line_state": line.state, "line_picked": line.picked, "line_planned": line.planned}
    return {"line_no": line.line_no, "sku": line.sku, "qty": one.qty, **left}
