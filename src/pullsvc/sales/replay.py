"""Codes that nobody knew: look them up again, move what their lines waited with, or set them aside by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pullsvc.catalog.queries import FoundItem
from pullsvc.db import Row, Tx
from pullsvc.errors import NotFound
from pullsvc.outbox.actions import Stamp, append
from pullsvc.sales import queries, rules
from pullsvc.sales.actions import wares_of
from pullsvc.sales.rules import BookedLine, Key, Status
from pullsvc.stock import actions as stock
from pullsvc.stock.rules import Leg

MAX_REPLAY_RECEIPTS = 500
CODES_PER_LOOK = 1_000
MAX_LOOKS = 10  # A store with more unknown codes than this lacks an item master, not a replay.


class NoSuchUnknownCode(NotFound):
    """No line with this code ever came in unknown."""

    code = "no-such-unknown-code"
    title = "No unknown code like this has come in."


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay did.

    Attributes:
        lines: Lines that have their item now.
        resolved: Codes of which no line waits any more.
        more: Whether lines of known codes are left for another run.
    """

    lines: int
    resolved: tuple[str, ...]
    more: bool


async def replay_known_codes(tx: Tx, stamp: Stamp, *, limit: int = MAX_REPLAY_RECEIPTS) -> Replayed:
    """Give their item to lines whose code has become known, and move their units at the time they were sold.

    Args:
        tx: The transaction of this run.
        stamp: Who and when.
        limit: Receipts to touch; run again while the answer says `more`.
    """
    seen, wares = await _known(tx, store_id=stamp.store_id)
    if not wares:
        return Replayed(lines=0, resolved=(), more=False)
    codes = sorted(wares)
    held = await tx.rows(queries.LOCK_WAITING_RECEIPTS, store_id=stamp.store_id, codes=codes, limit=limit)
    keys = queries.key_columns(map(queries.key_of, held))
    waiting = await tx.rows(queries.WAITING_LINES, store_id=stamp.store_id, codes=codes, **keys) if held else []
    legs = await _fill(tx, stamp, waiting, wares)
    resolved = await tx.rows(
        queries.RESOLVE_CODES,
        store_id=stamp.store_id,
        now=stamp.now,
        codes=codes,
        seen=[seen[code] for code in codes],
    )
    await stock.move(tx, stamp, legs)
    for row in resolved:
        append(tx, stamp, "code.resolved", row.code, {"sku": wares[row.code].sku, "lines": row.lines})
    return Replayed(lines=len(waiting), resolved=tuple(row.code for row in resolved), more=len(held) == limit)


async def set_code_state(tx: Tx, stamp: Stamp, *, code: str, dismissed: bool) -> Row:
    """Take a code off the list of those that need attention, or put it back; doing it twice changes nothing.

    Its lines are kept either way. Those of a dismissed code wait until it is put back, even when an item gets it.

    Raises:
        NoSuchUnknownCode: no unknown line has brought it.
    """
    present, state = ("open", "dismissed") if dismissed else ("dismissed", "open")
    changed = await tx.row(
        queries.SET_CODE_STATE,
        store_id=stamp.store_id,
        code=code,
        present=present,
        state=state,
        resolved_at=stamp.now if dismissed else None,
    )
    if changed:
        append(tx, stamp, "code.dismissed" if dismissed else "code.reopened", code, {"lines": changed.lines})
        return changed
    row = await tx.row(queries.GET_CODE, store_id=stamp.store_id, code=code)
    if row is None:
        raise NoSuchUnknownCode(f"No line with the code {code} came in unknown; see /unknown-codes.")
    return row


async def _known(tx: Tx, *, store_id: int) -> tuple[dict[str, int], dict[str, FoundItem]]:
    """Return the open codes that the catalog knows by now: the lines each has brought, and what it stands for."""
    seen: dict[str, int] = {}
    wares: dict[str, FoundItem] = {}
    after = None
    for _ in range(MAX_LOOKS):
        rows = await tx.rows(queries.UNKNOWN_CODES, store_id=store_id, state="open", after=after, limit=CODES_PER_LOOK)
        seen |= {row.code: row.lines for row in rows}
        wares |= await wares_of(tx, store_id=store_id, codes={row.code for row in rows})
        if len(rows) < CODES_PER_LOOK:
            break
        after = rows[-1].code
    return seen, wares


async def _fill(tx: Tx, stamp: Stamp, waiting: Sequence[Row], wares: Mapping[str, FoundItem]) -> list[Leg]:
    """Write the items into the waiting lines; return the movements that this means, one for each flow of a receipt."""
    if not waiting:
        return []
    shelves = await queries.shelves_among(
        tx, store_id=stamp.store_id, locations={row.location for row in waiting if row.location}
    )
    booked: list[BookedLine] = []
    by_receipt: dict[tuple[Key, datetime], list[BookedLine]] = {}
    for row in waiting:
        line = queries.booked_line(row._asdict()).line
        one = rules.book_line(line, status=Status(row.status), ware=wares[line.code], shelves=shelves)
        booked.append(one)
        by_receipt.setdefault((queries.key_of(row), row.occurred_at), []).append(one)
    await tx.run(
        queries.FILL_LINES,
        store_id=stamp.store_id,
        line_nos=[one.line.line_no for one in booked],
        skus=[one.sku for one in booked],
        locations=[one.line.location for one in booked],
        sold_qtys=[one.sold_qty for one in booked],
        **queries.key_columns(map(queries.key_of, waiting)),
    )
    return [
        leg
        for (key, occurred_at), lines in by_receipt.items()
        for leg in rules.legs_of(rules.effect_of(lines, occurred_at=occurred_at), key=key)
    ]
