"""Bulk upserts: a whole file in a few statements, all of it or nothing.

Rows are written in the order of their key, so that two imports at once wait for each other instead of dying of each
other. A row that says what the database says already is left alone: sending a file twice changes nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pullsvc.catalog.model import BarcodeData, ItemData, LocationData, PlacementData
from pullsvc.catalog.queries import DEMOTE_HOMES
from pullsvc.catalog.wares import catalog_changed
from pullsvc.db import Tx, sql
from pullsvc.outbox.actions import Stamp, append
from pullsvc.tabular import Faults, Numbered

T = TypeVar("T")

CHUNK_ROWS = 10_000  # Keeps each statement far below the statement timeout.
ANALYZE_FROM_ROWS = 1_000

UPSERT_ITEMS = sql("""
    WITH written AS (
        INSERT INTO items AS i (store_id, sku, description, department, case_pack, volume_ml, weight_g, price_cents,
                                sold_by, attributes, active, updated_at)
        SELECT :store_id, sku, description, department, case_pack, volume_ml, weight_g, price_cents, sold_by,
               string_to_array(attributes, ','), active, :now
        FROM unnest(CAST(:skus AS text[]), CAST(:descriptions AS text[]), CAST(:departments AS text[]),
                    CAST(:case_packs AS integer[]), CAST(:volumes AS integer[]), CAST(:weights AS integer[]),
                    CAST(:prices AS integer[]), CAST(:sold_by AS text[]), CAST(:attributes AS text[]),
                    CAST(:active AS boolean[]))
             AS g(sku, description, department, case_pack, volume_ml, weight_g, price_cents, sold_by, attributes,
                  active)
        ON CONFLICT (store_id, sku) DO UPDATE SET description = excluded.description, department = excluded.department,
            case_pack = excluded.case_pack, volume_ml = excluded.volume_ml, weight_g = excluded.weight_g,
            price_cents = excluded.price_cents, sold_by = excluded.sold_by, attributes = excluded.attributes,
            active = excluded.active, version = i.version + 1, updated_at = excluded.updated_at
        WHERE (i.description, i.department, i.case_pack, i.volume_ml, i.weight_g, i.price_cents, i.sold_by,
               i.attributes, i.active)
            IS DISTINCT FROM (excluded.description, excluded.department, excluded.case_pack, excluded.volume_ml,
               excluded.weight_g, excluded.price_cents, excluded.sold_by, excluded.attributes, excluded.active)
        RETURNING version
    )
    SELECT count(*) FILTER (WHERE version = 1) AS created, count(*) FILTER (WHERE version > 1) AS changed FROM written
""")
UPSERT_BARCODES = sql("""
    WITH given AS (
        SELECT * FROM unnest(CAST(:codes AS text[]), CAST(:skus AS text[]), CAST(:pack_qtys AS integer[]))
            AS g(code, sku, pack_qty)
    ),
    written AS (
        INSERT INTO barcodes AS b (store_id, code, sku, pack_qty)
        SELECT :store_id, code, sku, pack_qty FROM given
        ON CONFLICT (store_id, code) DO UPDATE SET sku = excluded.sku, pack_qty = excluded.pack_qty
        WHERE (b.sku, b.pack_qty) IS DISTINCT FROM (excluded.sku, excluded.pack_qty)
        RETURNING code
    )
    SELECT count(*) FILTER (WHERE b.code IS NULL) AS created, count(b.code) AS changed
    FROM written w LEFT JOIN barcodes b ON b.store_id = :store_id AND b.code = w.code
""")
UPSERT_LOCATIONS = sql("""
    WITH written AS (
        INSERT INTO locations AS l (store_id, location, kind, zone, walk_seq, updated_at)
        SELECT :store_id, location, kind, zone, walk_seq, :now
        FROM unnest(CAST(:locations AS text[]), CAST(:kinds AS text[]), CAST(:zones AS text[]),
                    CAST(:walk_seqs AS integer[])) AS g(location, kind, zone, walk_seq)
        ON CONFLICT (store_id, location) DO UPDATE SET zone = excluded.zone, walk_seq = excluded.walk_seq,
            active = true, version = l.version + 1, updated_at = excluded.updated_at
        WHERE (l.zone, l.walk_seq, l.active) IS DISTINCT FROM (excluded.zone, excluded.walk_seq, true)
        RETURNING version
    )
    SELECT count(*) FILTER (WHERE version = 1) AS created, count(*) FILTER (WHERE version > 1) AS changed FROM written
