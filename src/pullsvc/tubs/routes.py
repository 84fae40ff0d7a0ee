"""Tub-fill tasks over HTTP."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from pullsvc.access.edge import Act, Caller, keyed, may
from pullsvc.access.rules import Perm
from pullsvc.catalog.rules import normal_code
from pullsvc.combining import Combiner
from pullsvc.db import Database, Row, Tx
from pullsvc.errors import Rejection
from pullsvc.outbox.actions import Stamp
from pullsvc.tubs import actions, answers, claiming, holding, picks, queries, rules, shorts, views
from pullsvc.tubs.actions import PutAway, Reassignment, Resumption, Staging
from pullsvc.tubs.claiming import Claim, Handed, Wish
from pullsvc.tubs.holding import Deed, DeedKind, Done
from pullsvc.tubs.picking import PlannedLine
from pullsvc.tubs.picks import LineDeed, Picking, Scan, TubScan, Unpicking
from pullsvc.tubs.rules import Settlement
from pullsvc.web.deps import Code, Db, PathId
from pullsvc.web.pages import Page, Paging

router = APIRouter(prefix="/v1/stores/{store_id}", tags=["tubs"])
MAX_CLAIM_TRIES = 4


async def _lease(request: Request) -> timedelta:
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
        plans = await claiming.preview(tx, store_id=caller.store_id, wish=wish, tasks=tasks, now=caller.now)
    return {
        "tasks": [
            {"estimated_s": plan.estimated_s, "lines": [views.PlannedView(**_stop(x)) for x in plan.lines]}
            for plan in plans
        ]
    }


def _stop(line: PlannedLine) -> dict[str, Any]:
    stop = {name: getattr(line, name) for name in ("sku", "shelf", "location", "zone", "urgency", "qty")}
    return {"pull_id": None if line.rides else line.pull_id, **stop}


@router.post(
    "/claims",
    status_code=201,
    response_model=views.TaskView,
    responses={204: {"description": "Nothing to do in these zones."}},
)
async def claim_task(body: views.ClaimBody, act: Worker, db: Db, lease: Lease) -> Response:
    """Claim a tub-fill task, composed at this moment from the most urgent pulls; 204 when there is nothing to do.

    Room that they leave is filled with what the watch would ask for soon.
    """
    wish = Wish(zones=body.zones or None, tub=body.tub, limits=body.limits())
    claim = Claim(act.caller.stamp(), wish, lease)
    for _ in range(MAX_CLAIM_TRIES):
        try:
            answer = await act.together(db, _CLAIMS, claim)
        except claiming.Crowded:
            continue  # With the next batch: by then those who were there first are done.
        return answer if answer.status_code == HTTPStatus.CREATED else await act.nothing(db)
    raise claiming.Crowded("Others were faster each time; claim again.")


async def _claim_all(tx: Tx, acts: Sequence[tuple[Act, Claim]]) -> list[Response | Rejection]:
    """Claim for each, and answer with the task, or with 204 when there is nothing to do."""
    told: list[Response | Rejection] = []
    claimed = await claiming.claim_all(tx, [claim for _, claim in acts])
    for (act, _), handed in zip(acts, claimed, strict=True):
        if isinstance(handed, Handed):
            shown = answers.claim_shown(handed, worker=act.caller.name)
            told.append(act.answer(tx, shown, status=HTTPStatus.CREATED))
        else:
            told.append(handed or Response(status_code=HTTPStatus.NO_CONTENT))
    return told


_CLAIMS = Combiner(_claim_all)


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


async def _do_all(tx: Tx, acts: Sequence[tuple[Act, tuple[DeedKind, Deed]]]) -> list[Response | Rejection]:
    """Do acts on tasks, and answer each: a pick with the lines it filled, all others with the task."""
    results = await holding.do_all(tx, [asked for _, asked in acts])
    return [
        act.answer(tx, _told(act, deed, done), status=HTTPStatus.CREATED) if isinstance(done, Done) else done
        for (act, (_, deed)), done in zip(acts, results, strict=True)
    ]


def _told(act: Act, deed: Deed, done: Done) -> dict[str, Any]:
    if isinstance(deed, Picking):
        return answers.picks_shown(done, listed=deed.listed)
    return answers.task_shown(done, who=act.caller)


DEEDS: Combiner[tuple[Act, tuple[DeedKind, Deed]], Response] = Combiner(_do_all)


async def _do(act: Act, db: Database, kind: DeedKind, deed: Deed) -> Response:
    """Do an act on a task, with those of others that come together with it, of whatever kind."""
    return await act.together(db, DEEDS, (kind, deed))


@router.post("/tasks/{task_id}/tub", status_code=201, response_model=views.TaskView)
async def scan_tub(task_id: PathId, body: views.TubScanBody, act: Worker, db: Db, lease: Lease) -> Response:
    """Scan the tub that the task will fill."""
    deed = TubScan(stamp=act.caller.stamp(), task_id=task_id, fence=body.fence, lease=lease, tub=body.tub)
    return await _do(act, db, picks.SCAN_TUB, deed)


@router.post("/tasks/{task_id}/picks", status_code=201, response_model=views.PickAnswer)
async def pick_units(task_id: PathId, body: views.PickBody, act: Worker, db: Db, lease: Lease) -> Response:
    """Scan units into the tub."""
    stamp = await act.stamp(db, body.occurred_at)
    picking = Picking(stamp=stamp, task_id=task_id, fence=body.fence, lease=lease, scans=[await _scan(act, db, body)])
    return await _do(act, db, picks.PICK, picking)


@router.post("/tasks/{task_id}/pick-batches", status_code=201, response_model=views.PickBatchAnswer)
async def pick_many(task_id: PathId, body: views.PickBatchBody, act: Worker, db: Db, lease: Lease) -> Response:
    """Scan units into the tub, many at once: all of them count or none; for a device that was offline or is quick."""
    picking = Picking(
        stamp=act.caller.stamp(),
        task_id=task_id,
        fence=body.fence,
        lease=lease,
        scans=[await _scan(act, db, scan) for scan in body.picks],
        listed=True,
    )
    return await _do(act, db, picks.PICK, picking)


async def _scan(act: Act, db: Db, body: views.ScanBody) -> Scan:
    happened = (await act.stamp(db, body.occurred_at)).occurred_at
    code = normal_code(body.code) if body.code else None
    return Scan(code, body.line_no, body.qty, body.location, body.tub, happened)


@router.post("/tasks/{task_id}/unpicks", status_code=201, response_model=views.TaskView)
async def unpick_units(task_id: PathId, body: views.UnpickBody, act: Worker, db: Db, lease: Lease) -> Response:
    """Put units of a line back where they came from."""
    stamp = await act.stamp(db, body.occurred_at)
    deed = Unpicking(stamp=stamp, task_id=task_id, fence=body.fence, lease=lease, line_no=body.line_no, qty=body.qty)
    return await _do(act, db, picks.UNPICK, deed)


@router.post("/tasks/{task_id}/shorts", status_code=201, response_model=views.TaskView)
async def report_short(task_id: PathId, body: views.ShortBody, act: Worker, db: Db, lease: Lease) -> Response:
    """Say that the rest of a line is not to be had there; other places are tried at once."""
    stamp = await act.stamp(db, body.occurred_at)
    async with act.begin(db) as tx:
        task = await holding.held_task(tx, stamp, task_id=task_id)
        await shorts.report_short(
            tx, stamp, task=task, fence=body.fence, line_no=body.line_no, reason=body.reason, lease=lease
        )
        return await _answer(tx, act, stamp, task_id, status=201)


@router.post("/tasks/{task_id}/short-undos", status_code=201, response_model=views.TaskView)
async def undo_short(task_id: PathId, body: views.LineBody, act: Worker, db: Db, lease: Lease) -> Response:
    """Take a short back: the units were there after all."""
    stamp = act.caller.stamp()
    async with act.begin(db) as tx:
        task = await holding.held_task(tx, stamp, task_id=task_id)
        await shorts.undo_short(tx, stamp, task=task, fence=body.fence, line_no=body.line_no, lease=lease)
        return await _answer(tx, act, stamp, task_id, status=201)


@router.post("/tasks/{task_id}/skips", status_code=201, response_model=views.TaskView)
async def skip_line(task_id: PathId, body: views.LineBody, act: Worker, db: Db, lease: Lease) -> Response:
    """Leave a line for the end of the walk."""
    deed = LineDeed(stamp=act.caller.stamp(), task_id=task_id, fence=body.fence, lease=lease, line_no=body.line_no)
    return await _do(act, db, picks.SKIP, deed)


@router.post("/tasks/{task_id}/renewals", status_code=201, response_model=views.TaskView)
async def renew_lease(task_id: PathId, body: views.FencedBody, act: Floor, db: Db, lease: Lease) -> Response:
    """Say that one is still at it, when there is nothing to scan."""
    deed = Deed(stamp=act.caller.stamp(), task_id=task_id, fence=body.fence, lease=lease)
    return await _do(act, db, actions.RENEW, deed)


@router.post("/tasks/{task_id}/release", status_code=201, response_model=views.TaskView)
async def release_task(task_id: PathId, body: views.FencedBody, act: Worker, db: Db) -> Response:
    """Give a task back before anything was picked."""
    deed = Deed(stamp=act.caller.stamp(), task_id=task_id, fence=body.fence)
    return await _do(act, db, actions.RELEASE, deed)


@router.post("/tasks/{task_id}/staging", status_code=201, response_model=views.TaskView)
async def stage_tub(task_id: PathId, body: views.StagingBody, act: Worker, db: Db, lease: Lease) -> Response:
    """Stand the tub in a lane at the edge of the floor; until somebody takes it from there, also in another one."""
    stamp = await act.stamp(db, body.occurred_at)
    deed = Staging(stamp=stamp, task_id=task_id, fence=body.fence, lease=lease, lane=body.lane)
    return await _do(act, db, actions.STAGE, deed)


@router.post("/tasks/{task_id}/delivery", status_code=201, response_model=views.TaskView)
async def deliver_tub(task_id: PathId, act: Floor, db: Db, lease: Lease) -> Response:
    """Take a staged tub onto the floor; the answer holds the new fence."""
    return await act.together(
        db, DEEDS, (actions.DELIVER, Deed(stamp=act.caller.stamp(), task_id=task_id, lease=lease))
    )


@router.post("/tasks/{task_id}/puts", status_code=201, response_model=views.TaskView)
async def put_units(task_id: PathId, body: views.PutBody, act: Floor, db: Db, lease: Lease) -> Response:
    """Say what went onto the shelf, back, to waste, or is missing; the task closes when all units are accounted for."""
    deed = PutAway(
        stamp=await act.stamp(db, body.occurred_at),
        task_id=task_id,
        fence=body.fence,
        lease=lease,
        settlements={
            x.line_no: Settlement(put=x.put, returned=x.returned, damaged=x.damaged, missing=x.missing)
            for x in body.lines
        },
        all_put=body.all_put,
        return_to=body.return_to,
    )
    return await _do(act, db, actions.PUT_AWAY, deed)


@router.post("/tasks/{task_id}/closing", status_code=201, response_model=views.TaskView)
async def close_task(task_id: PathId, body: views.FencedBody, act: Floor, db: Db) -> Response:
    """Close a tub on the floor; refused while units are unaccounted for."""
    return await act.together(
        db, DEEDS, (actions.CLOSE, Deed(stamp=act.caller.stamp(), task_id=task_id, fence=body.fence))
    )


@router.post("/tasks/{task_id}/resumption", status_code=201, response_model=views.TaskView)
async def resume_task(task_id: PathId, act: Floor, db: Db, lease: Lease) -> Response:
    """Take over an abandoned tub, or go on with one's own after a crash; the answer holds the new fence.

    A tub that is being filled is for who may claim one.
    """
    may_work = Perm.WORK in act.caller.permissions
    deed = Resumption(stamp=act.caller.stamp(), task_id=task_id, lease=lease, may_work=may_work)
    return await _do(act, db, actions.RESUME, deed)


@router.post("/tasks/{task_id}/reassignment", status_code=201, response_model=views.TaskView)
async def reassign_task(task_id: PathId, body: views.ReassignmentBody, act: Lead, db: Db, lease: Lease) -> Response:
    """Give a task to another worker."""
    deed = Reassignment(stamp=act.caller.stamp(), task_id=task_id, lease=lease, worker=body.principal_id)
    return await _do(act, db, actions.REASSIGN, deed)
