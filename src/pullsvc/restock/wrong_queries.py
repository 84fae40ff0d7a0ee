"""Wrongs and expected deliveries in the database."""

from pullsvc.db import sql

PULL = sql("""
    SELECT p.sku, p.shelf, pl.capacity, p.explanation IS NOT NULL OR p.reason = 'watch' AS of_the_watch
    FROM pulls p LEFT JOIN placements pl ON pl.store_id = p.store_id AND pl.location = p.shelf AND pl.sku = p.sku
    WHERE p.store_id = :store_id AND p.pull_id = :pull_id
""")
BINS = sql("""
    SELECT location FROM balances WHERE store_id = :store_id AND sku = :sku AND kind = 'backroom' AND qty > 0
    ORDER BY location
""")
_SHOWN = "wrong_id, pull_id, sku, shelf, kind, seen_qty, note, told_at"
TELL = sql(f"""
    INSERT INTO pull_wrongs (store_id, pull_id, sku, shelf, kind, seen_qty, note, principal_id, told_at)
    VALUES (:store_id, :pull_id, :sku, :shelf, :kind, :seen_qty, :note, :principal_id, :now)
    RETURNING {_SHOWN}
""")
WRONGS = sql(f"""
    SELECT {_SHOWN} FROM pull_wrongs
    WHERE store_id = :store_id AND (CAST(:pull_id AS bigint) IS NULL OR pull_id = :pull_id)
      AND (CAST(:sku AS text) IS NULL OR sku = :sku)
    ORDER BY wrong_id DESC LIMIT :limit
""")
LOOK_AGAIN = sql("""
    UPDATE watched SET next_check_at = :now WHERE store_id = :store_id AND sku = :sku AND next_check_at > :now
""")

# References are used again: what is expected for another time after it arrived is the next one, and is on its way.
EXPECT = sql("""
    WITH old AS (
        DELETE FROM expected_deliveries
        WHERE store_id = :store_id AND reference <> :reference
          AND due_at < CAST(:now AS timestamptz) - INTERVAL '30 days'
    )
    INSERT INTO expected_deliveries AS d (store_id, reference, due_at) VALUES (:store_id, :reference, :due_at)
    ON CONFLICT (store_id, reference) DO UPDATE
    SET due_at = excluded.due_at,
        arrived_at = CASE WHEN excluded.due_at = d.due_at OR excluded.due_at <= d.arrived_at THEN d.arrived_at END
    RETURNING reference, due_at, arrived_at
""")
ARRIVE = sql("""
    UPDATE expected_deliveries SET arrived_at = coalesce(arrived_at, :now)
    WHERE store_id = :store_id AND reference = :reference
    RETURNING reference, due_at, arrived_at
""")
DELIVERIES = sql("""
    SELECT reference, due_at, arrived_at FROM expected_deliveries WHERE store_id = :store_id
    ORDER BY arrived_at DESC NULLS FIRST, due_at, reference LIMIT :limit
""")
