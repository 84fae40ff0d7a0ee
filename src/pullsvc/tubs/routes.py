"""Tub-fill tasks over HTTP."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from pullsvc.access.edge import Act, Caller, keyed, may
from pullsvc.access.rules import Perm
from pullsvc.db import Row, Tx
from pullsvc.outbox.actions import Stamp
from pullsvc.tubs import actions, claiming, holding, queries, rules, shorts, views
from pullsvc.tubs.claiming import Wish
from pullsvc.tubs.rules import Settlement
from pullsvc.web.deps import Code, Db, PathId
from pullsvc.web.pages import Page, Paging

router = APIRouter(prefix="/v1/stores/{store_id}", tags=["tubs"])


def _lease(request: Request) -> timedelta:
    return timedelta(seconds=request.app.state.settings.lease_s)


Lease = Annotated[timedelta, Depends(_lease)]
Worker = Annotated[Act, keyed(Perm.WORK)]
Floor = Annotated[Act, keyed(Perm.PUT)]
Lead = Annotated[Act, keyed(Perm.LEAD)]
Reader = Annotated[Caller, may(Perm.READ)]


@router.get("/available-tasks", response_model=views.AvailableTasks)
async def preview_tasks(
    caller: Reader,
    db: Db,
    zone: Code | None = None,
    tasks: Annotated[int, Query(ge=1, le=claiming.MAX_PREVIEWED_TASKS)] = 3,
) -> dict[str, Any]:
    """Show what the next claims would be handed, by the planner that claims use."""
    wish = Wish(zones=[zone] if zone else None, tub=None, limits=views.ClaimBody().limits())
    async with db.read() as tx:
        plans = await claiming.preview(tx, store_id=caller.store_id, wish=wish, tasks=tasks)
    return {
        "tasks": [
            {"estimated_s": plan.estimated_s, "lines": [views.PlannedView(**_stop(x)) for x in plan.lines]}
            for plan in plans
        ]
    }


def _stop(line: Any) -> dict[str, Any]:
    return {name: getattr(line, name) for name in ("pull_id", "sku", "shelf", "location", "qty")}


@router.post(
    "/claims",
    status_code=201,
    response_model=views.TaskView,
    responses={204: {"description": "Nothing to do in these zones."}},
)
async def claim_task(body: views.ClaimBody, act: Worker, db: Db, lease: Lease) -> Response:
    """Claim a tub-fill task, composed at this moment from the most urgent pulls; 204 when there is nothing to do."""
    stamp = act.caller.stamp()
    wish = Wish(zones=body.zones or None, tub=body.tub, limits=body.limits())
    async with act.begin(db) as tx:
        task = await claiming.claim(tx, stamp, wish=wish, lease=lease)
        if task is not None:
            view = views.TaskView.model_validate(_view(task, now=stamp.now))
            return act.answer(tx, view, status=201)
    return await act.nothing(db)


async def _answer(tx: Tx, act: Act, stamp: Stamp, task_id: int, *, status: int = 200) -> Response:
    """Answer with the task as it now stands."""
    row = await tx.one(queries.TASK, store_id=stamp.store_id, task_id=task_id)
    return act.answer(tx, views.TaskView.model_validate(_view(row, now=stamp.now)), status=status)


def _view(row: Row, *, now: datetime) -> dict[str, Any]:
    left = int((row.lease_until - now).total_seconds())
    return {**row._asdict(), "lease_s": max(0, left)}


@router.get("/tasks", response_model=Page[views.TaskView])
async def list_tasks(
    caller: Reader,
    db: Db,
    page: Paging,
    live: bool | None = None,
    state: views.TaskFilter | None = None,
    mine: bool = False,
) -> dict[str, Any]:
    """List tasks, newest first; `mine=true` finds what one holds after a crash of the device."""
    (before_id,) = page.key(int)
    async with db.read() as tx:
        rows = await tx.rows(
            queries.TASKS,
            store_id=caller.store_id,
            live=live,
            state=state,
            claimed_by=caller.principal_id if mine else None,
            before_id=before_id,
            limit=page.limit + 1,
        )
    return page.page(rows, lambda row: (row.task_id,), lambda row: _view(row, now=caller.now))


@router.get("/tasks/{task_id}", response_model=views.TaskView)
async def get_task(task_id: PathId, caller: Reader, db: Db) -> dict[str, Any]:
    """Show a task with its lines."""
    async with db.read() as tx:
        row = await tx.row(queries.TASK, store_id=caller.store_id, task_id=task_id)
    if row is None:
        raise rules.NoSuchTask(f"Task {task_id} does not exist.", task_id=task_id)
    return _view(row, now=caller.now)


@router.post("/tasks/{task_id}/tub", status_code=201, response_model=views.TaskView)
async def scan_tub(task_id: PathId, body: views.TubScanBody, act: Worker, db: Db, lease: Lease) -> Response:
    """Scan the tub that the task will fill."""
    stamp = act.caller.stamp()
    async with act.begin(db) as tx:
        task = await actions.held_task(tx, stamp, task_id=task_id)
        await actions.scan_tub(tx, stamp, task=task, fence=body.fence, tub=body.tub, lease=lease)
        return await _answer(tx, act, stamp, task_id, status=201)


@router.post("/tasks/{task_id}/picks", status_code=201, response_model=views.PickAnswer)
async def pick_units(task_id: PathId, body: views.PickBody, act: Worker, db: Db, lease: Lease) -> Response:
    """Scan units into the tub."""
    stamp = act.caller.stamp(body.occurred_at)
    scan = actions.Scan(body.code, body.line_no, body.qty, body.location, body.tub)
    async with act.begin(db) as tx:
        picked = await actions.pick(tx, stamp, task_id=task_id, fence=body.fence, scan=scan, lease=lease)
        return act.answer(tx, views.PickAnswer.model_validate(picked, from_attributes=True), status=201)


@router.post("/tasks/{task_id}/unpicks", status_code=201, response_model=views.TaskView)
async def unpick_units(task_id: PathId, body: views.UnpickBody, act: Worker, db: Db, lease: Lease) -> Response:
    """Put units of a line back where they came from."""
    stamp = act.caller.stamp(body.occurred_at)
    async with act.begin(db) as tx:
        task = await actions.held_task(tx, stamp, task_id=task_id)
        await actions.unpick(tx, stamp, task=task, fence=body.fence, line_no=body.line_no, qty=body.qty, lease=lease)
        return await _answer(tx, act, stamp, task_id, status=201)


@router.post("/tasks/{task_id}/shorts", status_code=201, response_model=views.TaskView)
async def report_short(task_id: PathId, body: views.ShortBody, act: Worker, db: Db, lease: Lease) -> Response:
    """Say that the rest of a line is not to be had there; other places are tried at once."""
    stamp = act.caller.stamp(body.occurred_at)
    async with act.begin(db) as tx:
        task = await actions.held_task(tx, stamp, task_id=task_id)
        await shorts.report_short(
            tx, stamp, task=task, fence=body.fence, line_no=body.line_no, reason=body.reason, lease=lease
        )
        return await _answer(tx, act, stamp, task_id, status=201)


@router.post("/tasks/{task_id}/short-undos", status_code=201, response_model=views.TaskView)
async def undo_short(task_id: PathId, body: views.LineBody, act: Worker, db: Db, lease: Lease) -> Response:
    """Take a short back: the units were there after all."""
    stamp = act.caller.stamp()
    async with act.begin(db) as tx:
        task = await actions.held_task(tx, stamp, task_id=task_id)
        await shorts.undo_short(tx, stamp, task=task, fence=body.fence, line_no=body.line_no, lease=lease)
        return await _answer(tx, act, stamp, task_id, status=201)


@router.post("/tasks/{task_id}/skips", status_code=201, response_model=views.TaskView)
async def skip_line(task_id: PathId, body: views.LineBody, act: Worker, db: Db, lease: Lease) -> Response:
    """Leave a line for the end of the walk."""
    stamp = act.caller.stamp()
    async with act.begin(db) as tx:
        task = await actions.held_task(tx, stamp, task_id=task_id)
        await actions.skip(tx, stamp, task=task, fence=body.fence, line_no=body.line_no, lease=lease)
        return await _answer(tx, act, stamp, task_id, status=201)


@router.post("/tasks/{task_id}/renewals", status_code=201, response_model=views.TaskView)
async def renew_lease(task_id: PathId, body: views.FencedBody, act: Floor, db: Db, lease: Lease) -> Response:
    """Say that one is still at it, when there is nothing to scan."""
    stamp = act.caller.stamp()
    async with act.begin(db) as tx:
        task = await actions.held_task(tx, stamp, task_id=task_id)
        await actions.renew(tx, stamp, task=task, fence=body.fence, lease=lease)
        return await _answer(tx, act, stamp, task_id, status=201)


@router.post("/tasks/{task_id}/release", status_code=201, response_model=views.TaskView)
async def release_task(task_id: PathId, body: views.FencedBody, act: Worker, db: Db) -> Response:
    """Give a task back before anything was picked."""
    stamp = act.caller.stamp()
    async with act.begin(db) as tx:
        task = await actions.held_task(tx, stamp, task_id=task_id)
        await holding.release(tx, stamp, task=task, fence=body.fence)
        return await _answer(tx, act, stamp, task_id, status=201)


@router.post("/tasks/{task_id}/staging", status_code=201, response_model=views.TaskView)
async def stage_tub(task_id: PathId, body: views.StagingBody, act: Worker, db: Db, lease: Lease) -> Response:
    """Stand the tub in a lane at the edge of the floor."""
    stamp = act.caller.stamp(body.occurred_at)
    async with act.begin(db) as tx:
        task = await actions.held_task(tx, stamp, task_id=task_id)
        await actions.stage(tx, stamp, task=task, fence=body.fence, lane=body.lane, lease=lease)
        return await _answer(tx, act, stamp, task_id, status=201)


@router.post("/tasks/{task_id}/delivery", status_code=201, response_model=views.TaskView)
async def deliver_tub(task_id: PathId, act: Floor, db: Db, lease: Lease) -> Response:
    """Take a staged tub onto the floor; the answer holds the new fence."""
    stamp = act.caller.stamp()
    async with act.begin(db) as tx:
        task = await actions.held_task(tx, stamp, task_id=task_id)
        await actions.deliver(tx, stamp, task=task, lease=lease)
        return await _answer(tx, act, stamp, task_id, status=201)


@router.post("/tasks/{task_id}/puts", status_code=201, response_model=views.TaskView)
async def put_units(task_id: PathId, body: views.PutBody, act: Floor, db: Db, lease: Lease) -> Response:
    """Say what went onto the shelf, back, to waste, or is missing; the task closes when all units are accounted for."""
    stamp = act.caller.stamp(body.occurred_at)
    async with act.begin(db) as tx:
        task = await actions.held_task(tx, stamp, task_id=task_id)
        settlements = {
            x.line_no: Settlement(put=x.put, returned=x.returned, damaged=x.damaged, missing=x.missing)
            for x in body.lines
        }
        if body.all_put:
            rest = {x.line_no: Settlement(put=x.unsettled) for x in task.lines if x.unsettled}
            settlements = rest | settlements
        await actions.put_away(
            tx,
            stamp,
            task=task,
            fence=body.fence,
            settlements=settlements,
            return_to=body.return_to,
            lease=lease,
        )
        return await _answer(tx, act, stamp, task_id, status=201)


@router.post("/tasks/{task_id}/closing", status_code=201, response_model=views.TaskView)
async def close_task(task_id: PathId, body: views.FencedBody, act: Floor, db: Db) -> Response:
    """Close a tub on the floor; refused while units are unaccounted for."""
    stamp = act.caller.stamp()
    async with act.begin(db) as tx:
        task = await actions.held_task(tx, stamp, task_id=task_id)
        await actions.close(tx, stamp, task=task, fence=body.fence)
        return await _answer(tx, act, stamp, task_id, status=201)


@router.post("/tasks/{task_id}/resumption", status_code=201, response_model=views.TaskView)
async def resume_task(task_id: PathId, act: Floor, db: Db, lease: Lease) -> Response:
    """Take over an abandoned tub, or go on with one's own after a crash; the answer holds the new fence."""
    stamp = act.caller.stamp()
    async with act.begin(db) as tx:
        task = await actions.held_task(tx, stamp, task_id=task_id)
        await holding.resume(tx, stamp, task=task, lease=lease)
        return await _answer(tx, act, stamp, task_id, status=201)


@router.post("/tasks/{task_id}/reassignment", status_code=201, response_model=views.TaskView)
async def reassign_task(task_id: PathId, body: views.ReassignmentBody, act: Lead, db: Db, lease: Lease) -> Response:
    """Give a task to another worker."""
    stamp = act.caller.stamp()
    async with act.begin(db) as tx:
        task = await actions.held_task(tx, stamp, task_id=task_id)
        await holding.reassign(tx, stamp, task=task, worker=body.principal_id, lease=lease)
        return await _answer(tx, act, stamp, task_id, status=201)
