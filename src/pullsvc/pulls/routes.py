"""Pulls and asks over HTTP: what became of them, and giving one up."""

from typing import Annotated, Any

from fastapi import APIRouter, Response

from pullsvc.access.edge import Act, Caller, keyed, may
from pullsvc.access.rules import Perm
from pullsvc.pulls import actions, queries, views
from pullsvc.pulls.actions import MAX_ASKS_SHOWN
from pullsvc.pulls.lead_times import Leads
from pullsvc.pulls.rules import LeadTimes, State
from pullsvc.web.deps import MAX_ID, Code, Db, PathId
from pullsvc.web.pages import Page, Paging, encode_cursor

router = APIRouter(prefix="/v1/stores/{store_id}", tags=["pulls"])

Asker = Annotated[Act, keyed(Perm.ASK)]
Reader = Annotated[Caller, may(Perm.READ)]


@router.get("/pulls", response_model=Page[views.PullView])
async def list_pulls(
    caller: Reader,
    db: Db,
    leads: Leads,
    page: Paging,
    live: bool | None = None,
    state: State | None = None,
    zone: Code | None = None,
    sku: Code | None = None,
) -> dict[str, Any]:
    """List pulls, newest first; a page may be short where few fit, and `next_cursor` says whether there is more."""
    before_id = page.key(int)[0] or MAX_ID
    filters = {"state": state, "zone": zone, "sku": sku}
    lead = await leads.of(db, store_id=caller.store_id, now=caller.now)
    async with db.read() as tx:
        rows, walked_to = await queries.list_pulls(
            tx, store_id=caller.store_id, before_id=before_id, limit=page.limit, live=live, **filters
        )
    shown = page.page(rows, lambda row: (row.pull_id,), lambda row: actions.view_of(row, lead=lead, now=caller.now))
    return _go_on(shown, walked_to)


@router.get("/pulls/{pull_id}", response_model=views.PullDetail)
async def get_pull(pull_id: PathId, caller: Reader, db: Db, leads: Leads) -> dict[str, Any]:
    """Show a pull with all who asked for it, and why the watch opened it, if it did."""
    lead = await leads.of(db, store_id=caller.store_id, now=caller.now)
    async with db.read() as tx:
        row = await tx.row(queries.PULL, store_id=caller.store_id, pull_id=pull_id)
        if row is None:
            raise actions.NoSuchPull(f"Pull {pull_id} does not exist.")
        asks = await tx.rows(queries.ASKS_OF, store_id=caller.store_id, pull_id=pull_id, limit=MAX_ASKS_SHOWN)
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
async def list_asks(caller: Reader, db: Db, leads: Leads, page: Paging, mine: bool = False) -> dict[str, Any]:
    """List asks, newest first, each with what is known of its goods; a page may be short, as one of pulls may."""
    before_id = page.key(int)[0] or MAX_ID
    principal_id = caller.principal_id if mine else None
    lead = await leads.of(db, store_id=caller.store_id, now=caller.now)
    async with db.read() as tx:
        rows, walked_to = await queries.list_asks(
            tx, store_id=caller.store_id, before_id=before_id, limit=page.limit, principal_id=principal_id
        )
    shown = page.page(rows, lambda row: (row.ask_id,), lambda row: actions.view_of(row, lead=lead, now=caller.now))
    return _go_on(shown, walked_to)


@router.get("/asks/{ask_id}", response_model=views.AskView)
async def get_ask(ask_id: PathId, caller: Reader, db: Db, leads: Leads) -> dict[str, Any]:
    """Tell an asker where the goods are and when they will be on the shelf."""
    lead = await leads.of(db, store_id=caller.store_id, now=caller.now)
    async with db.read() as tx:
        row = await tx.row(queries.ASK, store_id=caller.store_id, ask_id=ask_id)
    if row is None:
        raise actions.NoSuchPull(f"Ask {ask_id} does not exist.")
    return actions.view_of(row, lead=lead, now=caller.now)


def _go_on(shown: dict[str, Any], walked_to: int | None) -> dict[str, Any]:
    """Return the page, with a cursor from where the look stopped where it saw fewer rows that fit than were wanted."""
    if shown["next_cursor"] is None and walked_to is not None:
        shown["next_cursor"] = encode_cursor((walked_to,))
    return shown
