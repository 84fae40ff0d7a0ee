"""Stores, items, barcodes, locations and placements in the database."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from pullsvc.catalog.model import BarcodeData, ItemData, LocationData, PlacementData, StoreData
from pullsvc.db import Row, Tx, sql
from pullsvc.outbox.actions import Stamp

# Finds the item `i`, barcode `b` and home `p` of each code `w`. A chain may use the number on the package as its sku,
# in any length: a GTIN-14 also finds the sku in its shorter forms. That is looked at only where no barcode has it.
# LIMIT 1 changes no result, as each is found by a unique key; it holds the planner to those keys, where it would
# otherwise read all items to join them with a thousand codes.
CODE_MEANS = """
    LEFT JOIN LATERAL (
        SELECT sku, pack_qty FROM barcodes WHERE store_id = w.store_id AND code = w.code LIMIT 1
    ) b ON true
    JOIN LATERAL (
        SELECT * FROM items WHERE store_id = w.store_id AND sku = coalesce(b.sku, (
            SELECT s.sku FROM items s
            WHERE s.store_id = w.store_id AND s.sku = ANY (
                CASE WHEN w.code ~ '^0[0-9]{13}$' THEN ARRAY[
                    w.code, substr(w.code, 2), CASE WHEN w.code LIKE '00%' THEN substr(w.code, 3) END,
                    CASE WHEN w.code LIKE '000000%' THEN substr(w.code, 7) END]
                ELSE ARRAY[w.code] END)
            ORDER BY length(s.sku) DESC LIMIT 1))
        LIMIT 1
    ) i ON true
    LEFT JOIN LATERAL (
        SELECT location, capacity FROM placements WHERE store_id = w.store_id AND sku = i.sku AND is_home LIMIT 1
    ) p ON true
"""
FIND_ITEMS = sql(f"""
    SELECT w.store_id, w.code, i.sku, coalesce(b.pack_qty, 1) AS pack_qty, i.description, i.department, i.case_pack,
           i.volume_ml, i.weight_g, i.sold_by, i.attributes, i.active, p.location AS home, p.capacity AS home_capacity
    FROM unnest(CAST(:stores AS integer[]), CAST(:codes AS text[])) AS w(store_id, code)
    {CODE_MEANS}
""")

SAVE_STORE = sql("""
    INSERT INTO stores AS s (store_id, name, time_zone, opening_hours, day_starts_at, updated_at)
    VALUES (:store_id, :name, :time_zone, CAST(:opening_hours AS jsonb), :day_starts_at, :now)
    ON CONFLICT (store_id) DO UPDATE SET name = excluded.name, time_zone = excluded.time_zone,
        opening_hours = excluded.opening_hours, day_starts_at = excluded.day_starts_at,
        version = s.version + 1, updated_at = excluded.updated_at
    WHERE s.version = :based_on
    RETURNING store_id, name, time_zone, opening_hours, day_starts_at, version, updated_at
""")
BUILD_IN_PLACES = sql("""
    INSERT INTO locations (store_id, location, kind, zone, walk_seq, updated_at)
    SELECT :store_id, location, kind, lower(location), 0, :now
    FROM unnest(CAST(:locations AS text[]), CAST(:kinds AS text[])) AS given(location, kind)
    ON CONFLICT DO NOTHING
""")
LOCK_STORE = sql("SELECT version FROM stores WHERE store_id = :store_id FOR NO KEY UPDATE")
GET_STORE = sql("""
    SELECT store_id, name, time_zone, opening_hours, day_starts_at, version, updated_at
    FROM stores WHERE store_id = :store_id
""")
LIST_STORES = sql("""
    SELECT store_id, name, time_zone, opening_hours, day_starts_at, version, updated_at
    FROM stores
    WHERE (CAST(:store_ids AS integer[]) IS NULL OR store_id = ANY (:store_ids))
      AND (CAST(:after AS bigint) IS NULL OR store_id > :after)
    ORDER BY store_id LIMIT :limit
