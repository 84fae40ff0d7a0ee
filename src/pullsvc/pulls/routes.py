"""Asks and pulls over HTTP."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Response

from pullsvc.access.edge import Act, Caller, keyed, may
from pullsvc.access.rules import Perm
from pullsvc.catalog.actions import NoSuchItem, require_item
from pullsvc.catalog.queries import FoundItem, find_items
from pullsvc.catalog.rules import UnreadableCode, normal_code
from pullsvc.db import Tx
from pullsvc.errors import Rejection
from pullsvc.pulls import actions, queries, rules, views
from pullsvc.pulls.actions import MAX_ASKS_A_CALL, Ask, Asked
from pullsvc.pulls.rules import LeadTimes, Reason, State
from pullsvc.web.deps import Code, Db, PathId
from pullsvc.web.pages import Page, Paging

router = APIRouter(prefix="/v1/stores/{store_id}", tags=["pulls"])

Asker = Annotated[Act, keyed(Perm.ASK)]
Reader = Annotated[Caller, may(Perm.READ)]


@router.post("/asks", status_code=201, response_model=views.AskAnswer)
async def ask_for_item(body: views.AskBody, act: Asker, db: Db) -> Response:
    """Ask for an item on the floor; joins the pull that is open for it, or opens one."""
    stamp = act.caller.stamp(body.occurred_at)
    async with act.begin(db) as tx:
        item = await require_item(tx, store_id=stamp.store_id, code=body.code)
        asked = await actions.ask(tx, stamp, _wish(body, item, act.caller))
        lead = await queries.lead_times(tx, store_id=stamp.store_id)
        return act.answer(tx, _answer(asked, lead=lead, caller=act.caller), status=201)


@router.post("/gap-scans", status_code=201, response_model=views.GapScanAnswer)
async def scan_gaps(body: views.GapScanBody, act: Asker, db: Db) -> Response:
    """Ask for every gap seen on a walk; each line has its own result, and a refused line stops no other."""
    caller = act.caller
    stamp = caller.stamp(max((ask.occurred_at for ask in body.asks if ask.occurred_at), default=None))
    async with act.begin(db) as tx:
        wishes, refused = await _readable(tx, body, caller)
        asked = await actions.ask_all(tx, stamp, list(wishes.values()))
        lead = await queries.lead_times(tx, store_id=stamp.store_id)
        results = dict(zip(wishes, asked, strict=True))
        lines = [_line(n, results.get(n), refused.get(n), lead=lead, caller=caller) for n in range(len(body.asks))]
        outcomes = [line.answer.outcome if line.answer else None for line in lines]
        answer = views.GapScanAnswer(
            opened=outcomes.count(rules.Outcome.OPENED),
            joined=outcomes.count(rules.Outcome.JOINED),
            refused=outcomes.count(None),
            lines=lines,
        )
        return act.answer(tx, answer, status=201)


async def _readable(tx: Tx, body: views.GapScanBody, caller: Caller) -> tuple[dict[int, Ask], dict[int, Rejection]]:
    """Find the items of a whole list in one statement; lines that name none are refused one by one."""
    codes: dict[int, str] = {}
    refused: dict[int, Rejection] = {}
    for n, ask in enumerate(body.asks):
        try:
            codes[n] = normal_code(ask.code)
        except UnreadableCode as unreadable:
            refused[n] = unreadable
    found = await find_items(tx, store_id=caller.store_id, codes=sorted(set(codes.values())))
    wishes: dict[int, Ask] = {}
    for n, code in codes.items():
        try:
            if code not in found:
                raise NoSuchItem(f"Unknown here: {code}.", item=code)
            wishes[n] = _wish(body.asks[n], found[code], caller)
        except Rejection as refusal:
            refused[n] = refusal
    return wishes, refused


def _wish(body: views.AskBody, item: FoundItem, caller: Caller) -> Ask:
    shelf = body.shelf or item.home
    if shelf is None:
        raise actions.NoHome(f"Give {item.sku} a home shelf first, or name the shelf.", sku=item.sku)
    reason = Reason(body.reason)
    seen = 0 if reason is Reason.GAP and body.seen_qty is None else body.seen_qty
    return Ask(
        sku=item.sku,
        shelf=shelf,
        reason=reason,
        requester=body.requester or caller.name,
        qty=body.qty,
        seen_qty=seen,
        note=body.note,
        due_at=body.due_at,
    )


def _answer(asked: Asked, *, lead: LeadTimes, caller: Caller) -> views.AskAnswer:
    pull = asked.pull
    assert pull is not None
    assert asked.ask_id is not None
    assert asked.outcome is not None
    state = State(pull.state)
    times = {"opened_at": pull.opened_at, "planned_at": pull.planned_at, "filled_at": pull.filled_at}
    return views.AskAnswer(
        ask_id=asked.ask_id,
        pull_id=pull.pull_id,
        sku=pull.sku,
        shelf=pull.shelf,
        outcome=asked.outcome,
        answer=rules.answer_of(state, put=pull.qty_put),
        qty=asked.qty,
        uncovered=asked.uncovered,
        ask_count=pull.ask_count,
        urgency=pull.urgency,
        due_at=pull.due_at,
        eta=rules.eta(state, lead=lead, now=caller.now, **times),
    )


def _line(
    n: int, asked: Asked | None, refused: Rejection | None, *, lead: LeadTimes, caller: Caller
) -> views.GapScanLine:
    refusal = refused or (asked.refusal if asked else None)
    if refusal:
        told = {"code": refusal.code, "title": refusal.title, "detail": refusal.detail}
        return views.GapScanLine(line=n, answer=None, refusal=told)
    assert asked is not None
    return views.GapScanLine(line=n, answer=_answer(asked, lead=lead, caller=caller), refusal=None)


@router.get("/pulls", response_model=Page[views.PullView])
async def list_pulls(
    caller: Reader,
    db: Db,
    page: Paging,
    live: bool | None = None,
    state: State | None = None,
    zone: Code | None = None,
    sku: Code | None = None,
) -> dict[str, Any]:
    """List pulls, newest first."""
    (before_id,) = page.key(int)
    filters: Mapping[str, object] = {"live": live, "state": state, "zone": zone, "sku": sku, "before_id": before_id}
    async with db.read() as tx:
        rows = await tx.rows(queries.PULLS, store_id=caller.store_id, limit=page.limit + 1, **filters)
        lead = await queries.lead_times(tx, store_id=caller.store_id)
    return page.page(rows, lambda row: (row.pull_id,), lambda row: actions.view_of(row, lead=lead, now=caller.now))


@router.get("/pulls/{pull_id}", response_model=views.PullDetail)
async def get_pull(pull_id: PathId, caller: Reader, db: Db) -> dict[str, Any]:
    """Show a pull with all who asked for it, and why the watch opened it, if it did."""
    async with db.read() as tx:
        row = await tx.row(queries.PULL, store_id=caller.store_id, pull_id=pull_id)
        if row is None:
            raise actions.NoSuchPull(f"Pull {pull_id} does not exist.")
        asks = await tx.rows(queries.ASKS_OF, store_id=caller.store_id, pull_id=pull_id, limit=MAX_ASKS_A_CALL)
        lead = await queries.lead_times(tx, store_id=caller.store_id)
    return {
        **actions.view_of(row, lead=lead, now=caller.now),
        "asks": [ask._asdict() for ask in asks],
    }


@router.post("/pulls/{pull_id}/cancellation", status_code=201, response_model=views.PullView)
async def cancel_pull(pull_id: PathId, body: views.CancellationBody, act: Asker, db: Db) -> Response:
    """Give up what nobody works on yet; a lead may, or the only one who asked."""
    caller = act.caller
    async with act.begin(db) as tx:
        lead_may = Perm.LEAD in caller.permissions
        await actions.cancel(tx, caller.stamp(), pull_id=pull_id, reason=body.reason, lead=lead_may)
        row = await tx.one(queries.PULL, store_id=caller.store_id, pull_id=pull_id)
        view = actions.view_of(row, lead=LeadTimes(), now=caller.now)
        return act.answer(tx, views.PullView.model_validate(view), status=201)


@router.get("/asks", response_model=Page[views.AskView])
async def list_asks(caller: Reader, db: Db, page: Paging, mine: bool = False) -> dict[str, Any]:
    """List asks, newest first, each with what is known of its goods."""
    (before_id,) = page.key(int)
    principal_id = caller.principal_id if mine else None
    async with db.read() as tx:
        rows = await tx.rows(
            queries.ASKS,
            store_id=caller.store_id,
            ask_id=None,
            principal_id=principal_id,
            before_id=before_id,
            limit=page.limit + 1,
        )
        lead = await queries.lead_times(tx, store_id=caller.store_id)
    return page.page(rows, lambda row: (row.ask_id,), lambda row: actions.view_of(row, lead=lead, now=caller.now))


@router.get("/asks/{ask_id}", response_model=views.AskView)
async def get_ask(ask_id: PathId, caller: Reader, db: Db) -> dict[str, Any]:
    """Tell an asker where the goods are and when they will be on the shelf."""
    async with db.read() as tx:
        row = await tx.row(
            queries.ASKS, store_id=caller.store_id, ask_id=ask_id, principal_id=None, before_id=None, limit=1
        )
        lead = await queries.lead_times(tx, store_id=caller.store_id)
    if row is None:
        raise actions.NoSuchPull(f"Ask {ask_id} does not exist.")
    return actions.view_of(row, lead=lead, now=caller.now)
