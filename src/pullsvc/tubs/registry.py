"""Register tubs: a tub is a location that holds units while it is on its way."""

from pullsvc.catalog import actions as catalog
from pullsvc.catalog.model import LocationData, PlaceKind
from pullsvc.db import Row, Tx
from pullsvc.outbox.actions import Stamp, append
from pullsvc.tubs import queries, rules
from pullsvc.web.etags import check_version

ZONE = "tubs"


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
