"""Sales over HTTP: send receipts one by one, in batches or as a stream; look at them; tend the unknown codes."""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic_core import to_json

from pullsvc.access.edge import Act, Caller, keyed, may
from pullsvc.access.rules import Perm
from pullsvc.combining import Combiner
from pullsvc.db import Database
from pullsvc.errors import NotFound
from pullsvc.sales import actions, bodies, fields, queries, replay, stream, views
from pullsvc.sales.actions import Sent, Taken
from pullsvc.sales.rules import Receipt, Result
from pullsvc.web import metrics
from pullsvc.web.bodies import Day
from pullsvc.web.deps import Db
from pullsvc.web.pages import Page, Paging
from pullsvc.web.problems import problem_of_status

router = APIRouter(prefix="/v1/stores/{store_id}", tags=["sales"])

Till = Annotated[Caller, may(Perm.SELL)]
Reader = Annotated[Caller, may(Perm.READ)]
Lead = Annotated[Caller, may(Perm.LEAD)]

# Single receipts that arrive at the same moment, of any stores, share a commit.
COMBINED: Combiner[Sent, list[Taken]] = Combiner(actions.receive_all)

SALE_LINES = {result: metrics.SALE_LINES.labels(result.value) for result in Result}

NDJSON = "application/x-ndjson"
STREAM_BODY = {
    "requestBody": {
        "required": True,
        "description": "One receipt a line, each as in `POST /receipts`; at most 32 MiB.",
        "content": {
            NDJSON: {
                "schema": {"type": "string"},
                "example": '{"business_date":"2026-03-14","register":"4","sequence":1042,'
                '"occurred_at":"2026-03-14T11:58:07Z","lines":[{"line_no":1,"code":"4006381333931","quantity":2}]}\n',
            }
        },
    }
}


class NoSuchReceipt(NotFound):
    """No version of this receipt has come in."""

    code = "no-such-receipt"
    title = "This receipt has not come in."


@router.post("/receipts", response_model=views.ReceiptResult)
async def send_receipt(body: bodies.ReceiptBody, caller: Till, db: Db) -> Response:
    """Send a receipt; send it again until there is an answer, it counts once.

    It is known by business date, register and sequence, so it needs no Idempotency-Key.
    """
    taken = await COMBINED.do(db, Sent(caller.stamp(), [body.receipt()]))
    _count(taken)
    return _answer(views.result_of(taken[0]))


@router.post("/receipt-batches", response_model=views.BatchResult)
async def send_receipt_batch(body: bodies.BatchBody, caller: Till, db: Db) -> Response:
    """Send many receipts at once, of any registers and days: all are taken or, when one cannot be, none."""
    return await _take_batch(body.taken(), caller, db)


@router.post("/lean-receipt-batches", response_model=views.BatchResult)
async def send_lean_receipt_batch(body: bodies.LeanBatchBody, caller: Till, db: Db) -> Response:
    """Send many receipts at once, their lines as arrays: as `receipt-batches`, a quarter as long and twice as quick.

    For hubs that send for many registers. A receipt is the same whichever way it comes: what was sent here may be
    repeated or corrected there.
    """
    return await _take_batch(body.taken(), caller, db)


async def _take_batch(receipts: list[Receipt], caller: Caller, db: Database) -> Response:
    async with db.begin() as tx:
        taken = await actions.receive_receipts(tx, caller.stamp(), receipts)
    _count(taken)
    totals = views.Totals()
    totals.add(taken)
    return _answer({"totals": totals, "receipts": [views.result_of(one) for one in taken]})


def _answer(content: object) -> Response:
    return Response(to_json(content), media_type="application/json")


@router.post("/receipt-streams", response_model=views.StreamResult, openapi_extra=STREAM_BODY)
async def stream_receipts(request: Request, caller: Till, db: Db) -> Any:
    """Send a day or more as NDJSON: what does not fit is refused by line number, the rest is taken.

    Taken in batch by batch while the body arrives, each batch one transaction. When the answer does not come (or is
    503 or 413), some batches may have been taken: send the whole stream again, what was taken is a repeat then.
    """
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != NDJSON:
        return problem_of_status(415, f"Send one receipt a line, with Content-Type: {NDJSON}.")
    totals, refused = views.Totals(), stream.Refused()
    async for receipts in stream.batches(request.stream(), refused, now=caller.now):
        async with db.begin() as tx:
            taken = await actions.receive_receipts(tx, caller.stamp(), receipts)
        _count(taken)
        totals.add(taken)
    return views.StreamResult(totals=totals, refused=refused.count, errors=refused.errors)


