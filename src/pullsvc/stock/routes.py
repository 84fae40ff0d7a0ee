"""Stock over HTTP: receive, move, adjust, count, and look."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response

from pullsvc.access.edge import Act, Caller, keyed, may
from pullsvc.access.rules import Perm
from pullsvc.catalog.actions import NoSuchItem, require_item, require_location
from pullsvc.catalog.queries import find_items
from pullsvc.catalog.routes import Scanned
from pullsvc.catalog.rules import normal_code
from pullsvc.stock import actions, batches, queries, views
from pullsvc.web.deps import Code, Db, PathId
from pullsvc.web.pages import Page, Paging, a_day

router = APIRouter(prefix="/v1/stores/{store_id}", tags=["stock"])

Stocker = Annotated[Act, keyed(Perm.STOCK)]
Reader = Annotated[Caller, may(Perm.READ)]


@router.get("/balances", response_model=Page[views.Balance])
async def list_balances(
    caller: Reader,
    db: Db,
    page: Paging,
    sku: Code | None = None,
    location: Code | None = None,
    kind: Literal["backroom", "shelf", "tub", "receiving"] | None = None,
) -> dict[str, Any]:
    """List what the books say, by item and location."""
    async with db.read() as tx:
        rows = await queries.balances(
            tx,
            store_id=caller.store_id,
            sku=sku,
            location=location,
            kind=kind,
            after=page.key(str, str),
            limit=page.limit + 1,
        )
    return page.page(rows, lambda row: (row.sku, row.location), lambda row: row._asdict())


@router.get("/movements", response_model=Page[views.Movement])
async def list_movements(caller: Reader, db: Db, page: Paging, sku: Code | None = None) -> dict[str, Any]:
    """List the ledger, newest first."""
    day, before_id = page.key(str, int)
    before = {"before_day": a_day(day) if day else None, "before_id": before_id}
    async with db.read() as tx:
        rows = await tx.rows(queries.MOVEMENTS, store_id=caller.store_id, sku=sku, limit=page.limit + 1, **before)
    return page.page(rows, lambda row: (row.day.isoformat(), row.movement_id), lambda row: row._asdict())


@router.post("/receivings", status_code=201, response_model=views.MovementAnswer)
async def receive_stock(body: views.ReceivingBody, act: Stocker, db: Db) -> Response:
    """Book goods that came in."""
    stamp = await act.stamp(db, body.occurred_at)
    async with act.begin(db) as tx:
        item = await require_item(tx, store_id=stamp.store_id, code=body.code)
        touched = await actions.receive(
            tx, stamp, sku=item.sku, qty=body.qty, location=body.location, reference=body.reference
        )
        return act.answer(tx, views.MovementAnswer.model_validate({"balances": touched}), status=201)


@router.post("/moves", status_code=201, response_model=views.MovementAnswer)
async def move_stock(body: views.MoveBody, act: Stocker, db: Db) -> Response:
    """Book units carried from one location to another."""
    stamp = await act.stamp(db, body.occurred_at)
    async with act.begin(db) as tx:
        item = await require_item(tx, store_id=stamp.store_id, code=body.code)
        touched = await actions.move_units(
            tx,
            stamp,
            sku=item.sku,
            qty=body.qty,
            src=body.from_location,
            dst=body.to_location,
            reason=body.reason,
        )
        return act.answer(tx, views.MovementAnswer.model_validate({"balances": touched}), status=201)


@router.get("/backstock", response_model=Page[views.Backstock])
async def list_backstock(caller: Reader, db: Db, page: Paging) -> dict[str, Any]:
    """List what waits to be put away: units where goods arrive or come back to, each with its own bins."""
    after_location, after_sku = page.key(str, str)
    async with db.read() as tx:
        rows = await tx.rows(
            queries.BACKSTOCK,
            store_id=caller.store_id,
            after_location=after_location,
            after_sku=after_sku,
            max_bins=queries.MAX_BINS,
            limit=page.limit + 1,
        )
    return page.page(rows, lambda row: (row.location, row.sku), lambda row: row._asdict())


@router.get("/bin-suggestions", response_model=views.BinSuggestion)
async def suggest_bins(caller: Reader, db: Db, code: Scanned) -> dict[str, Any]:
    """Tell where units of a scanned item go in the backroom: where it lies already, else an empty bin near its like."""
    async with db.read() as tx:
        item = await require_item(tx, store_id=caller.store_id, code=code)
        standing = await tx.rows(queries.STANDING, store_id=caller.store_id, sku=item.sku)
        bins = await queries.bins_for(tx, store_id=caller.store_id, sku=item.sku, department=item.department)
    return {"item": item, "standing": standing, "bins": bins}


@router.post("/adjustments", status_code=201, response_model=views.MovementAnswer)
async def adjust_stock(body: views.AdjustmentBody, act: Stocker, db: Db) -> Response:
    """Correct the book of a location, with the reason."""
    stamp = await act.stamp(db, body.occurred_at)
    async with act.begin(db) as tx:
        item = await require_item(tx, store_id=stamp.store_id, code=body.code)
        touched = await actions.adjust(
            tx,
            stamp,
            sku=item.sku,
            change=body.change,
            location=body.location,
            reason=body.reason,
            damaged=body.damaged,
        )
        return act.answer(tx, views.MovementAnswer.model_validate({"balances": touched}), status=201)


@router.post("/counts", status_code=201, response_model=views.CountAnswer)
async def count_stock(body: views.CountBody, act: Stocker, db: Db) -> Response:
    """Record what was counted; it holds as of the moment of the count."""
    stamp = await act.stamp(db, body.occurred_at)
    async with act.begin(db) as tx:
        item = await require_item(tx, store_id=stamp.store_id, code=body.code)
        result = await actions.count(tx, stamp, sku=item.sku, location=body.location, counted_qty=body.counted_qty)
        answer = {"count": result.count._asdict(), "qty": result.qty}
        return act.answer(tx, views.CountAnswer.model_validate(answer), status=201)


@router.post("/count-batches", status_code=201, response_model=views.CountBatchAnswer)
async def count_many(body: views.CountBatchBody, act: Stocker, db: Db) -> Response:
    """Record what stands in many places now; all of it or, if a code or place is unknown, nothing."""
    stamp = act.caller.stamp()
    async with act.begin(db) as tx:
        codes = {line.code: normal_code(line.code) for line in body.counts}
        found = await find_items(tx, store_id=stamp.store_id, codes=sorted(set(codes.values())))
        if unknown := sorted({code for code in codes.values() if code not in found}):
            raise NoSuchItem(f"Unknown here: {', '.join(unknown[:20])}.", items=unknown)
        lines = [batches.Counted(found[codes[x.code]].sku, x.location, x.counted_qty) for x in body.counts]
        differed = await batches.count_all(tx, stamp, lines, reason=body.reason)
        return act.answer(tx, views.CountBatchAnswer(counted=len(lines), differed=differed), status=201)


@router.get("/counts", response_model=Page[views.ListedCount])
async def list_counts(
    caller: Reader,
    db: Db,
    page: Paging,
    state: Annotated[Literal["requested", "done", "superseded", "cancelled"] | None, Query()] = None,
) -> dict[str, Any]:
    """List counts: those to do (`state=requested`), or those done with their variance."""
    (after_id,) = page.key(int)
    async with db.read() as tx:
        rows = await tx.rows(
            queries.COUNTS, store_id=caller.store_id, state=state, after_id=after_id, limit=page.limit + 1
        )
    return page.page(rows, lambda row: (row.count_id,), lambda row: row._asdict())


@router.post("/count-requests", status_code=201, response_model=views.CountRequest)
async def request_count(body: views.CountRequestBody, act: Stocker, db: Db) -> Response:
    """Ask for somebody to count an item at a location."""
    stamp = act.caller.stamp()
    async with act.begin(db) as tx:
        item = await require_item(tx, store_id=stamp.store_id, code=body.code)
        await require_location(tx, store_id=stamp.store_id, location=body.location)
        count_id = await actions.request_count(tx, stamp, sku=item.sku, location=body.location, reason=body.reason)
        return act.answer(tx, views.CountRequest(count_id=count_id), status=201)


@router.get("/discrepancies", response_model=Page[views.Discrepancy])
async def list_discrepancies(
    caller: Reader, db: Db, page: Paging, state: Literal["open", "closed"] | None = None
) -> dict[str, Any]:
    """List contradictions between the books and the world."""
    (after_id,) = page.key(int)
    async with db.read() as tx:
        rows = await tx.rows(
            queries.DISCREPANCIES, store_id=caller.store_id, state=state, after_id=after_id, limit=page.limit + 1
        )
    return page.page(rows, lambda row: (row.discrepancy_id,), lambda row: row._asdict())


@router.post("/discrepancies/{discrepancy_id}/closing", status_code=201, response_model=views.Discrepancy)
async def close_discrepancy(
    discrepancy_id: PathId, body: views.ClosingBody, act: Annotated[Act, keyed(Perm.LEAD)], db: Db
) -> Response:
    """Settle a discrepancy with a word on how."""
    async with act.begin(db) as tx:
        row = await actions.close_discrepancy(
            tx, act.caller.stamp(), discrepancy_id=discrepancy_id, resolution=body.resolution
        )
        return act.answer(tx, views.Discrepancy.model_validate(row._asdict()), status=201)


@router.delete("/discrepancies/{discrepancy_id}/closing", response_model=views.Discrepancy)
async def reopen_discrepancy(discrepancy_id: PathId, caller: Annotated[Caller, may(Perm.LEAD)], db: Db) -> Any:
    """Take back a closing of the last ten minutes."""
    async with db.begin() as tx:
        return await actions.reopen_discrepancy(tx, caller.stamp(), discrepancy_id=discrepancy_id)