""")

LOCK_ITEM = sql("SELECT version FROM items WHERE store_id = :store_id AND sku = :sku FOR NO KEY UPDATE")
SAVE_ITEM = sql("""
    INSERT INTO items AS i (store_id, sku, description, department, case_pack, volume_ml, weight_g, price_cents,
                            sold_by, attributes, active, updated_at)
    VALUES (:store_id, :sku, :description, :department, :case_pack, :volume_ml, :weight_g, :price_cents,
            :sold_by, CAST(:attributes AS text[]), :active, :now)
    ON CONFLICT (store_id, sku) DO UPDATE SET description = excluded.description, department = excluded.department,
        case_pack = excluded.case_pack, volume_ml = excluded.volume_ml, weight_g = excluded.weight_g,
        price_cents = excluded.price_cents, sold_by = excluded.sold_by, attributes = excluded.attributes,
        active = excluded.active, version = i.version + 1, updated_at = excluded.updated_at
    WHERE i.version = :based_on
    RETURNING version
""")
# Returns the codes that belong to other items: they were left alone, and the act is refused.
SET_BARCODES = sql("""
    WITH given AS (
        SELECT * FROM unnest(CAST(:codes AS text[]), CAST(:pack_qtys AS integer[])) AS g(code, pack_qty)
    ),
    gone AS (
        DELETE FROM barcodes WHERE store_id = :store_id AND sku = :sku AND code <> ALL (CAST(:codes AS text[]))
    ),
    kept AS (
        INSERT INTO barcodes AS b (store_id, code, sku, pack_qty)
        SELECT :store_id, code, :sku, pack_qty FROM given ORDER BY code
        ON CONFLICT (store_id, code) DO UPDATE SET pack_qty = excluded.pack_qty WHERE b.sku = excluded.sku
        RETURNING code
    )
    SELECT code, (SELECT sku FROM barcodes b WHERE b.store_id = :store_id AND b.code = given.code) AS sku
    FROM given WHERE code NOT IN (SELECT code FROM kept) ORDER BY code
""")
_ITEM_VIEW = """
    SELECT sku, description, department, case_pack, volume_ml, weight_g, price_cents, sold_by, attributes, active,
           version, updated_at,
           (SELECT coalesce(jsonb_agg(jsonb_build_object('code', code, 'pack_qty', pack_qty) ORDER BY code), '[]')
            FROM barcodes b WHERE b.store_id = i.store_id AND b.sku = i.sku) AS barcodes
    FROM items i WHERE store_id = :store_id
"""
GET_ITEM = sql(_ITEM_VIEW + "AND sku = :sku")
LIST_ITEMS = sql(
    _ITEM_VIEW
    + """
      AND (CAST(:department AS text) IS NULL OR department = :department)
      AND (CAST(:active AS boolean) IS NULL OR active = :active)
      AND (CAST(:skus AS text[]) IS NULL OR sku = ANY (CAST(:skus AS text[])))
      AND (CAST(:words AS text[]) IS NULL OR description ILIKE ALL (CAST(:words AS text[])))
      AND (CAST(:after AS text) IS NULL OR sku > :after)
    ORDER BY sku LIMIT :limit
"""
)
RETIRE_ITEM = sql("""
    UPDATE items SET active = false, version = version + 1, updated_at = :now
    WHERE store_id = :store_id AND sku = :sku
""")

_LOCATION_VIEW = """
    SELECT location, kind, zone, walk_seq, active, version, updated_at FROM locations
    WHERE store_id = :store_id
"""
FIND_LOCATIONS = sql("""
    SELECT store_id, location, kind, zone, walk_seq, active, version, updated_at
    FROM unnest(CAST(:stores AS integer[]), CAST(:locations AS text[])) AS wanted(store_id, location)
    JOIN locations USING (store_id, location)
    WHERE store_id BETWEEN 1 AND 2147483647 -- All are: it has each looked up, not all of them read through.
""")
LOCK_LOCATION = sql(_LOCATION_VIEW + "AND location = :location FOR NO KEY UPDATE")
LIST_LOCATIONS = sql(
    _LOCATION_VIEW
    + """
      AND (CAST(:kind AS text) IS NULL OR kind = :kind)
      AND (CAST(:zone AS text) IS NULL OR zone = :zone)
      AND (CAST(:active AS boolean) IS NULL OR active = :active)
      AND (CAST(:after AS text) IS NULL OR location > :after)
    ORDER BY location LIMIT :limit
"""
)
SAVE_LOCATION = sql("""
    INSERT INTO locations AS l (store_id, location, kind, zone, walk_seq, updated_at)
    VALUES (:store_id, :location, :kind, :zone, :walk_seq, :now)
    ON CONFLICT (store_id, location) DO UPDATE SET zone = excluded.zone, walk_seq = excluded.walk_seq, active = true,
        version = l.version + 1, updated_at = excluded.updated_at
    WHERE l.version = :based_on AND l.kind = excluded.kind
    RETURNING location, kind, zone, walk_seq, active, version, updated_at