""")
UPSERT_PLACEMENTS = sql("""
    WITH written AS (
        INSERT INTO placements AS p (store_id, location, sku, capacity, presentation_min, facings, is_home, updated_at)
        SELECT :store_id, location, sku, capacity, presentation_min, facings, is_home, :now
        FROM unnest(CAST(:locations AS text[]), CAST(:skus AS text[]), CAST(:capacities AS integer[]),
                    CAST(:minima AS integer[]), CAST(:facings AS integer[]), CAST(:homes AS boolean[]))
             AS g(location, sku, capacity, presentation_min, facings, is_home)
        ON CONFLICT (store_id, location, sku) DO UPDATE SET capacity = excluded.capacity,
            presentation_min = excluded.presentation_min, facings = excluded.facings, is_home = excluded.is_home,
            version = p.version + 1, updated_at = excluded.updated_at
        WHERE (p.capacity, p.presentation_min, p.facings, p.is_home)
            IS DISTINCT FROM (excluded.capacity, excluded.presentation_min, excluded.facings, excluded.is_home)
        RETURNING version
    )
    SELECT count(*) FILTER (WHERE version = 1) AS created, count(*) FILTER (WHERE version > 1) AS changed FROM written
""")
MISSING_ITEMS = sql("""
    SELECT g.n FROM unnest(CAST(:skus AS text[])) WITH ORDINALITY AS g(sku, n)
    LEFT JOIN items i ON i.store_id = :store_id AND i.sku = g.sku
    WHERE i.sku IS NULL ORDER BY g.n
""")
OTHER_KINDS = sql("""
    SELECT g.n, l.kind FROM unnest(CAST(:locations AS text[]), CAST(:kinds AS text[])) WITH ORDINALITY
        AS g(location, kind, n)
    JOIN locations l ON l.store_id = :store_id AND l.location = g.location AND l.kind <> g.kind
    ORDER BY g.n
""")
NO_SHELVES = sql("""
    SELECT g.n FROM unnest(CAST(:locations AS text[])) WITH ORDINALITY AS g(location, n)
    LEFT JOIN locations l ON l.store_id = :store_id AND l.location = g.location
    WHERE l.kind IS DISTINCT FROM 'shelf' OR NOT l.active ORDER BY g.n