def _count(taken: Sequence[Taken]) -> None:
    """Count the lines of a batch that was committed."""
    lines: Counter[Result] = Counter()
    for one in taken:
        lines[one.result] += one.receipt.line_count
    for result, count in lines.items():
        SALE_LINES[result].inc(count)


@router.get("/receipts", response_model=Page[views.ReceiptSummary])
async def list_receipts(caller: Reader, db: Db, page: Paging, business_date: Day) -> dict[str, Any]:
    """List the receipts of a business date by register and sequence."""
    async with db.read() as tx:
        rows = await queries.receipts_of(
            tx,
            store_id=caller.store_id,
            business_date=business_date,
            after=page.key(str, int),
            limit=page.limit + 1,
        )
    return page.page(rows, lambda row: (row.register, row.sequence), lambda row: row._asdict())


@router.get("/receipts/{business_date}/{register}/{sequence}", response_model=views.ReceiptView)
async def get_receipt(
    business_date: Day, register: fields.Register, sequence: fields.Sequence, caller: Reader, db: Db
) -> views.ReceiptView:
    """Show a receipt with its lines and the versions of it that do not count."""
    key = {
        "store_id": caller.store_id,
        "business_date": business_date,
        "register": register,
        "sequence": sequence,
    }
    async with db.read() as tx:
        receipt = await tx.row(queries.GET_RECEIPT, **key)
        if receipt is None:
            raise NoSuchReceipt("Check business date, register and sequence, or have the POS send it.")
        lines = await tx.rows(queries.LINES, **key)
        revisions = await tx.rows(queries.REVISIONS, limit=views.MAX_REVISIONS_SHOWN, **key)
    return views.ReceiptView.of(receipt, lines=lines, revisions=revisions)


@router.get("/unknown-codes", response_model=Page[views.UnknownCodeView])
async def list_unknown_codes(
    caller: Reader, db: Db, page: Paging, state: Literal["open", "resolved", "dismissed"] = "open"
) -> dict[str, Any]:
    """List codes that were sold and that no item has: give them an item, or dismiss them."""
    (after,) = page.key(str)
    async with db.read() as tx:
        rows = await tx.rows(
            queries.UNKNOWN_CODES, store_id=caller.store_id, state=state, after=after, limit=page.limit + 1
        )
    return page.page(rows, lambda row: (row.code,), lambda row: row._asdict())


@router.put("/unknown-codes/{code}/dismissal", response_model=views.UnknownCodeView)
async def dismiss_unknown_code(code: fields.UnknownCode, caller: Lead, db: Db) -> Any:
    """Take a code off the list for good: a bag, a deposit, a service. Its lines are kept."""
    async with db.begin() as tx:
        return await replay.set_code_state(tx, caller.stamp(), code=fields.code_of(code), dismissed=True)


@router.delete("/unknown-codes/{code}/dismissal", response_model=views.UnknownCodeView)
async def restore_unknown_code(code: fields.UnknownCode, caller: Lead, db: Db) -> Any:
    """Put a dismissed code back on the list."""
    async with db.begin() as tx:
        return await replay.set_code_state(tx, caller.stamp(), code=fields.code_of(code), dismissed=False)


@router.post("/unknown-code-replays", status_code=201, response_model=views.ReplayView)
async def replay_unknown_codes(act: Annotated[Act, keyed(Perm.LEAD)], db: Db) -> Response:
    """Look up the unknown codes again now, and move what was sold of those that have an item.

    The service does so by itself within minutes; this is for who cannot wait.
    """
    async with act.begin(db) as tx:
        replayed = await replay.replay_known_codes(tx, act.caller.stamp())
        return act.answer(tx, views.ReplayView.model_validate(replayed, from_attributes=True), status=201)