""")
RETIRE_LOCATION = sql("""
    UPDATE locations l SET active = false, version = version + 1, updated_at = :now
    WHERE store_id = :store_id AND location = :location AND NOT EXISTS (
        SELECT 1 FROM balances b WHERE b.store_id = l.store_id AND b.location = l.location AND b.qty <> 0)
""")
CLEAR_LOCATION = sql("DELETE FROM placements WHERE store_id = :store_id AND location = :location")

_PLACEMENT_VIEW = """
    SELECT p.location, p.sku, p.capacity, p.presentation_min, p.facings, p.is_home, p.version, p.updated_at, l.zone
    FROM placements p JOIN locations l USING (store_id, location)
    WHERE p.store_id = :store_id
"""
GET_PLACEMENT = sql(_PLACEMENT_VIEW + "AND p.location = :location AND p.sku = :sku")
LIST_PLACEMENTS = sql(
    _PLACEMENT_VIEW
    + """
      AND (CAST(:location AS text) IS NULL OR p.location = :location)
      AND (CAST(:sku AS text) IS NULL OR p.sku = :sku)
      AND (CAST(:zone AS text) IS NULL OR l.zone = :zone)
      AND (CAST(:after_location AS text) IS NULL OR (p.location, p.sku) > (:after_location, :after_sku))
    ORDER BY p.location, p.sku LIMIT :limit
"""
)
LOCK_PLACEMENT = sql("""
    SELECT version FROM placements
    WHERE store_id = :store_id AND location = :location AND sku = :sku FOR NO KEY UPDATE
""")
# An item has one home: the new one makes the present one secondary.
DEMOTE_HOMES = sql("""
    UPDATE placements p SET is_home = false, version = p.version + 1, updated_at = :now
    FROM unnest(CAST(:locations AS text[]), CAST(:skus AS text[])) AS home(location, sku)
    WHERE p.store_id = :store_id AND p.sku = home.sku AND p.location <> home.location AND p.is_home
""")
SAVE_PLACEMENT = sql("""
    INSERT INTO placements AS p (store_id, location, sku, capacity, presentation_min, facings, is_home, updated_at)
    VALUES (:store_id, :location, :sku, :capacity, :presentation_min, :facings, :is_home, :now)
    ON CONFLICT (store_id, location, sku) DO UPDATE SET capacity = excluded.capacity,
        presentation_min = excluded.presentation_min, facings = excluded.facings, is_home = excluded.is_home,
        version = p.version + 1, updated_at = excluded.updated_at
    WHERE p.version = :based_on
    RETURNING version
""")
DELETE_PLACEMENT = sql("""
    DELETE FROM placements WHERE store_id = :store_id AND location = :location AND sku = :sku
