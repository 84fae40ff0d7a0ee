"""What claims look at and write, for many claims of any stores: open pulls and offers with their bins, new tasks."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pullsvc.catalog.model import NO_ZONE
from pullsvc.db import Row, Tx, json_text, sql
from pullsvc.pulls import offers
from pullsvc.pulls.rules import Pull, State
from pullsvc.tubs.picking import Bin, Candidate
from pullsvc.tubs.searching import Queue

Key = tuple[int, int]  # (store_id, pull_id), and (store_id, principal_id). Below zero: what rides along, no pull yet.
Place = tuple[int, str, str]  # (store_id, sku, shelf) of an offer.
FIRST_FENCE = 1  # Of every task; it rises with each change of hands.

# Units of an item in the backroom, bin by bin: what no task is on its way to pick, and what the book says.
_BINS = """
    SELECT jsonb_agg(jsonb_build_array(b.location, l.zone, l.walk_seq, b.qty - coalesce(r.qty, 0), b.qty)
                     ORDER BY b.location)
    FROM balances b
    JOIN locations l USING (store_id, location)
    LEFT JOIN LATERAL (
        SELECT sum(t.qty_planned - t.qty_picked) AS qty FROM task_lines t
        WHERE t.store_id = b.store_id AND t.sku = b.sku AND t.from_location = b.location
          AND t.is_reserving) r ON true
    WHERE b.store_id = {store_id} AND b.sku = {sku} AND b.kind = 'backroom' AND b.qty > {more_than}
"""
BINS_OF_ITEM = sql(f"SELECT ({_BINS.format(store_id=':store_id', sku=':sku', more_than='coalesce(r.qty, 0)')}) AS bins")
_BINS_OF_PULL = _BINS.format(store_id="p.store_id", sku="p.sku", more_than="0")
_CANDIDATE = f"""
p.store_id, p.pull_id, p.sku, p.shelf, p.zone, p.urgency, p.due_at, {{wanted}}, p.qty_planned, p.qty_filled,
       p.qty_put, p.end_reason, i.volume_ml, i.weight_g, ({_BINS_OF_PULL}) AS bins
