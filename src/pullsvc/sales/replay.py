"""Codes that nobody knew: look them up again, move what their lines waited with, or set them aside by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pullsvc.catalog import wares as catalog
from pullsvc.catalog.queries import find_items
from pullsvc.catalog.wares import Wanted, Ware
from pullsvc.db import Row, Tx
from pullsvc.errors import NotFound
from pullsvc.outbox.actions import Stamp, append
from pullsvc.sales import booking, queries
from pullsvc.sales.columns import StoreKey, booked_columns, key_columns
from pullsvc.stock.rules import Passage
from pullsvc.stock.till import pass_tills

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
    rows = await tx.rows(queries.LOCK_WAITING, store_id=stamp.store_id, codes=codes, limit=limit)
    lines, passages = await _fill(tx, stamp, [(stamp.store_id, queries.key_of(row)) for row in rows], wares)
    resolved = await tx.rows(
        queries.RESOLVE_CODES,
        store_id=stamp.store_id,
        now=stamp.now,
        codes=codes,
        seen=[seen[code] for code in codes],
    )
    await pass_tills(tx, [(stamp, passage) for passage in passages])
    for row in resolved:
        append(tx, stamp, "code.resolved", row.code, {"sku": wares[row.code].sku, "lines": row.lines})
    return Replayed(lines=lines, resolved=tuple(row.code for row in resolved), more=any(row.more for row in rows))


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


async def _known(tx: Tx, *, store_id: int) -> tuple[dict[str, int], dict[str, Ware]]:
    """Return the open codes that the catalog knows by now: the lines each has brought, and what it stands for."""
    seen: dict[str, int] = {}
    wares: dict[str, Ware] = {}
    after = None
    for _ in range(MAX_LOOKS):
        rows = await tx.rows(queries.UNKNOWN_CODES, store_id=store_id, state="open", after=after, limit=CODES_PER_LOOK)
        seen |= {row.code: row.lines for row in rows}
        if rows:
            found = await find_items(tx, store_id=store_id, codes=[row.code for row in rows])
            wares |= {code: Ware(one.sku, one.pack_qty, one.weight_g, one.home) for code, one in found.items()}
        if len(rows) < CODES_PER_LOOK:
            break
        after = rows[-1].code
    return seen, wares


async def _fill(tx: Tx, stamp: Stamp, keys: Sequence[StoreKey], wares: Mapping[str, Ware]) -> tuple[int, list[Passage]]:
    """Write the items into the lines of the locked receipts that waited for them.

    Returns:
        How many lines that were, and what that moves, receipt by receipt.
    """
    if not keys:
        return 0, []
    held = await queries.held(tx, dict.fromkeys(keys, ""))
    named = {booked.locations[place] for _, booked in held.values() for place in booked.unknown}
    wanted = Wanted(mark=None, locations={place for place in named if place})
    shelves = (await catalog.wares(tx, {stamp.store_id: wanted}))[stamp.store_id].shelves
    lines, passages, filled = 0, [], []
    for key in keys:
        standing, booked = held[key]
        receipt = standing.receipt
        waiting = receipt._replace(lines=receipt.lines.at(booked.unknown))
        looked_up = booking.book(waiting, wares=wares, shelves=shelves)
        lines += len(looked_up.skus) - len(looked_up.unknown)
        passages.append(Passage(str(key[1]), booking.effect_of(looked_up, occurred_at=receipt.occurred_at)))
        filled.append(booked.filled(looked_up))
    await tx.run(
        queries.FILL,
        store_id=stamp.store_id,
        codes=sorted(wares),
        **key_columns(keys),
        **booked_columns(filled),
    )
    return lines, passages
