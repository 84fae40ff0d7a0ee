"""The world of a bench: stores, items, stock, tubs and open pulls, made by a few statements.

All laws hold in it from the start: every unit came from the supplier by a movement.
"""

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import asyncpg

from pullsvc.bench.cluster import COMMAND_LIMIT_S
from pullsvc.migrate import migrate

ITEMS_A_SHELF = 20
OPEN_DAILY = json.dumps({day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")})
DAYS_BACK = 15
DAYS_AHEAD = 3
PARTITIONED = ("events", "movements", "receipts")


@dataclass(frozen=True, slots=True)
class World:
    """How large the world is; everything is the same in each store.

    Attributes:
        stores: Stores.
        items: Items in each.
        zones: Backroom zones in each; the items are spread over them in runs, each zone has a tub of its own.
        shelf_qty: Eaches on each item's home shelf.
        bin_qty: Eaches in its one bin.
        capacity: Of its home shelf.
        pulls: Open pulls in each store, none of them planned.
        flags: Every so-many-th item is at its trigger: the first sale flags it. 0: none is.
    """

    stores: int = 16
    items: int = 640
    zones: int = 128
    shelf_qty: int = 0
    bin_qty: int = 100_000
    capacity: int = 100_000
    pulls: int = 0
    flags: int = 0

    def zone_of(self, item: int) -> int:
        """Return the zone of an item."""
        return item * self.zones // self.items

    def items_in(self, zone: int) -> list[int]:
        """Return the items of a zone."""
        return [item for item in range(self.items) if self.zone_of(item) == zone]


def sku_of(item: int) -> str:
    """Return the sku of an item, the same in every store."""
    return f"S{item:06d}"


def barcode_of(item: int) -> str:
    """Return the EAN-13 of an item."""
    body = f"{400_000_000_000 + item}"
    odd, even = sum(map(int, body[0::2])), sum(map(int, body[1::2]))
    return f"{body}{-(odd + 3 * even) % 10}"


def tub_of(zone: int) -> str:
    """Return the plate of a zone's tub."""
    return f"TUB-{zone:05d}"


def zone_name(zone: int) -> str:
    """Return the name of a zone."""
    return f"Z{zone:05d}"


# One row, `w`: the figures of the world. `bench_items` describes the items, the same in each store.
_WORLD = """
    CREATE TEMPORARY TABLE bench_world AS
    SELECT CAST($1 AS integer) AS stores, CAST($2 AS integer) AS items, CAST($3 AS integer) AS shelf_qty,
           CAST($4 AS integer) AS bin_qty, CAST($5 AS integer) AS capacity, CAST($6 AS integer) AS pulls,
           CAST($7 AS integer) AS flags, CAST($8 AS timestamptz) AS now, CAST($9 AS text) AS hours
"""
_EACH_STORE = "bench_world w CROSS JOIN generate_series(1, w.stores) store_id"
_EACH_ITEM = f"{_EACH_STORE} CROSS JOIN bench_items i"
_FILL = (
    f"""
    INSERT INTO stores (store_id, name, time_zone, opening_hours, day_starts_at, updated_at)
    SELECT store_id, 'Store ' || store_id, 'UTC', CAST(hours AS jsonb), '05:00', now FROM {_EACH_STORE}
    """,
    f"INSERT INTO catalog_marks (store_id, mark) SELECT store_id, gen_random_uuid() FROM {_EACH_STORE}",
    f"""
    INSERT INTO items (store_id, sku, description, department, case_pack, volume_ml, weight_g, price_cents, sold_by,
                       attributes, updated_at)
    SELECT store_id, sku, 'Item ' || item, 'dept' || item % 20, 6, 100, 50, 199, 'each', '{{}}', now
    FROM {_EACH_ITEM} ORDER BY store_id, item
    """,
    f"""
    INSERT INTO barcodes (store_id, code, sku, pack_qty)
    SELECT store_id, code, sku, 1 FROM {_EACH_ITEM} ORDER BY store_id, item
    """,
    f"""
    INSERT INTO locations (store_id, location, kind, zone, walk_seq, updated_at)
    SELECT store_id, location, kind, zone, walk_seq, now
    FROM {_EACH_STORE} CROSS JOIN LATERAL (
        VALUES ('RECEIVING', 'receiving', 'dock', 0), ('RETURNS', 'receiving', 'dock', 0),
               ('UNPLACED', 'shelf', 'floor', 0), ('LANE-1', 'lane', 'staging', 1), ('LANE-2', 'lane', 'staging', 2)
        UNION ALL SELECT DISTINCT home, 'shelf', 'floor', home_seq FROM bench_items
        UNION ALL SELECT bin, 'backroom', zone, item FROM bench_items
        UNION ALL SELECT DISTINCT tub, 'tub', 'tubs', 0 FROM bench_items
        UNION ALL SELECT 'X-' || n, 'shelf', 'floor', 0 FROM generate_series(1, w.pulls / w.items) n
    ) l(location, kind, zone, walk_seq)
    """,
    f"""
    INSERT INTO placements (store_id, location, sku, capacity, presentation_min, facings, is_home, updated_at)
    SELECT store_id, home, sku, capacity, 1, 1, true, now FROM {_EACH_ITEM} ORDER BY store_id, item
    """,
    f"""
    INSERT INTO balances (store_id, sku, location, kind, qty, trigger_qty, updated_at)
    SELECT store_id, sku, home, 'shelf', shelf_qty, CASE WHEN item % nullif(flags, 0) = 0 THEN shelf_qty ELSE 0 END, now
    FROM {_EACH_ITEM}
    UNION ALL SELECT store_id, sku, bin, 'backroom', bin_qty, NULL, now FROM {_EACH_ITEM}
    """,
    """
    INSERT INTO movements (store_id, day, sku, qty, from_location, to_location, cause, cause_id, occurred_at,
                           recorded_at)
    SELECT store_id, CAST(now AS date) - 1, sku, qty, '@supplier', location, 'receive', 'opening', now, now
    FROM bench_world, balances WHERE qty > 0
    """,
    f"""
    INSERT INTO tubs (store_id, tub, state, volume_ml, weight_g, updated_at)
    SELECT store_id, tub, 'idle', 60000, 20000, now
    FROM {_EACH_STORE} CROSS JOIN (SELECT DISTINCT tub FROM bench_items) t
    """,
    # The most urgent ones are all of different items, as in a store: claims at the head of the queue share no bin.
    f"""
    INSERT INTO pulls (store_id, sku, shelf, zone, state, reason, urgency, ask_count, qty_wanted, opened_at, due_at)
    SELECT store_id, sku, CASE WHEN n < items THEN home ELSE 'X-' || n / items END, zone, 'open', 'gap',
           greatest(90 - n / items, 10), 1, 2, now, now + interval '20 hours' + n * interval '1 ms'
    FROM {_EACH_STORE} CROSS JOIN LATERAL generate_series(0, pulls - 1) n JOIN bench_items ON item = n % items
    """,
)


async def build(url: str, world: World, *, now: datetime) -> None:
    """Migrate an empty database, and fill it; it is analysed and vacuumed afterwards, as one in use would be."""
    await migrate(url)
    connection = await asyncpg.connect(url, command_timeout=COMMAND_LIMIT_S)
    try:
        # What follows is consistent by itself; checking each row's foreign keys would take most of the time.
        if await connection.fetchval("SHOW is_superuser") == "on":
            await connection.execute("SET session_replication_role = replica")
        await connection.execute("SET synchronous_commit = off")
        for back in range(-DAYS_AHEAD, DAYS_BACK):
            await make_day(connection, now.date() - timedelta(days=back))
        await _fill(connection, world, now=now)
        await connection.execute("SET session_replication_role = DEFAULT")
        await connection.execute("VACUUM (ANALYZE)")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


async def make_day(connection: Any, day: date) -> None:
    """Make the partitions of a day, as `maintain` does ahead of time."""
    for table in PARTITIONED:
        until = day + timedelta(days=1)
        await connection.execute(
            f"CREATE TABLE IF NOT EXISTS {table}_{day:%Y%m%d} PARTITION OF {table} "
            f"FOR VALUES FROM ('{day}') TO ('{until}')"
        )


async def _fill(connection: Any, world: World, *, now: datetime) -> None:
    await describe_items(connection, world)
    sizes = (world.stores, world.items, world.shelf_qty, world.bin_qty, world.capacity, world.pulls, world.flags)
    await connection.execute(_WORLD, *sizes, now, OPEN_DAILY)
    for statement in _FILL:
        await connection.execute(statement)


async def describe_items(connection: Any, world: World) -> None:
    """Make the temporary table of what an item is called and where it lies; the same in each store."""
    await connection.execute(
        "CREATE TEMPORARY TABLE bench_items (item integer, sku text, code text, home text, home_seq integer, bin text, "
        "zone text, tub text)"
    )
    rows = []
    for item in range(world.items):
        zone, shelf = world.zone_of(item), item // ITEMS_A_SHELF
        row = (sku_of(item), f"0{barcode_of(item)}", f"A-{shelf:05d}", shelf, f"B-{item:06d}")
        rows.append((item, *row, zone_name(zone), tub_of(zone)))
    await connection.copy_records_to_table("bench_items", records=rows)
    await connection.execute("ANALYZE bench_items")
