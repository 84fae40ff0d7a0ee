"""Offers: what the watch would ask for soon, and a claim that has room makes a pull of.

An offer is one item at one shelf, and it ages: after GOOD_FOR nobody takes it, unless the watch has looked again. How
much is brought is settled by the claim: what then has room on the shelf, and is spoken for by nobody.

Whoever makes a pull of an offer holds its row, then the books, and opens pulls last, in the order of their places, as
everybody does. So of two claims one gets it; and where a pull is live, or is opened at that moment, the unique index of
live pulls says so, and the offer comes to nothing.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from pullsvc.catalog.model import NO_ZONE
from pullsvc.db import Tx, json_text, sql

GOOD_FOR = timedelta(minutes=20)  # Two looks of the watch.
MAX_OFFERS_A_CALL = 500

# Eaches of an item in the backroom that no task will pick and no live pull wants; {x} is a row with the item.
_UNSPOKEN = """
    coalesce((SELECT sum(s.qty) FROM balances s
              WHERE s.store_id = {x}.store_id AND s.sku = {x}.sku AND s.kind = 'backroom'), 0)
    - coalesce((SELECT sum(t.qty_planned - t.qty_picked) FROM task_lines t
                WHERE t.store_id = {x}.store_id AND t.sku = {x}.sku AND t.is_reserving), 0)
    - coalesce((SELECT sum(w.qty_wanted - w.qty_planned - w.qty_filled - w.qty_put) FROM pulls w
                WHERE w.store_id = {x}.store_id AND w.sku = {x}.sku AND w.ended_at IS NULL), 0)
"""
# What has room on a shelf that is filled to {x}.fill_to, whatever is on its way.
_ROOM = """
    {x}.fill_to - greatest(0, coalesce((SELECT f.qty FROM balances f
        WHERE f.store_id = {x}.store_id AND f.sku = {x}.sku AND f.location = {x}.shelf), 0))
"""
# Eaches that an offer, a row `o`, would bring now.
OFFERED_QTY = f"CAST(least({_ROOM.format(x='o')}, {_UNSPOKEN.format(x='o')}) AS integer)"
# Eaches that an open pull, a row `p`, wants as things are now: one of the watch alone follows the room on its shelf.
WANTED_NOW = f"""
    CASE WHEN p.reason = 'watch' AND p.fill_to IS NOT NULL THEN CAST(p.qty_planned + p.qty_filled + p.qty_put
        + greatest(0, least({_ROOM.format(x="p")} - p.qty_planned - p.qty_filled,
            p.qty_wanted - p.qty_planned - p.qty_filled - p.qty_put + greatest(0, {_UNSPOKEN.format(x="p")})))
        AS integer)
    ELSE p.qty_wanted END
"""
# Offers that may be taken, rows `o` with OFFERED_QTY as qty; OFFSET keeps it from being worked out twice.
ON_OFFER = f"""
    offers o CROSS JOIN LATERAL (SELECT {OFFERED_QTY} AS qty OFFSET 0) room
    WHERE o.good_until > CAST(:now AS timestamptz) AND o.zone <> '{NO_ZONE}' AND room.qty > 0 AND NOT EXISTS (
        SELECT 1 FROM pulls l
        WHERE l.store_id = o.store_id AND l.sku = o.sku AND l.shelf = o.shelf AND l.ended_at IS NULL)
