"""Edit many lines of the planogram at once: all of them or, when one was changed meanwhile, none."""

from collections.abc import Sequence
from dataclasses import dataclass

from pullsvc.catalog.wares import catalog_changed
from pullsvc.db import Row, Tx, sql
from pullsvc.errors import Kind, Rejection
from pullsvc.outbox.actions import Stamp, append
from pullsvc.web.etags import EditedMeanwhile

MAX_EDITS = 500
MAX_SHOWN = 100

LOCK = sql("""
    SELECT p.location, p.sku, p.version, p.capacity, p.presentation_min, p.facings
    FROM placements p
    JOIN unnest(CAST(:locations AS text[]), CAST(:skus AS text[])) AS g(location, sku) USING (location, sku)
    WHERE p.store_id = :store_id
    ORDER BY p.location, p.sku FOR NO KEY UPDATE OF p
""")
CHANGE = sql("""
    UPDATE placements p SET capacity = g.capacity, presentation_min = g.presentation_min, facings = g.facings,
        version = p.version + 1, updated_at = :now
    FROM unnest(CAST(:locations AS text[]), CAST(:skus AS text[]), CAST(:capacities AS integer[]),
                CAST(:minima AS integer[]), CAST(:facings AS integer[]))
        AS g(location, sku, capacity, presentation_min, facings)
    WHERE p.store_id = :store_id AND p.location = g.location AND p.sku = g.sku
""")
SHOW = sql("""
    SELECT p.location, p.sku, p.capacity, p.presentation_min, p.facings, p.is_home, p.version, p.updated_at, l.zone
    FROM placements p JOIN locations l USING (store_id, location)
    JOIN unnest(CAST(:locations AS text[]), CAST(:skus AS text[])) WITH ORDINALITY AS g(location, sku, n)
        USING (location, sku)
    WHERE p.store_id = :store_id ORDER BY g.n
""")


class MinimumAboveCapacity(Rejection):
    """A shelf would look empty by its plan even when it is full; `lines` says which."""

    kind = Kind.INVALID
    code = "minimum-above-capacity"
    title = "A presentation minimum is above the capacity."


@dataclass(frozen=True, slots=True)
class Edit:
    """What to change of one line; None stays as it is.

    Attributes:
        location: The shelf.
        sku: The item.
        version: What the edit is based on.
        capacity: How many eaches fit.
        presentation_min: Below this the shelf looks empty.
        facings: Side by side at the front.
    """

    location: str
    sku: str
    version: int
    capacity: int | None
    presentation_min: int | None
    facings: int | None


async def edit_placements(tx: Tx, stamp: Stamp, edits: Sequence[Edit]) -> list[Row]:
    """Change the lines, each at most once; return them as they are then, in the order of the edits.

    Raises:
        EditedMeanwhile: lines have another version or are gone; `lines` says which, and the present version.
        MinimumAboveCapacity: a minimum would be above its capacity.
    """
    keys = {
        "store_id": stamp.store_id,
        "locations": [edit.location for edit in edits],
        "skus": [edit.sku for edit in edits],
    }
    present = {(row.location, row.sku): row for row in await tx.rows(LOCK, **keys)}
    _refuse_stale(edits, present)
    values = [_merged(edit, present[edit.location, edit.sku]) for edit in edits]
    wrong = [edit for edit, (capacity, least, _) in zip(edits, values, strict=True) if least > capacity]
    if wrong:
        raise MinimumAboveCapacity(
            f"{len(wrong)} line(s), the first is {wrong[0].sku} at {wrong[0].location}; lower the minimum as well.",
            lines=[{"location": edit.location, "sku": edit.sku} for edit in wrong[:MAX_SHOWN]],
        )
    capacities, minima, facings = (list(column) for column in zip(*values, strict=True))
    await tx.run(CHANGE, **keys, capacities=capacities, minima=minima, facings=facings, now=stamp.now)
    catalog_changed(tx, stamp)
    for edit, (capacity, _, _) in zip(edits, values, strict=True):
        told = {"version": edit.version + 1, "capacity": capacity}
        append(tx, stamp, "placement.changed", f"{edit.location}/{edit.sku}", told)
    return await tx.rows(SHOW, **keys)


def _refuse_stale(edits: Sequence[Edit], present: dict[tuple[str, str], Row]) -> None:
    stale = []
    for edit in edits:
        row = present.get((edit.location, edit.sku))
        if row is None or row.version != edit.version:
            stale.append({"location": edit.location, "sku": edit.sku, "version": row.version if row else None})
    if stale:
        raise EditedMeanwhile(
            f"{len(stale)} line(s) have another version, or none any more; read them again. Nothing was changed.",
            lines=stale[:MAX_SHOWN],
        )


def _merged(edit: Edit, row: Row) -> tuple[int, int, int]:
    """Return capacity, minimum and facings after the edit."""
    given = (edit.capacity, edit.presentation_min, edit.facings)
    capacity, least, facings = (
        old if new is None else new
        for new, old in zip(given, (row.capacity, row.presentation_min, row.facings), strict=True)
    )
    return capacity, least, facings
