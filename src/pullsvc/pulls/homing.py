"""Keep each open pull in the zone in which its units are, so that claims find it there.

The zone is that of the item's fullest bin when the pull was opened. Units move on; whoever sees that a zone holds none
of them any more sends the pull to where they are, or to no zone when they are nowhere.
"""

import json
from collections.abc import Mapping

from pullsvc.catalog.model import NO_ZONE
from pullsvc.db import Tx, sql

MAX_HOMED_A_SWEEP = 500

# Pulls that somebody holds are left for the next one who comes by: this must not wait while others wait for its caller.
REHOME = sql("""
WITH free AS MATERIALIZED (
    SELECT p.store_id, p.pull_id, g.zone
    FROM jsonb_to_recordset(CAST(:homes AS jsonb)) AS g(store_id integer, pull_id bigint, zone text)
    JOIN pulls p USING (store_id, pull_id)
    WHERE p.state = 'open' AND p.zone <> g.zone
    ORDER BY store_id, pull_id FOR NO KEY UPDATE OF p SKIP LOCKED
)
UPDATE pulls p SET zone = free.zone FROM free WHERE p.store_id = free.store_id AND p.pull_id = free.pull_id
""")
HOME = sql(f"""
WITH found AS MATERIALIZED (
    SELECT p.store_id, p.pull_id, units.zone
    FROM pulls p
    CROSS JOIN LATERAL (
        SELECT l.zone FROM balances b JOIN locations l USING (store_id, location)
        WHERE b.store_id = p.store_id AND b.sku = p.sku AND b.kind = 'backroom' AND b.qty > 0
        ORDER BY b.qty DESC, b.location LIMIT 1) units
    WHERE p.store_id = :store_id AND p.is_open AND p.zone = '{NO_ZONE}' AND units.zone <> '{NO_ZONE}'
    ORDER BY p.urgency DESC, p.due_at, p.pull_id LIMIT :limit FOR NO KEY UPDATE OF p SKIP LOCKED
)
UPDATE pulls p SET zone = found.zone FROM found WHERE p.store_id = found.store_id AND p.pull_id = found.pull_id
""")


async def rehome(tx: Tx, homes: Mapping[tuple[int, int], str]) -> int:
    """Send open pulls, named by (store_id, pull_id), to these zones; returns how many went."""
    rows = [{"store_id": store, "pull_id": pull_id, "zone": zone} for (store, pull_id), zone in homes.items()]
    return await tx.run(REHOME, homes=json.dumps(rows))


async def home_arrived(tx: Tx, *, store_id: int) -> int:
    """Send pulls that were in no zone to where units of theirs have arrived since; returns how many went."""
    return await tx.run(HOME, store_id=store_id, limit=MAX_HOMED_A_SWEEP)