""")


@dataclass(frozen=True, slots=True)
class FoundItem:
    """The item that a code stands for.

    Attributes:
        sku: The item.
        pack_qty: Eaches that one scan of the code stands for: 1, or those of a case.
        description: For people to read.
        department: Of the store.
        case_pack: Eaches in a case.
        volume_ml: Of one each.
        weight_g: Of one each.
        sold_by: `each` or `weight`.
        attributes: Such as frozen, fragile, restricted.
        active: False once it was taken out of the range.
        home: Its home location, None while it has none.
        home_capacity: Eaches that fit there.
    """

    sku: str
    pack_qty: int
    description: str
    department: str
    case_pack: int
    volume_ml: int
    weight_g: int
    sold_by: str
    attributes: tuple[str, ...]
    active: bool
    home: str | None
    home_capacity: int | None


FOUND_ATTRIBUTES = [field.name for field in fields(FoundItem)].index("attributes")


@dataclass(frozen=True, slots=True)
class Location:
    """A place that holds units, or where a tub stands.

    Attributes:
        location: Its code.
        kind: backroom, shelf, tub, receiving or lane.
        zone: Part of the store.
        walk_seq: Place on the walk; lower comes first.
        active: False once it was taken out of use.
        version: Of its row.
        updated_at: Aware.
    """

    location: str
    kind: str
    zone: str
    walk_seq: int
    active: bool
    version: int
    updated_at: datetime


async def find_items(tx: Tx, *, store_id: int, codes: Iterable[str]) -> dict[str, FoundItem]:
    """Return the items of one store that the codes stand for; as `find_items_of`."""
    found = await find_items_of(tx, [(store_id, code) for code in codes])
    return {code: item for (_, code), item in found.items()}


async def find_items_of(tx: Tx, wanted: Iterable[tuple[int, str]]) -> dict[tuple[int, str], FoundItem]:
    """Return the items that codes (as `rules.normal_code` gives them) stand for, by (store_id, code).

    Unknown codes are left out. A barcode leads over a sku of the same digits. One statement.
    """
    keys = sorted(set(wanted))
    found = {}
    for row in await tx.rows(FIND_ITEMS, stores=[store for store, _ in keys], codes=[code for _, code in keys]):
        store_id, code, *values = row
        values[FOUND_ATTRIBUTES] = tuple(values[FOUND_ATTRIBUTES])
        found[store_id, code] = FoundItem(*values)
    return found


async def find_location(tx: Tx, *, store_id: int, location: str) -> Location | None:
    """Return the location, None when the store has no such code."""
    return (await find_locations(tx, [(store_id, location)])).get((store_id, location))


async def find_locations(tx: Tx, wanted: Iterable[tuple[int, str]]) -> dict[tuple[int, str], Location]:
    """Return locations of any stores, by (store_id, location); those that no store has are left out."""
    keys = sorted(set(wanted))
    rows = await tx.rows(FIND_LOCATIONS, stores=[store for store, _ in keys], locations=[place for _, place in keys])
    return {(row.store_id, row.location): Location(*tuple(row)[1:]) for row in rows}


async def lock_location(tx: Tx, *, store_id: int, location: str) -> Location | None:
    """Return the location and keep others from changing it until the end of the transaction."""
    row = await tx.row(LOCK_LOCATION, store_id=store_id, location=location)
    return Location(**row._asdict()) if row else None


async def save_store(tx: Tx, stamp: Stamp, store: StoreData, *, based_on: int) -> Row | None:
    """Write the store; None when its version is not `based_on` (0: it must be new)."""
    return await tx.row(
        SAVE_STORE,
        store_id=stamp.store_id,
        name=store.name,
        time_zone=store.time_zone,
        opening_hours=json.dumps(store.opening_hours),
        day_starts_at=store.day_starts_at,
        based_on=based_on,
        now=stamp.now,
    )


async def save_item(tx: Tx, stamp: Stamp, item: ItemData, *, based_on: int) -> int | None:
    """Write the item and return its version; None when the present one is not `based_on` (0: it must be new)."""
    row = await tx.row(
        SAVE_ITEM,
        store_id=stamp.store_id,
        sku=item.sku,
        description=item.description,
        department=item.department,
        case_pack=item.case_pack,
        volume_ml=item.volume_ml,
        weight_g=item.weight_g,
        price_cents=item.price_cents,
        sold_by=item.sold_by.value,
        attributes=[attribute.value for attribute in item.attributes],
        active=item.active,
        based_on=based_on,
        now=stamp.now,
    )
    return row.version if row else None


async def set_barcodes(tx: Tx, *, store_id: int, sku: str, barcodes: Sequence[BarcodeData]) -> dict[str, str]:
    """Make these the barcodes of the item; return those that belong to other items, each with its sku."""
    codes = [barcode.code for barcode in barcodes]
    packs = [barcode.pack_qty for barcode in barcodes]
    taken = await tx.rows(SET_BARCODES, store_id=store_id, sku=sku, codes=codes, pack_qtys=packs)
    return {row.code: row.sku for row in taken}


async def save_location(tx: Tx, stamp: Stamp, place: LocationData, *, based_on: int) -> Location | None:
    """Write the location; None when its version is not `based_on` (0: it must be new)."""
    row = await tx.row(
        SAVE_LOCATION,
        store_id=stamp.store_id,
        location=place.location,
        kind=place.kind.value,
        zone=place.zone,
        walk_seq=place.walk_seq,
        based_on=based_on,
        now=stamp.now,
    )
    return Location(**row._asdict()) if row else None


async def save_placement(tx: Tx, stamp: Stamp, line: PlacementData, *, based_on: int) -> int | None:
    """Write the placement and return its version; None when the present one is not `based_on` (0: must be new)."""
    row = await tx.row(
        SAVE_PLACEMENT,
        store_id=stamp.store_id,
        location=line.location,
        sku=line.sku,
        capacity=line.capacity,
        presentation_min=line.presentation_min,
        facings=line.facings,
        is_home=line.is_home,
        based_on=based_on,
        now=stamp.now,
    )
    return row.version if row else None