"""
_PULL = """store_id, pull_id, sku, shelf, zone, urgency, due_at, qty_wanted, qty_planned, qty_filled, qty_put,
           end_reason, false AS rides"""
# One look-up a pull: nothing tells the planner how short a queue's head is, and a plain join might read all items.
_ITEM = "CROSS JOIN LATERAL (SELECT * FROM items i WHERE i.store_id = p.store_id AND i.sku = p.sku LIMIT 1) i"
_HEAD = "o.is_open {but} ORDER BY o.urgency DESC, o.due_at, o.pull_id LIMIT q.walk {lock}"
# A worker's claims come one after the other: nobody gets more tasks than one may hold, and a repeat finds its answer.
# The wait is in the first look, as what it saw is only a guess: every later statement sees what is true after it.
_LOOK = f"""
WITH alone AS MATERIALIZED (
    SELECT count(pg_advisory_xact_lock(lock)) AS workers FROM (
        SELECT DISTINCT hashtextextended('claim ' || store_id || ' ' || principal_id, 0) AS lock
        FROM unnest(CAST(:worker_stores AS integer[]), CAST(:workers AS bigint[])) AS w(store_id, principal_id)
        ORDER BY lock) in_order
),
queues AS MATERIALIZED (
    SELECT q.* FROM alone, unnest(CAST(:stores AS integer[]), CAST(:zones AS text[]), CAST(:walks AS integer[]),
                                  CAST(:riders AS integer[])) WITH ORDINALITY AS q(store_id, zone, walk, riders, n)
)
SELECT q.n, p.rides, {_CANDIDATE.format(wanted="p.qty_wanted")}
FROM queues q
CROSS JOIN LATERAL (
    SELECT * FROM (SELECT {_PULL} FROM pulls o WHERE o.store_id = q.store_id AND o.zone = q.zone AND {_HEAD}) of_zone
    UNION ALL
    SELECT * FROM (SELECT {_PULL} FROM pulls o WHERE q.zone IS NULL AND o.store_id = q.store_id
                   AND o.zone <> '{NO_ZONE}' AND {_HEAD}) of_any
    {{riders}}
) p
{_ITEM}
"""
_RIDERS = f"""UNION ALL
    SELECT * FROM (SELECT o.store_id, -o.offer_id, o.sku, o.shelf, o.zone, o.urgency, o.due_at, room.qty, 0, 0, 0,
                          CAST(NULL AS text), true
                   FROM {offers.ON_OFFER} AND o.store_id = q.store_id AND (q.zone IS NULL OR o.zone = q.zone)
                   ORDER BY o.urgency DESC, o.due_at, o.sku, o.shelf LIMIT q.riders) riders"""
LOOK = sql(_LOOK.format(but="", lock="", riders=""))
LOOK_WITH_RIDERS = sql(_LOOK.format(but="", lock="", riders=_RIDERS))
# Where others were faster: takes hold of what it finds, so that what it finds next is free.
LOOK_FREE = sql(
    _LOOK.format(
        but="AND o.pull_id <> ALL(CAST(:held AS bigint[]))", lock="FOR NO KEY UPDATE OF o SKIP LOCKED", riders=""
    )
)
# Takes hold of pulls that nobody else is taking, of the places of their items, as two pulls may want the same units,
# and of the tubs in hand. What is free has to be read anew after it: others may have planned it while this one waited.
_HOLD = """
WITH held AS MATERIALIZED (
    SELECT p.store_id, p.pull_id, p.sku
    FROM unnest(CAST(:stores AS integer[]), CAST(:pull_ids AS bigint[])) AS chosen(store_id, pull_id)
    JOIN pulls p USING (store_id, pull_id)
    WHERE p.state = 'open' ORDER BY store_id, pull_id FOR NO KEY UPDATE OF p SKIP LOCKED
),
{offered} places AS MATERIALIZED (
    SELECT 1 FROM (SELECT DISTINCT store_id, sku FROM {wanted}) wanted JOIN balances b USING (store_id, sku)
    WHERE b.kind = 'backroom' AND b.qty > 0
    ORDER BY store_id, sku, location FOR NO KEY UPDATE OF b
),
idle AS MATERIALIZED (
    SELECT t.store_id, t.tub
    FROM unnest(CAST(:tub_stores AS integer[]), CAST(:tubs AS text[])) AS scanned(store_id, tub)
    JOIN tubs t USING (store_id, tub)
    WHERE t.state = 'idle' AND t.active ORDER BY store_id, tub FOR NO KEY UPDATE OF t SKIP LOCKED
){opening}
SELECT (SELECT jsonb_agg(jsonb_build_array(store_id, pull_id)) FROM held) AS pulls,
       (SELECT jsonb_agg(jsonb_build_array(store_id, tub)) FROM idle) AS tubs,
       (SELECT jsonb_agg(jsonb_build_array(store_id, principal_id, (
            SELECT count(*) FROM tasks t WHERE t.store_id = w.store_id AND t.claimed_by = w.principal_id
            AND t.ended_at IS NULL AND t.state IN ('claimed', 'filling'))))
        FROM unnest(CAST(:worker_stores AS integer[]), CAST(:workers AS bigint[])) AS w(store_id, principal_id)
       ) AS tasks,
       (SELECT count(*) FROM places) AS places, {opened} AS opened