""")
# The planner knows nothing of what just came in, and would guess badly until autovacuum has been there. Skipped when
# somebody is at it already.
ANALYZE = {name: sql(f"ANALYZE (SKIP_LOCKED) {name}") for name in ("items", "barcodes", "locations", "placements")}


@dataclass(frozen=True, slots=True)
class Counts:
    """What an import did, in rows."""

    rows: int
    created: int
    changed: int
    unchanged: int


async def import_items(tx: Tx, stamp: Stamp, rows: Sequence[Numbered[ItemData]]) -> Counts:
    """Create or change the items; their barcodes stay as they are."""
    tally = _Tally(rows=len(rows))
    for chunk in _chunks(sorted(rows, key=lambda line: line.data.sku)):
        items = [line.data for line in chunk]
        tally.add(
            await tx.one(
                UPSERT_ITEMS,
                store_id=stamp.store_id,
                now=stamp.now,
                skus=[item.sku for item in items],
                descriptions=[item.description for item in items],
                departments=[item.department for item in items],
                case_packs=[item.case_pack for item in items],
                volumes=[item.volume_ml for item in items],
                weights=[item.weight_g for item in items],
                prices=[item.price_cents for item in items],
                sold_by=[item.sold_by.value for item in items],
                attributes=[",".join(item.attributes) for item in items],
                active=[item.active for item in items],
            )
        )
    return await _done(tx, stamp, "items", tally)


async def import_barcodes(tx: Tx, stamp: Stamp, rows: Sequence[Numbered[BarcodeData]]) -> Counts:
    """Create the barcodes, or move them to the items given here.

    Raises:
        ImportRefused: an item does not exist.
    """
    ordered = sorted(rows, key=lambda line: line.data.code)
    faults = Faults()
    for chunk in _chunks(ordered):
        await _find_missing_items(tx, stamp, chunk, faults)
    faults.refuse_if_any()
    tally = _Tally(rows=len(rows))
    for chunk in _chunks(ordered):
        tally.add(
            await tx.one(
                UPSERT_BARCODES,
                store_id=stamp.store_id,
                codes=[line.data.code for line in chunk],
                skus=[line.data.sku for line in chunk],
                pack_qtys=[line.data.pack_qty for line in chunk],
            )
        )
    return await _done(tx, stamp, "barcodes", tally)


async def import_locations(tx: Tx, stamp: Stamp, rows: Sequence[Numbered[LocationData]]) -> Counts:
    """Create or change the locations, and put them back into use.

    Raises:
        ImportRefused: a location exists as another kind.
    """
    ordered = sorted(rows, key=lambda line: line.data.location)
    faults = Faults()
    for chunk in _chunks(ordered):
        names, kinds = [line.data.location for line in chunk], [line.data.kind.value for line in chunk]
        for found in await tx.rows(OTHER_KINDS, store_id=stamp.store_id, locations=names, kinds=kinds):
            line = chunk[found.n - 1]
            faults.add(line.row, "kind", f"{line.data.location} is a {found.kind}, and stays one.")
    faults.refuse_if_any()
    tally = _Tally(rows=len(rows))
    for chunk in _chunks(ordered):
        places = [line.data for line in chunk]
        tally.add(
            await tx.one(
                UPSERT_LOCATIONS,
                store_id=stamp.store_id,
                now=stamp.now,
                locations=[place.location for place in places],
                kinds=[place.kind.value for place in places],
                zones=[place.zone for place in places],
                walk_seqs=[place.walk_seq for place in places],
            )
        )
    return await _done(tx, stamp, "locations", tally)


async def import_placements(tx: Tx, stamp: Stamp, rows: Sequence[Numbered[PlacementData]]) -> Counts:
    """Create or change the placements; an item's home elsewhere becomes a secondary place.

    Raises:
        ImportRefused: an item does not exist, or a location is no shelf in use.
    """
    # Homes last: the database lets an item have one home only, so the former ones have to step down first.
    ordered = sorted(rows, key=lambda line: (line.data.is_home, line.data.location, line.data.sku))
    faults = Faults()
    for chunk in _chunks(ordered):
        await _find_missing_items(tx, stamp, chunk, faults)
        names = [line.data.location for line in chunk]
        for found in await tx.rows(NO_SHELVES, store_id=stamp.store_id, locations=names):
            line = chunk[found.n - 1]
            faults.add(line.row, "location", f"{line.data.location} is no shelf in use.")
    faults.refuse_if_any()
    tally = _Tally(rows=len(rows))
    for is_home in (False, True):
        for chunk in _chunks([line for line in ordered if line.data.is_home is is_home]):
            await _write_placements(tx, stamp, [line.data for line in chunk], tally, is_home=is_home)
    return await _done(tx, stamp, "placements", tally)


@dataclass(slots=True)
class _Tally:
    rows: int
    created: int = 0
    changed: int = 0

    def add(self, written: Any) -> None:
        self.created += written.created
        self.changed += written.changed


async def _write_placements(
    tx: Tx, stamp: Stamp, lines: Sequence[PlacementData], tally: _Tally, *, is_home: bool
) -> None:
    locations, skus = [line.location for line in lines], [line.sku for line in lines]
    if is_home:
        await tx.run(DEMOTE_HOMES, store_id=stamp.store_id, locations=locations, skus=skus, now=stamp.now)
    tally.add(
        await tx.one(
            UPSERT_PLACEMENTS,
            store_id=stamp.store_id,
            now=stamp.now,
            locations=locations,
            skus=skus,
            capacities=[line.capacity for line in lines],
            minima=[line.presentation_min for line in lines],
            facings=[line.facings for line in lines],
            homes=[is_home] * len(lines),
        )
    )


async def _find_missing_items(
    tx: Tx, stamp: Stamp, chunk: Sequence[Numbered[BarcodeData]] | Sequence[Numbered[PlacementData]], faults: Faults
) -> None:
    skus = [line.data.sku for line in chunk]
    for missing in await tx.rows(MISSING_ITEMS, store_id=stamp.store_id, skus=skus):
        line = chunk[missing.n - 1]
        faults.add(line.row, "sku", f"No item has the sku {line.data.sku}; import the items first.")


def _chunks(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(rows), CHUNK_ROWS):
        yield rows[start : start + CHUNK_ROWS]


async def _done(tx: Tx, stamp: Stamp, what: str, tally: _Tally) -> Counts:
    """Record the import; one that changed nothing is no event."""
    if tally.created + tally.changed >= ANALYZE_FROM_ROWS:
        await tx.run(ANALYZE[what])
    if tally.created or tally.changed:
        catalog_changed(tx, stamp)
        append(tx, stamp, f"{what}.imported", what, {"created": tally.created, "changed": tally.changed})
    unchanged = tally.rows - tally.created - tally.changed
    return Counts(rows=tally.rows, created=tally.created, changed=tally.changed, unchanged=unchanged)
