"""Receipts with their lines, and the codes that nobody knew, in the database. Statements take a whole batch at once.

The receipts of a batch may be of many stores, so each carries its own. LATERAL with LIMIT holds the planner to the
primary key of a partition, whatever it expects.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from pullsvc.db import Row, Tx, array_of_texts, sql
from pullsvc.sales.booking import Booked
from pullsvc.sales.columns import BOOKED, KEYS, RECEIPTS, StoreKey, key_columns, receipt_columns, receipt_of
from pullsvc.sales.rules import MILLI, Key, Receipt, Standing

# Takes no lock: a receipt that stands just as it is sent is a repeat, whatever anybody makes of it at this moment.
LOOK = sql(f"""
    SELECT (SELECT array_agg(k.n) FROM unnest({KEYS}, CAST(CAST(:fingerprints AS text) AS text[]))
                WITH ORDINALITY AS k(store_id, business_date, register, sequence, fingerprint, n)
            CROSS JOIN LATERAL (
                SELECT fingerprint FROM receipts r
                WHERE r.store_id = k.store_id AND r.business_date = k.business_date AND r.register = k.register
                  AND r.sequence = k.sequence
                LIMIT 1) r
            WHERE r.fingerprint = k.fingerprint) AS repeated,
           (SELECT jsonb_object_agg(store_id, mark) FROM catalog_marks
            WHERE store_id = ANY (CAST(:mark_stores AS integer[]))) AS marks
""")
# Makes the new receipts and locks those that are there (a conflicting row is locked even though WHERE lets none be
# written), in the order of their keys, so that two batches wait for each other instead of dying of each other.
INSERT_OR_LOCK = sql(f"""
    WITH made AS (
        INSERT INTO receipts AS r (
            store_id, business_date, register, sequence, revision, pos_revision, status, fingerprint, line_count,
            occurred_at, received_at, line_nos, kinds, codes, milli_qtys, uoms, skus, locations, sold_qtys, sold_qty)
        SELECT store_id, business_date, register, sequence, revision, pos_revision, status, fingerprint, line_count,
               occurred_at, CAST(:now AS timestamptz), CAST(line_nos AS integer[]), CAST(kinds AS text[]),
               CAST(codes AS text[]), CAST(milli_qtys AS integer[]), CAST(uoms AS text[]), CAST(skus AS text[]),
               CAST(locations AS text[]), CAST(sold_qtys AS integer[]), sold
        FROM unnest({RECEIPTS})
            AS b(store_id, business_date, register, sequence, revision, pos_revision, status, fingerprint, line_count,
                 occurred_at, line_nos, kinds, codes, milli_qtys, uoms, skus, locations, sold_qtys, sold)
        ORDER BY store_id, business_date, register, sequence
        ON CONFLICT (store_id, business_date, register, sequence) DO UPDATE SET revision = r.revision WHERE false
        RETURNING store_id, business_date, register, sequence
    )
    SELECT count(*) AS made, array_agg(store_id) AS stores, array_agg(business_date) AS dates,
           array_agg(register) AS registers, array_agg(sequence) AS sequences
    FROM made
""")
# A statement of its own: only after the lock is held does a new look see what the holder before us wrote.
HELD = sql(f"""
    SELECT r.*, CASE WHEN r.fingerprint <> k.fingerprint THEN (
               SELECT array_agg(v.lines ->> 'fingerprint') FROM receipt_revisions v
               WHERE (v.store_id, v.business_date, v.register, v.sequence)
                   = (k.store_id, k.business_date, k.register, k.sequence)) END AS replaced
    FROM unnest({KEYS}, CAST(CAST(:fingerprints AS text) AS text[]))
        AS k(store_id, business_date, register, sequence, fingerprint)
    CROSS JOIN LATERAL (
        SELECT * FROM receipts r
        WHERE r.store_id = k.store_id AND r.business_date = k.business_date AND r.register = k.register
          AND r.sequence = k.sequence
        LIMIT 1) r