"""
HOLD = sql(_HOLD.format(offered="", wanted="held", opening="", opened="NULL"))
# Makes pulls of offers as well.
HOLD_WITH_RIDERS = sql(
    _HOLD.format(
        offered=f"{offers.HOLD},",
        wanted="(SELECT store_id, sku FROM held UNION ALL SELECT store_id, sku FROM offered) of_both",
        opening=f", {offers.OPEN}",
        opened="(SELECT jsonb_agg(jsonb_build_array(store_id, pull_id)) FROM opened)",
    )
)
# For whoever holds nothing yet: waits until those who have these pulls are done with them.
AWAIT = sql("""
SELECT 1 FROM unnest(CAST(:stores AS integer[]), CAST(:pull_ids AS bigint[])) AS chosen(store_id, pull_id)
JOIN pulls p USING (store_id, pull_id) ORDER BY store_id, pull_id FOR NO KEY UPDATE OF p
""")
HELD = sql(f"""
SELECT {_CANDIDATE.format(wanted=offers.WANTED_NOW)}, i.description, i.department, i.attributes, i.case_pack
FROM unnest(CAST(:stores AS integer[]), CAST(:pull_ids AS bigint[])) AS chosen(store_id, pull_id)
JOIN pulls p USING (store_id, pull_id)
{_ITEM}
WHERE p.state = 'open'
""")
TUBS = sql("""
SELECT store_id, tub, t.state, t.task_id, t.active
FROM unnest(CAST(:stores AS integer[]), CAST(:tubs AS text[])) AS scanned(store_id, tub)
JOIN tubs t USING (store_id, tub)
""")
INSERT_TASKS = sql(f"""
WITH given AS MATERIALIZED (
    SELECT nextval('tasks_task_id_seq') AS task_id, in_order.* FROM (
        SELECT * FROM jsonb_to_recordset(CAST(:tasks AS jsonb)) AS g(n integer, store_id integer, tub text,
            claimed_by bigint, claimed_at timestamptz, lease_until timestamptz, estimated_s integer, lines jsonb)
        ORDER BY n) in_order
),
made AS (
    INSERT INTO tasks (store_id, task_id, state, tub, fence, claimed_by, claimed_at, lease_until, estimated_s,
                       line_count)
    SELECT store_id, task_id, CASE WHEN tub IS NULL THEN 'claimed' ELSE 'filling' END, tub, {FIRST_FENCE},
           claimed_by, claimed_at, lease_until, estimated_s, jsonb_array_length(lines)
    FROM given
),
lines AS (
    INSERT INTO task_lines (store_id, task_id, line_no, pull_id, sku, from_location, shelf, pick_seq, state,
                            qty_planned)
    SELECT g.store_id, g.task_id, l.line_no, l.pull_id, l.sku, l.from_location, l.shelf, l.line_no, 'planned',
           l.qty_planned
    FROM given g CROSS JOIN LATERAL jsonb_to_recordset(g.lines) AS l(
        line_no integer, pull_id bigint, sku text, from_location text, shelf text, qty_planned integer)
),
bound AS (
    UPDATE tubs t SET state = 'filling', task_id = g.task_id, updated_at = g.claimed_at
    FROM given g WHERE t.store_id = g.store_id AND t.tub = g.tub
)
SELECT n, task_id FROM given
""")


@dataclass(frozen=True, slots=True)
class Found:
    """An open pull as it was found, or an offer.

    Attributes:
        store_id: Its store.
        candidate: For the planner; without bins when nothing of the item is free. A pull that is held may have a qty of
            0: it is of the watch alone, and its shelf is full.
        home: Zone where most of its units are, by the books; NO_ZONE: nowhere.
        pull: How far it has come.
        facts: What is shown of its item; empty unless the pull is held.
    """

    store_id: int
    candidate: Candidate
    home: str
    pull: Pull
    facts: Mapping[str, Any]

    @property
    def key(self) -> Key:
        """Its store and id."""
        return self.store_id, self.pull.pull_id


@dataclass(frozen=True, slots=True)
class Held:
    """What an act has taken hold of, how many tasks each worker has in hand, and which pulls were made of offers."""

    pulls: frozenset[Key]
    tubs: frozenset[tuple[int, str]]
    tasks: Mapping[Key, int]
    opened: frozenset[Key]


async def look(
    tx: Tx,
    queues: Sequence[Queue],
    *,
    now: datetime,
    workers: Collection[Key] = (),
    but: Collection[Key] | None = None,
) -> list[list[Found]]:
    """Return the head of each queue.

    Args:
        tx: The transaction.
        queues: Where to look, and how far.
        now: Offers that were good until then are left out.
        workers: Claims of theirs in other transactions wait until this one is over.
        but: What this transaction holds already; with it, all that is found is free, and held from now on, and
            no offers are looked at.
    """
    params: dict[str, object] = {
        "stores": [q.store_id for q in queues],
        "zones": [q.zone for q in queues],
        "walks": [q.walk for q in queues],
        "riders": [q.riders for q in queues],
        "worker_stores": [store for store, _ in workers],
        "workers": [worker for _, worker in workers],
    }
    if but is None and any(q.riders for q in queues):
        rows = await tx.rows(LOOK_WITH_RIDERS, **params, now=now)
    elif but is None:
        rows = await tx.rows(LOOK, **params)
    else:
        rows = await tx.rows(LOOK_FREE, **params, held=[pull_id for _, pull_id in but])
    found: list[list[Found]] = [[] for _ in queues]
    for row in rows:
        found[row[0] - 1].append(_found(row[2:], rides=row[1]))
    return found


async def hold(
    tx: Tx,
    pulls: Collection[Key],
    *,
    riders: Collection[Place] = (),
    tubs: Collection[tuple[int, str]],
    workers: Collection[Key],
    now: datetime,
) -> Held:
    """Take hold of the open ones of these pulls and the idle ones of these tubs that nobody else is taking.

    Of the offers for the places `riders` it makes pulls, unless they are too old, somebody else is taking them or a
    pull is live there. A transaction may do so but once: it waits for others who open pulls, in the order of places.
    """
    params: dict[str, object] = {
        **_keys(pulls),
        "tub_stores": [store for store, _ in tubs],
        "tubs": [tub for _, tub in tubs],
        "worker_stores": [store for store, _ in workers],
        "workers": [worker for _, worker in workers],
    }
    if riders:
        stores, skus, shelves = zip(*sorted(riders), strict=True)
        chosen = {"rider_stores": stores, "rider_skus": skus, "rider_shelves": shelves}
        row = await tx.one(HOLD_WITH_RIDERS, **params, **chosen, now=now)
    else:
        row = await tx.one(HOLD, **params)
    return Held(
        frozenset((store, pull) for store, pull in row.pulls or ()),
        frozenset((store, tub) for store, tub in row.tubs or ()),
        {(store, worker): tasks for store, worker, tasks in row.tasks or ()},
        frozenset((store, pull) for store, pull in row.opened or ()),
    )


async def held(tx: Tx, pulls: Collection[Key]) -> list[Found]:
    """Return the open ones of these pulls as they are now; what the caller has taken hold of stays so."""
    return [_found(row) for row in await tx.rows(HELD, **_keys(pulls))]


async def wait_for(tx: Tx, pulls: Collection[Key]) -> None:
    """Wait until nobody else holds these pulls; only for who holds none, or two would wait for each other."""
    await tx.run(AWAIT, **_keys(pulls))


async def tubs_of(tx: Tx, tubs: Collection[tuple[int, str]]) -> dict[tuple[int, str], Row]:
    """Return these tubs by (store_id, tub); unknown ones are left out."""
    rows = await tx.rows(TUBS, stores=[store for store, _ in tubs], tubs=[tub for _, tub in tubs])
    return {(row.store_id, row.tub): row for row in rows}


async def insert_tasks(tx: Tx, tasks: Sequence[Mapping[str, object]]) -> dict[int, int]:
    """Write claimed tasks with their lines, bind their tubs, and return the ids by their number `n`."""
    rows = await tx.rows(INSERT_TASKS, tasks=json_text(tasks))
    return {row["n"]: row["task_id"] for row in rows}


def _keys(pulls: Iterable[Key]) -> dict[str, object]:
    keys = sorted(pulls)
    return {"stores": [store for store, _ in keys], "pull_ids": [pull_id for _, pull_id in keys]}


def _found(row: Sequence[Any], *, rides: bool = False) -> Found:
    """Make the planner's values from the columns of _CANDIDATE and, of a held pull, those of its item."""
    store_id, pull_id, sku, shelf, zone, urgency, due_at, *progress = row[:12]
    wanted, planned, filled, put, end_reason = progress
    volume_ml, weight_g, bins, *shown = row[12:]
    places = [Bin(*b) for b in bins or ()]
    candidate = Candidate(
        pull_id=pull_id,
        sku=sku,
        shelf=shelf,
        zone=zone,
        urgency=urgency,
        due_at=due_at,
        qty=wanted - planned - filled - put,
        volume_ml=volume_ml,
        weight_g=weight_g,
        bins=tuple(b for b in places if b.available > 0),
        rides=rides,
    )
    home = zone
    if not any(b.zone == zone for b in places):
        home = max(places, key=lambda b: b.book).zone if places else NO_ZONE
    pull = Pull(pull_id, State.OPEN, wanted, planned, filled, put, end_reason)
    return Found(store_id, candidate, home, pull, dict(zip(SHOWN, shown, strict=bool(shown))))


SHOWN = ("description", "department", "attributes", "case_pack")
