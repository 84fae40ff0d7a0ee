"""What there is to print labels for."""

from typing import Any

from pullsvc.db import Tx, sql

# Stands for "somewhere on the floor"; there is no such place to stick a label on.
NO_PLACE = "UNPLACED"

# In the order of a walk, so that whoever puts them up goes once.
LOCATIONS = sql(f"""
SELECT l.location, l.kind, l.zone FROM locations l
WHERE l.store_id = :store_id AND l.active AND l.kind <> 'tub' AND l.location <> '{NO_PLACE}'
  AND (CAST(:kind AS text) IS NULL OR l.kind = :kind) AND (CAST(:zone AS text) IS NULL OR l.zone = :zone)
  AND (CAST(:codes AS text[]) IS NULL OR l.location = ANY (CAST(:codes AS text[])))
  AND (CAST(:after AS text) IS NULL OR (l.zone, l.walk_seq, l.location) > (
      SELECT a.zone, a.walk_seq, a.location FROM locations a WHERE a.store_id = :store_id AND a.location = :after))
ORDER BY l.zone, l.walk_seq, l.location LIMIT :limit
""")
TUBS = sql("""
SELECT tub FROM tubs
WHERE store_id = :store_id AND active AND (CAST(:after AS text) IS NULL OR tub > :after)
  AND (CAST(:codes AS text[]) IS NULL OR tub = ANY (CAST(:codes AS text[])))
ORDER BY tub LIMIT :limit
""")
BADGES = sql("""
SELECT w.badge, p.name FROM people w JOIN principals p USING (principal_id)
WHERE w.store_id = :store_id AND p.active AND (CAST(:after AS text) IS NULL OR w.badge > :after)
  AND (CAST(:codes AS text[]) IS NULL OR w.badge = ANY (CAST(:codes AS text[])))
ORDER BY w.badge LIMIT :limit
""")
STORE_NAME = sql("SELECT name FROM stores WHERE store_id = :store_id")


async def locations(tx: Tx, **chosen: Any) -> list[Any]:
    """Return location, kind and zone of the places in use, in the order of a walk."""
    return list(await tx.rows(LOCATIONS, **chosen))


async def tubs(tx: Tx, **chosen: Any) -> list[str]:
    """Return the plates of the tubs in use."""
    return [row.tub for row in await tx.rows(TUBS, **chosen)]


async def badges(tx: Tx, **chosen: Any) -> list[Any]:
    """Return badge and name of the people who may sign in."""
    return list(await tx.rows(BADGES, **chosen))


async def store_name(tx: Tx, *, store_id: int) -> str:
    """Return the name of the store."""
    name: str = (await tx.one(STORE_NAME, store_id=store_id)).name
    return name