""")
# What is set aside is written down; of what waited for a code nothing waits any longer (WAIT brings what still does).
REPLACE = sql(f"""
    WITH aside AS (
        INSERT INTO receipt_revisions (store_id, business_date, register, sequence, revision, status, lines,
                                       replaced_at)
        SELECT store_id, business_date, register, sequence, revision, status, lines, CAST(:now AS timestamptz)
        FROM jsonb_to_recordset(CAST(:aside AS jsonb)) AS a(store_id integer, business_date date, register text,
            sequence bigint, revision integer, status text, lines jsonb)
    ),
    standing AS (
        SELECT * FROM unnest({RECEIPTS})
        AS b(store_id, business_date, register, sequence, revision, pos_revision, status, fingerprint, line_count,
             occurred_at, line_nos, kinds, codes, milli_qtys, uoms, skus, locations, sold_qtys, sold)
    ),
    gone AS (
        DELETE FROM waiting_receipts w
        USING jsonb_to_recordset(CAST(:waited AS jsonb)) AS g(
            store_id integer, business_date date, register text, sequence bigint, code text)
        WHERE w.store_id = g.store_id AND w.code = g.code
          AND w.business_date = g.business_date AND w.register = g.register AND w.sequence = g.sequence
    )
    UPDATE receipts r
    SET revision = s.revision, pos_revision = s.pos_revision, status = s.status, fingerprint = s.fingerprint,
        line_count = s.line_count, occurred_at = s.occurred_at,
        received_at = CASE WHEN r.fingerprint = s.fingerprint THEN r.received_at ELSE CAST(:now AS timestamptz) END,
        line_nos = CAST(s.line_nos AS integer[]), kinds = CAST(s.kinds AS text[]), codes = CAST(s.codes AS text[]),
        milli_qtys = CAST(s.milli_qtys AS integer[]), uoms = CAST(s.uoms AS text[]), skus = CAST(s.skus AS text[]),
        locations = CAST(s.locations AS text[]), sold_qtys = CAST(s.sold_qtys AS integer[]), sold_qty = s.sold
    FROM standing s
    WHERE (r.store_id, r.business_date, r.register, r.sequence)
        = (s.store_id, s.business_date, s.register, s.sequence)
""")
# Returns how many lines each unknown code has brought so far; as many as now: it was never seen before.
WAIT = sql(f"""
    WITH waits AS (
        INSERT INTO waiting_receipts (store_id, business_date, register, sequence, code)
        SELECT * FROM unnest({KEYS}, CAST(CAST(:waiting AS text) AS text[]))
        ON CONFLICT DO NOTHING
    )
    INSERT INTO unknown_codes AS u (store_id, code, state, lines, first_seen_at, last_seen_at)
    SELECT store_id, code, 'open', lines, CAST(:now AS timestamptz), CAST(:now AS timestamptz)
    FROM unnest(CAST(:unknown_stores AS integer[]), CAST(:unknown AS text[]), CAST(:unknown_lines AS bigint[]))
        AS n(store_id, code, lines)
    ORDER BY store_id, code
    ON CONFLICT (store_id, code) DO UPDATE
    SET lines = u.lines + excluded.lines, last_seen_at = excluded.last_seen_at,
        state = CASE WHEN u.state = 'dismissed' THEN u.state ELSE 'open' END,
        resolved_at = CASE WHEN u.state = 'dismissed' THEN u.resolved_at END
    RETURNING store_id, code, lines
""")

_RECEIPT_VIEW = """
    SELECT business_date, register, sequence, revision, pos_revision, status, line_count, occurred_at, received_at
    FROM receipts
    WHERE store_id = :store_id AND business_date = :business_date
"""
GET_RECEIPT = sql(_RECEIPT_VIEW + "AND register = :register AND sequence = :sequence")
LIST_RECEIPTS = sql(
    _RECEIPT_VIEW
    + """
      AND (CAST(:after_register AS text) IS NULL OR (register, sequence) > (:after_register, :after_sequence))
    ORDER BY register, sequence
    LIMIT :limit
"""
)
LINES = sql("""
    SELECT line_no, kind, code, sku, location, quantity, uom, sold_qty FROM sale_lines
    WHERE store_id = :store_id AND business_date = :business_date AND register = :register AND sequence = :sequence
    ORDER BY line_no
""")
REVISIONS = sql("""
    SELECT revision, status, lines AS said, replaced_at FROM receipt_revisions
    WHERE store_id = :store_id AND business_date = :business_date AND register = :register AND sequence = :sequence
    ORDER BY revision DESC
    LIMIT :limit
