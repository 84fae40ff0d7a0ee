"""Events in the order in which they may be read without ever missing one."""

from collections.abc import Sequence
from datetime import date, datetime

from pullsvc.db import Row, Tx, sql
from pullsvc.feed.positions import Position

_EVENTS = """
    SELECT store_id, event_id, CAST(CAST(txid AS text) AS bigint) AS txid, day, kind, subject, data, principal_id,
           device_id, occurred_at
    FROM events
    WHERE {stores} AND day >= CAST(:since_day AS date)
      AND (txid, event_id) > (CAST(CAST(:txid AS text) AS xid8), CAST(:event_id AS bigint))
      AND (txid, event_id) <= (CAST(CAST(:until_txid AS text) AS xid8), CAST(:until_event_id AS bigint))
      AND txid < pg_snapshot_xmin(pg_current_snapshot())
      AND (CAST(:kinds AS text[]) IS NULL
           OR EXISTS (SELECT 1 FROM unnest(CAST(:kinds AS text[])) AS wanted(prefix) WHERE starts_with(kind, prefix)))
    ORDER BY events.txid, event_id -- the column, which is in the index, not the number made of it
    LIMIT :limit
"""
# Of one store the index gives them in order, so a reader far behind pays for its page and not for the backlog.
EVENTS_OF_STORE = sql(_EVENTS.format(stores="store_id = CAST(:store_id AS integer)"))
EVENTS_OF_STORES = sql(_EVENTS.format(stores="store_id = ANY(CAST(:store_ids AS integer[]))"))
# The newest first, for people to look back; a page that goes back from the present may miss what is being committed.
ACCESS_LOG = sql("""
    SELECT e.event_id, CAST(CAST(e.txid AS text) AS bigint) AS txid, e.kind, e.subject, e.data, e.occurred_at,
           e.principal_id, p.name AS principal, e.device_id, d.name AS device,
           CASE WHEN e.subject ~ '^[0-9]{1,18}$' THEN CASE
               WHEN starts_with(e.kind, 'person.') OR e.data ->> 'of' = 'badge' THEN
                   (SELECT whom.name FROM people w JOIN principals whom USING (principal_id)
                    WHERE w.store_id = e.store_id AND w.principal_id = CAST(e.subject AS bigint))
               WHEN starts_with(e.kind, 'device.') OR e.data ->> 'of' = 'device' THEN
                   (SELECT o.name FROM devices o
                    WHERE o.store_id = e.store_id AND o.device_id = CAST(e.subject AS bigint))
           END END AS subject_name
    FROM events e
    LEFT JOIN principals p USING (principal_id)
    LEFT JOIN devices d ON d.store_id = e.store_id AND d.device_id = e.device_id
    WHERE e.store_id = :store_id AND e.day >= CAST(:since_day AS date)
      AND (CAST(:before_txid AS text) IS NULL
           OR (e.txid, e.event_id) < (CAST(CAST(:before_txid AS text) AS xid8), CAST(:before_event_id AS bigint)))
      AND EXISTS (SELECT 1 FROM unnest(CAST(:kinds AS text[])) AS wanted(prefix) WHERE starts_with(e.kind, prefix))
    ORDER BY e.txid DESC, e.event_id DESC LIMIT :limit
""")
HORIZON = sql("""
    SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint) AS readable_below,
           CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint) AS unused_from
""")
MAX_TXID = 2**63 - 1


async def events(
    tx: Tx,
    *,
    store_id: int,
    after: Position,
    until: Position | None = None,
    kinds: Sequence[str] | None = None,
    limit: int,
) -> list[Row]:
    """Return the events of a store behind `after` and up to `until`, in reading order.

    Args:
        tx: A read transaction.
        store_id: The store.
        after: Where the reader stands.
        until: Where to stop; None: at the horizon.
        kinds: Prefixes of the kinds wanted; None: all.
        limit: Rows wanted at most.
    """
    span = _span(after=after, until=until, kinds=kinds)
    return await tx.rows(EVENTS_OF_STORE, store_id=store_id, limit=limit, **span)


async def events_of_stores(tx: Tx, *, store_ids: Sequence[int], after: Position, limit: int) -> list[Row]:
    """Return the events of several stores behind `after`, in reading order: for one who reads often and little."""
    span = _span(after=after, until=None, kinds=None)
    return await tx.rows(EVENTS_OF_STORES, store_ids=list(store_ids), limit=limit, **span)


def _span(*, after: Position, until: Position | None, kinds: Sequence[str] | None) -> dict[str, object]:
    return {
        "since_day": after.since_day,
        "txid": str(after.txid),
        "event_id": after.event_id,
        "until_txid": str(until.txid if until else MAX_TXID),
        "until_event_id": until.event_id if until else 0,
        "kinds": list(kinds) if kinds else None,
    }


async def horizon(tx: Tx, *, now: datetime) -> Position:
    """Return the position behind all that may be read now: before the oldest transaction still open."""
    row = await tx.one(HORIZON)
    return Position(txid=row.readable_below, event_id=0, day=now.date())


async def is_from_elsewhere(tx: Tx, position: Position) -> bool:
    """Tell whether no reader of this database can have come that far: the cursor is of another one."""
    row = await tx.one(HORIZON)
    return position.txid > int(row.unused_from)


def position_after(event: Row) -> Position:
    """Return the position just behind an event."""
    filed: date = event.day
    return Position(txid=event.txid, event_id=event.event_id, day=filed)
