"""Register tubs: a tub is a location that holds units while it is on its way."""

from pullsvc.catalog import actions as catalog
from pullsvc.catalog.model import LocationData, PlaceKind
from pullsvc.catalog.queries import find_items
from pullsvc.catalog.rules import TUB_PLATE_PREFIX, ScanKind, read_scan
from pullsvc.db import Row, Tx
from pullsvc.errors import Kind, Rejection
from pullsvc.outbox.actions import Stamp, append
from pullsvc.tubs import queries, rules
from pullsvc.web.etags import check_version

ZONE = "tubs"
MAX_TUBS_AT_ONCE = 100
PLATE_DIGITS = 4


class NotATub(Rejection):
    """The code stands for an item, so it is not the plate of a tub."""

    kind = Kind.CONFLICT
    code = "not-a-tub"
    title = "This is no tub."


class TubOutOfUse(Rejection):
    """The tub is known and was taken out of use."""

    kind = Kind.CONFLICT
    code = "tub-out-of-use"
    title = "This tub was taken out of use."


async def save_tub(
    tx: Tx, stamp: Stamp, *, tub: str, volume_ml: int, weight_g: int, active: bool, if_match: str | None
) -> tuple[Row, bool]:
    """Register a tub under its plate, or change it; returns its row and whether it is new.

    Raises:
        KindIsFixed: the plate is the label of another kind of location.
        VersionNeeded, EditedMeanwhile: it exists, and If-Match does not name its version.
        WrongTub: it is in use, so it cannot be retired now.
    """
    held = await tx.row(queries.TUB_FOR_EDIT, store_id=stamp.store_id, tub=tub)
    check_version(if_match, current=held.version if held else None)
    if held and not active and held.state != rules.TubState.IDLE:
        raise rules.WrongTub(f"{tub} is {held.state}; empty it first.", tub=tub)
    if held is None:
        current = await catalog.lock_location(tx, store_id=stamp.store_id, location=tub)
        place = LocationData(location=tub, kind=PlaceKind.TUB, zone=ZONE, walk_seq=0)
        await catalog.put_location(tx, stamp, place, current=current)
    row = await tx.one(
        queries.SAVE_TUB,
        store_id=stamp.store_id,
        tub=tub,
        volume_ml=volume_ml,
        weight_g=weight_g,
        active=active,
        now=stamp.now,
    )
    append(tx, stamp, "tub.changed", tub, {"version": row.version, "active": active})
    return row, held is None


async def register_tub(tx: Tx, stamp: Stamp, *, tub: str, volume_ml: int, weight_g: int) -> tuple[Row, bool]:
    """Register a tub that somebody has in hand; return its row and whether it is new: one that is known stays as it is.

    Raises:
        NotATub: it is the code of an item.
        TubOutOfUse: it is known, and was taken out of use.
        UnreadableCode, KindIsFixed: the code reads as something else, or is the label of a place.
    """
    is_item = read_scan(tub).kind is ScanKind.ITEM
    if is_item or await find_items(tx, store_id=stamp.store_id, codes=[tub]):
        raise NotATub(f"{tub} is the code of an item; scan the plate of the tub.", scanned=tub)
    known = await tx.row(queries.TUB, store_id=stamp.store_id, tub=tub)
    if known and not known.active:
        raise TubOutOfUse(f"A lead brings {tub} back into use; scan another.", tub=tub)
    if known:
        return known, False
    return await save_tub(tx, stamp, tub=tub, volume_ml=volume_ml, weight_g=weight_g, active=True, if_match=None)


async def make_tubs(tx: Tx, stamp: Stamp, *, count: int, volume_ml: int, weight_g: int) -> list[Row]:
    """Register that many tubs under the next free plates, to be printed and stuck on; two at once go one by one."""
    await catalog.lock_store(tx, store_id=stamp.store_id)
    last = (await tx.one(queries.LAST_PLATE, store_id=stamp.store_id)).number
    made = []
    for number in range(last + 1, last + 1 + count):
        plate = f"{TUB_PLATE_PREFIX}{number:0{PLATE_DIGITS}}"
        row, _ = await save_tub(
            tx, stamp, tub=plate, volume_ml=volume_ml, weight_g=weight_g, active=True, if_match=None
        )
        made.append(row)
    return made