""")

UNKNOWN_CODES = sql("""
    SELECT code, state, lines, first_seen_at, last_seen_at, resolved_at FROM unknown_codes
    WHERE store_id = :store_id AND state = :state AND (CAST(:after AS text) IS NULL OR code > :after)
    ORDER BY code
    LIMIT :limit
""")
SET_CODE_STATE = sql("""
    UPDATE unknown_codes SET state = :state, resolved_at = :resolved_at
    WHERE store_id = :store_id AND code = :code AND state = :present
    RETURNING code, state, lines, first_seen_at, last_seen_at, resolved_at
""")
GET_CODE = sql("""
    SELECT code, state, lines, first_seen_at, last_seen_at, resolved_at FROM unknown_codes
    WHERE store_id = :store_id AND code = :code
""")
# A receipt waits once for each code; one more than is locked tells whether any is left.
LOCK_WAITING = sql("""
    WITH waiting AS MATERIALIZED (
        SELECT DISTINCT business_date, register, sequence FROM waiting_receipts
        WHERE store_id = :store_id AND code = ANY (CAST(:codes AS text[])) LIMIT CAST(:limit AS integer) + 1
    )
    SELECT business_date, register, sequence, (SELECT count(*) FROM waiting) > :limit AS more FROM receipts
    WHERE store_id = :store_id AND (business_date, register, sequence) IN (
        SELECT business_date, register, sequence FROM waiting LIMIT :limit)
    ORDER BY business_date, register, sequence
    FOR NO KEY UPDATE
""")
FILL = sql(f"""
    WITH gone AS (
        DELETE FROM waiting_receipts WHERE store_id = CAST(:store_id AS integer)
          AND code = ANY (CAST(:codes AS text[])) AND (business_date, register, sequence) IN (
            SELECT w.business_date, w.register, w.sequence
            FROM unnest({KEYS}) AS w(store_id, business_date, register, sequence))
    )
    UPDATE receipts r
    SET skus = CAST(f.skus AS text[]), locations = CAST(f.locations AS text[]),
        sold_qtys = CAST(f.sold_qtys AS integer[]), sold_qty = f.sold
    FROM unnest({KEYS}, {BOOKED})
        AS f(store_id, business_date, register, sequence, skus, locations, sold_qtys, sold)
    WHERE (r.store_id, r.business_date, r.register, r.sequence)
        = (f.store_id, f.business_date, f.register, f.sequence)
""")
# A batch that brings one more line of the code while we look raises `lines`; then the code stays open for the next run.
RESOLVE_CODES = sql("""
    UPDATE unknown_codes u SET state = 'resolved', resolved_at = CAST(:now AS timestamptz)
    FROM unnest(CAST(:codes AS text[]), CAST(:seen AS bigint[])) AS k(code, lines)
    WHERE u.store_id = CAST(:store_id AS integer) AND u.code = k.code AND u.state = 'open' AND u.lines = k.lines
      AND NOT EXISTS (SELECT 1 FROM waiting_receipts w
                      WHERE w.store_id = CAST(:store_id AS integer) AND w.code = k.code)
    RETURNING u.code, u.lines
""")


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look without locks saw.

    Attributes:
        repeated: Receipts that stand just as they are sent.
        marks: Of the stores' catalogs, by store.
    """

    repeated: frozenset[StoreKey]
    marks: Mapping[int, str]


async def look(tx: Tx, fingerprints: Mapping[StoreKey, str]) -> Seen:
    """Return which receipts are there with these fingerprints, and the marks of their stores' catalogs."""
    keys = list(fingerprints)
    row = await tx.one(
        LOOK,
        fingerprints=array_of_texts(list(fingerprints.values())),
        mark_stores=sorted({store_id for store_id, _ in keys}),
        **key_columns(keys),
    )
    marks = {int(store_id): mark for store_id, mark in (row.marks or {}).items()}
    return Seen(frozenset(keys[n - 1] for n in row.repeated or ()), marks)


async def insert_or_lock(
    tx: Tx, standings: Mapping[StoreKey, Standing], booked: Sequence[Booked], *, now: datetime
) -> set[StoreKey]:
    """Make the receipts that are new, with these lines, and lock the others; return the keys of the others."""
    row = await tx.one(
        INSERT_OR_LOCK,
        now=now,
        **key_columns(standings),
        **receipt_columns(list(standings.values()), booked),
    )
    if row.made == len(standings):
        return set()
    made = zip(row.stores or (), row.dates or (), row.registers or (), row.sequences or (), strict=True)
    return set(standings) - {(store_id, Key(*key)) for store_id, *key in made}