"""
# Parts of a statement that takes offers: `offered` holds them, and, once `places` has locked the books, `opened` are
# the pulls that came of them.
HOLD = """
offered AS MATERIALIZED (
    SELECT o.*
    FROM unnest(CAST(:rider_stores AS integer[]), CAST(:rider_skus AS text[]), CAST(:rider_shelves AS text[]))
        AS chosen(store_id, sku, shelf)
    JOIN offers o USING (store_id, sku, shelf)
    WHERE o.good_until > CAST(:now AS timestamptz) ORDER BY store_id, sku, shelf FOR UPDATE OF o SKIP LOCKED
)"""
OPEN = f"""
opened AS (
    INSERT INTO pulls (store_id, sku, shelf, zone, state, reason, urgency, ask_count, qty_wanted, fill_to, opened_at,
                       due_at, explanation, rode_along)
    SELECT o.store_id, o.sku, o.shelf, o.zone, 'open', 'watch', o.urgency, 1, room.qty, o.fill_to, :now, o.due_at,
           o.explanation, true
    FROM (SELECT count(*) FROM places) locked CROSS JOIN offered o
    CROSS JOIN LATERAL (SELECT {OFFERED_QTY} AS qty OFFSET 0) room
    WHERE room.qty > 0 ORDER BY o.store_id, o.sku, o.shelf
    ON CONFLICT (store_id, sku, shelf) WHERE ended_at IS NULL DO NOTHING
    RETURNING store_id, pull_id, due_at
),
asked AS (
    INSERT INTO asks (store_id, pull_id, requester, reason, due_at, asked_at)
    SELECT store_id, pull_id, 'watch', 'watch', due_at, :now FROM opened
),
taken AS (
    DELETE FROM offers f USING offered o WHERE f.store_id = o.store_id AND f.sku = o.sku AND f.shelf = o.shelf
)"""
# A pull that was opened for a tub which then had no room for it, in the same transaction: nobody has seen it.
WITHDRAW = sql("""
WITH asked AS (
    DELETE FROM asks a USING unnest(CAST(:stores AS integer[]), CAST(:pull_ids AS bigint[])) AS g(store_id, pull_id)
    WHERE a.store_id = g.store_id AND a.pull_id = g.pull_id
)
DELETE FROM pulls p USING unnest(CAST(:stores AS integer[]), CAST(:pull_ids AS bigint[])) AS g(store_id, pull_id)
WHERE p.store_id = g.store_id AND p.pull_id = g.pull_id
""")
# The zone is that of the fullest bin, as that of a pull.
RENEW = sql(f"""
WITH given AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(CAST(:offers AS jsonb)) AS g(
        sku text, shelf text, urgency integer, fill_to integer, due_at timestamptz, explanation jsonb)
),
gone AS (
    DELETE FROM offers o
    USING unnest(CAST(:skus AS text[]), CAST(:shelves AS text[])) AS seen(sku, shelf)
    WHERE o.store_id = :store_id AND o.sku = seen.sku AND o.shelf = seen.shelf
      AND NOT EXISTS (SELECT 1 FROM given g WHERE g.sku = o.sku AND g.shelf = o.shelf)
)
INSERT INTO offers AS o (store_id, sku, shelf, zone, urgency, fill_to, due_at, offered_at, good_until, explanation)
SELECT CAST(:store_id AS integer), g.sku, g.shelf, coalesce((
           SELECT l.zone FROM balances b JOIN locations l USING (store_id, location)
           WHERE b.store_id = :store_id AND b.sku = g.sku AND b.kind = 'backroom' AND b.qty > 0
           ORDER BY b.qty DESC, b.location LIMIT 1), '{NO_ZONE}'),
       g.urgency, g.fill_to, g.due_at, :now, :good_until, g.explanation
FROM given g ORDER BY g.sku, g.shelf
ON CONFLICT (store_id, sku, shelf) DO UPDATE
SET zone = excluded.zone, urgency = excluded.urgency, fill_to = excluded.fill_to, due_at = excluded.due_at,
    offered_at = excluded.offered_at, good_until = excluded.good_until, explanation = excluded.explanation
""")


@dataclass(frozen=True, slots=True)
class Offer:
    """An item at a shelf that a tub may take along.

    Attributes:
        sku: The item.
        shelf: Where it goes.
        urgency: As a pull would have; the most urgent ones ride first.
        fill_to: Eaches that the shelf holds when it is full.
        due_at: By when it would be needed.
        explanation: The figures behind it.
    """

    sku: str
    shelf: str
    urgency: int
    fill_to: int
    due_at: datetime
    explanation: dict[str, Any]


async def renew(
    tx: Tx, *, store_id: int, seen: Iterable[tuple[str, str]], offers: Sequence[Offer], now: datetime
) -> None:
    """Put these offers in place of all that the shelves `seen` had, by (sku, shelf); one statement.

    To be done before anything else is locked: a claim that holds an offer is waited for, and may itself wait for books.
    """
    if len(offers) > MAX_OFFERS_A_CALL:
        raise ValueError("too many offers")
    skus, shelves = zip(*seen, strict=True)
    await tx.run(
        RENEW,
        store_id=store_id,
        skus=skus,
        shelves=shelves,
        offers=json_text([asdict(one) for one in offers]),
        now=now,
        good_until=now + GOOD_FOR,
    )


async def withdraw(tx: Tx, pulls: Collection[tuple[int, int]]) -> None:
    """Take back pulls, by (store_id, pull_id), that this transaction has made of offers and has no use for."""
    stores, pull_ids = zip(*sorted(pulls), strict=True)
    await tx.run(WITHDRAW, stores=stores, pull_ids=pull_ids)
