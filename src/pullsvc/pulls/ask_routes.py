"""Asking over HTTP: one item, or every gap seen on a walk; asks that come together are done together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Response

from pullsvc.access.edge import Act, Caller, TooLate, keyed
from pullsvc.access.rules import Perm
from pullsvc.catalog.actions import NoSuchItem
from pullsvc.catalog.queries import FoundItem, find_items
from pullsvc.catalog.rules import UnreadableCode, normal_code
from pullsvc.combining import Combiner
from pullsvc.db import Tx
from pullsvc.errors import Rejection
from pullsvc.outbox.actions import Stamp
from pullsvc.pulls import asking, rules, views
from pullsvc.pulls.asking import Asked, NoHome
from pullsvc.pulls.judging import Ask
from pullsvc.pulls.lead_times import Leads
from pullsvc.pulls.rules import LeadTimes, Outcome, Reason
from pullsvc.web.deps import Db

router = APIRouter(prefix="/v1/stores/{store_id}", tags=["pulls"])

MAX_LINES_TOGETHER = 25  # A longer scan goes on its own: those who ask for one item should not wait for it.


Asker = Annotated[Act, keyed(Perm.ASK)]


@dataclass(frozen=True, slots=True)
class _Walk:
    """What a request asks for: one item, or the gaps of a scan."""

    stamp: Stamp
    asks: Sequence[views.AskBody]
    lead: LeadTimes
    is_scan: bool


Line = Ask | Rejection
Result = Asked | Rejection


@router.post("/asks", status_code=201, response_model=views.AskAnswer)
async def ask_for_item(body: views.AskBody, act: Asker, db: Db, leads: Leads) -> Response:
    """Ask for an item on the floor; joins the pull that is open for it, or opens one."""
    caller = act.caller
    lead = await leads.of(db, store_id=caller.store_id, now=caller.now)
    stamp = await act.stamp(db, body.occurred_at)
    return await act.together(db, ASKS, _Walk(stamp, [body], lead, is_scan=False))


@router.post("/gap-scans", status_code=201, response_model=views.GapScanAnswer)
async def scan_gaps(body: views.GapScanBody, act: Asker, db: Db, leads: Leads) -> Response:
    """Ask for every gap seen on a walk, each as of its own moment; a refused line stops no other."""
    caller = act.caller
    walk = _Walk(caller.stamp(), body.asks, await leads.of(db, store_id=caller.store_id, now=caller.now), is_scan=True)
    if len(body.asks) <= MAX_LINES_TOGETHER:
        return await act.together(db, ASKS, walk)
    async with act.begin(db) as tx:
        (answer,) = await _ask_all(tx, [(act, walk)])
        if isinstance(answer, Rejection):
            raise answer
        return answer


async def _ask_all(tx: Tx, acts: Sequence[tuple[Act, _Walk]]) -> list[Response | Rejection]:
    """Do the requests of a batch: find the items of all, ask for them, and answer each request."""
    codes = [[_code(ask) for ask in walk.asks] for _, walk in acts]
    wanted = {
        (act.caller.store_id, code)
        for (act, _), own in zip(acts, codes, strict=True)
        for code in own
        if isinstance(code, str)
    }
    found = await _find_all(tx, wanted)
    lines = [
        [_wish(act.caller, ask, code, found) for ask, code in zip(walk.asks, own, strict=True)]
        for (act, walk), own in zip(acts, codes, strict=True)
    ]
    wishes = [[line for line in own if isinstance(line, Ask)] for own in lines]
    asked = await asking.ask_all(tx, [(walk.stamp, own) for (_, walk), own in zip(acts, wishes, strict=True)])
    answers: list[Response | Rejection] = []
    for (act, walk), own, results in zip(acts, lines, map(iter, asked), strict=True):
        told = [line if isinstance(line, Rejection) else next(results) for line in own]
        answers.append(_answer_scan(tx, act, walk, told) if walk.is_scan else _answer_ask(tx, act, walk, told[0]))
    return answers


ASKS: Combiner[tuple[Act, _Walk], Response] = Combiner(_ask_all)


async def _find_all(tx: Tx, wanted: Iterable[tuple[int, str]]) -> dict[tuple[int, str], FoundItem]:
    """Return the items that the codes stand for in their stores."""
    by_store: dict[int, list[str]] = {}
    for store_id, code in wanted:
        by_store.setdefault(store_id, []).append(code)
    return {
        (store_id, code): item
        for store_id, codes in by_store.items()
        for code, item in (await find_items(tx, store_id=store_id, codes=codes)).items()
    }


def _code(ask: views.AskBody) -> str | UnreadableCode:
    try:
        return normal_code(ask.code)
    except UnreadableCode as unreadable:
        return unreadable


def _wish(
    caller: Caller, ask: views.AskBody, code: str | UnreadableCode, found: Mapping[tuple[int, str], FoundItem]
) -> Line:
    """Return what is wished for, or why nobody can tell or it is too late."""
    if isinstance(code, UnreadableCode):
        return code
    try:
        happened = caller.stamp(ask.occurred_at).occurred_at
    except TooLate as too_late:
        return too_late
    item = found.get((caller.store_id, code))
    if item is None:
        return NoSuchItem(f"No barcode and no sku is {code}. Scan the shelf label, or have it added.", item_code=code)
    shelf = ask.shelf or item.home
    if shelf is None:
        return NoHome(f"Give {item.sku} a home shelf first, or name the shelf.", sku=item.sku)
    reason = Reason(ask.reason)
    seen = 0 if reason is Reason.GAP and ask.seen_qty is None else ask.seen_qty
    return Ask(
        sku=item.sku,
        shelf=shelf,
        reason=reason,
        requester=ask.requester or caller.name,
        qty=ask.qty,
        seen_qty=seen,
        note=ask.note,
        due_at=ask.due_at,
        occurred_at=happened,
    )


def _answer_ask(tx: Tx, act: Act, walk: _Walk, result: Result) -> Response | Rejection:
    if isinstance(result, Rejection):
        return result
    return act.answer(tx, _view(result, walk), status=201)


def _answer_scan(tx: Tx, act: Act, walk: _Walk, results: Sequence[Result]) -> Response:
    outcomes = [None if isinstance(result, Rejection) else result.netted.outcome for result in results]
    scan = {
        "opened": outcomes.count(Outcome.OPENED),
        "joined": outcomes.count(Outcome.JOINED),
        "refused": outcomes.count(None),
        "lines": [_line(n, result, walk) for n, result in enumerate(results)],
    }
    return act.answer(tx, scan, status=201)


def _line(n: int, result: Result, walk: _Walk) -> dict[str, Any]:
    """Return the GapScanLine."""
    if isinstance(result, Rejection):
        told = {"code": result.code, "title": result.title, "detail": result.detail}
        return {"line": n, "answer": None, "refusal": told}
    return {"line": n, "answer": _view(result, walk), "refusal": None}


def _view(asked: Asked, walk: _Walk) -> dict[str, Any]:
    """Return the AskAnswer, with its members in their order: it is written as it is."""
    pull = asked.pull
    return {
        "ask_id": asked.ask_id,
        "pull_id": asked.pull_id,
        "sku": pull.sku,
        "shelf": pull.shelf,
        "outcome": asked.netted.outcome,
        "answer": rules.answer_of(pull.state, put=pull.qty_put),
        "qty": asked.netted.qty,
        "uncovered": asked.netted.uncovered,
        "ask_count": pull.ask_count,
        "urgency": pull.urgency,
        "due_at": pull.due_at,
        "eta": rules.eta(
            pull.state,
            opened_at=pull.opened_at,
            planned_at=pull.planned_at,
            filled_at=pull.filled_at,
            lead=walk.lead,
            now=walk.stamp.now,
        ),
    }
