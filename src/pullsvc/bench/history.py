"""Days that are over: receipts, sale lines and movements by the million, written straight into their partitions."""

from datetime import datetime, timedelta

import asyncpg

from pullsvc.bench.cluster import COMMAND_LIMIT_S
from pullsvc.bench.world import DAYS_BACK, World, describe_items

LINES_A_RECEIPT = 5
DAYS = 90
CAUSE = "bench history"
# `$1` lines of a day, `$2` the day, `$3` stores, `$4` items; a line's number says all of it.
_LINES = """
    SELECT CAST(1 + n / 5 % stores AS integer) AS store_id, n / 5 / stores AS sequence, n % 5 + 1 AS line_no, b.*,
           day + interval '8 hours' + n * (interval '12 hours' / lines) AS at, day
    FROM (SELECT CAST($1 AS bigint) AS lines, CAST($2 AS date) AS day, CAST($3 AS integer) AS stores,
                 CAST($4 AS integer) AS items) w
    CROSS JOIN LATERAL generate_series(0, lines - 1) n
    JOIN bench_items b ON b.item = n * 7919 % items
"""
_OF_A_DAY = {
    "receipts": f"""
        INSERT INTO {{table}} (store_id, business_date, register, sequence, revision, status, fingerprint, line_count,
                               occurred_at, received_at, sold_qty, line_nos, codes, skus, locations, milli_qtys,
                               sold_qtys)
        SELECT store_id, day, 'past', sequence, 1, 'completed', md5(CAST(sequence AS text)), count(*), min(at), min(at),
               count(*), array_agg(line_no ORDER BY line_no), array_agg(code ORDER BY line_no),
               array_agg(sku ORDER BY line_no), array_agg(home ORDER BY line_no), array_agg(1000), array_agg(1)
        FROM ({_LINES}) l GROUP BY store_id, day, sequence
    """,
    "movements": f"""
        INSERT INTO {{table}} (store_id, day, movement_id, sku, qty, from_location, to_location, cause, cause_id,
                               occurred_at, recorded_at)
        SELECT store_id, day, nextval('movements_movement_id_seq'), sku, 1, home, '@sold', 'sale', '{CAUSE}', at, at
        FROM ({_LINES}) l
    """,
}
# The units that were sold had come before: what `maintain` leaves of days that it dropped.
_OPENINGS = f"""
    INSERT INTO ledger_openings (store_id, sku, location, qty)
    WITH sold AS (
        SELECT store_id, sku, from_location AS location, sum(qty) AS qty FROM movements
        WHERE cause_id = '{CAUSE}' GROUP BY store_id, sku, from_location)
    SELECT store_id, sku, location, qty FROM sold UNION ALL SELECT store_id, sku, '@supplier', -qty FROM sold
"""


async def add_history(
    url: str, world: World, *, lines: int, now: datetime, days: int = DAYS, before: int = DAYS_BACK
) -> None:
    """Give the world so many sale lines in the past, spread over `days` days, the last one `before` days back."""
    connection = await asyncpg.connect(url, command_timeout=COMMAND_LIMIT_S)
    try:
        await connection.execute("SET synchronous_commit = off")
        await connection.execute("SET maintenance_work_mem = '512MB'")
        await describe_items(connection, world)
        for back in range(before, before + days):
            day = now.date() - timedelta(days=back)
            for table, statement in _OF_A_DAY.items():
                name = f"{table}_{day:%Y%m%d}"
                sold = (lines // days, day, world.stores, world.items)
                if back < DAYS_BACK:  # The world has its partition.
                    await connection.execute(statement.format(table=name), *sold)
                    continue
                await connection.execute(f"CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
                await connection.execute(statement.format(table=name), *sold)
                bounds = f"FROM ('{day}') TO ('{day + timedelta(days=1)}')"
                await connection.execute(f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES {bounds}")
        await connection.execute(_OPENINGS)
        await connection.execute("VACUUM (ANALYZE)")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()