async def held(tx: Tx, fingerprints: Mapping[StoreKey, str]) -> dict[StoreKey, tuple[Standing, Booked]]:
    """Return how the locked receipts stand, with their lines as booked.

    Args:
        tx: The transaction that holds their locks.
        fingerprints: By key, that of the version at hand: a receipt that stands just so is a repeat, and comes
            without the versions that it has replaced.
    """
    rows = await tx.rows(HELD, fingerprints=array_of_texts(list(fingerprints.values())), **key_columns(fingerprints))
    return dict(map(_held, rows))


def _held(row: Row) -> tuple[StoreKey, tuple[Standing, Booked]]:
    receipt, booked = receipt_of(row)
    standing = Standing(receipt, revision=row.revision, replaced=frozenset(row.replaced or ()))
    return (row.store_id, receipt.key), (standing, booked)


async def replace(
    tx: Tx,
    standings: Mapping[StoreKey, Standing],
    booked: Sequence[Booked],
    *,
    waited: Collection[tuple[StoreKey, str]],
    now: datetime,
) -> None:
    """Write down which versions of the locked receipts were set aside, and bring the receipts to where they stand.

    Args:
        tx: The transaction that holds their locks.
        standings: By key.
        booked: The lines of each as booked.
        waited: Which of them wait for which code no longer, as other lines count now.
        now: When this is recorded.
    """
    documents = [
        {
            **_named(store_id, key),
            "revision": revision,
            "status": version.status,
            "lines": _said(version),
        }
        for (store_id, key), standing in standings.items()
        for revision, version in standing.aside
    ]
    await tx.run(
        REPLACE,
        now=now,
        aside=json.dumps(documents),
        waited=json.dumps([{**_named(*key), "code": code} for key, code in waited]),
        **key_columns(standings),
        **receipt_columns(list(standings.values()), booked),
    )


def _named(store_id: int, key: Key) -> dict[str, object]:
    return {
        "store_id": store_id,
        "business_date": key.business_date.isoformat(),
        "register": key.register,
        "sequence": key.sequence,
    }


def _said(receipt: Receipt) -> dict[str, object]:
    """Return the version as it is kept once another one counts: all that the till said."""
    return {
        "fingerprint": receipt.fingerprint,
        "pos_revision": receipt.pos_revision,
        "occurred_at": receipt.occurred_at.isoformat(),
        "lines": [
            {
                "line_no": number,
                "kind": kind,
                "code": code,
                "quantity": f"{Decimal(milli_qty) / MILLI:.3f}",
                "uom": uom,
                "location": location,
            }
            for number, kind, code, milli_qty, uom, location in zip(*receipt.lines, strict=True)
        ],
    }


async def wait(
    tx: Tx, waiting: Sequence[tuple[StoreKey, str]], *, unknown: Mapping[tuple[int, str], int], now: datetime
) -> set[tuple[int, str]]:
    """Keep which receipts wait for which codes, and count the unknown ones; return those never seen before.

    Args:
        tx: The transaction.
        waiting: Key and code of each receipt with lines of an unknown code.
        unknown: By (store, code), lines that would move units if anybody knew the code.
        now: When they came in.
    """
    rows = await tx.rows(
        WAIT,
        now=now,
        waiting=array_of_texts([code for _, code in waiting]),
        unknown_stores=[store_id for store_id, _ in unknown],
        unknown=[code for _, code in unknown],
        unknown_lines=list(unknown.values()),
        **key_columns([key for key, _ in waiting]),
    )
    return {(row.store_id, row.code) for row in rows if row.lines == unknown[row.store_id, row.code]}


async def receipts_of(
    tx: Tx, *, store_id: int, business_date: date, after: tuple[str | None, int | None], limit: int
) -> list[Row]:
    """Return the receipts of a business date by register and sequence, after the given one."""
    return await tx.rows(
        LIST_RECEIPTS,
        store_id=store_id,
        business_date=business_date,
        after_register=after[0],
        after_sequence=after[1],
        limit=limit,
    )


def key_of(row: Row) -> Key:
    """Return the key of a row that has its columns."""
    return Key(row.business_date, row.register, row.sequence)
