"""Receipts, their lines and the codes that nobody knew, in the database. Statements take a whole batch at once."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from pullsvc.db import Row, Tx, sql
from pullsvc.outbox.actions import Stamp
from pullsvc.sales.rules import BookedLine, Effect, Key, Line, LineKind, Receipt, Standing, Status, Uom, effect_of

# Makes the new receipts and locks those that are there (a conflicting row is locked even though WHERE lets none be
# written), in the order of their keys, so that two batches wait for each other instead of dying of each other.
INSERT_OR_LOCK = sql("""
    INSERT INTO receipts AS r (store_id, business_date, register, sequence, revision, pos_revision, status,
                               fingerprint, line_count, occurred_at, received_at)
    SELECT CAST(:store_id AS integer), business_date, register, sequence, revision, pos_revision, status,
           fingerprint, line_count, occurred_at, CAST(:now AS timestamptz)
    FROM unnest(CAST(:dates AS date[]), CAST(:registers AS text[]), CAST(:sequences AS bigint[]),
                CAST(:revisions AS integer[]), CAST(:pos_revisions AS integer[]), CAST(:statuses AS text[]),
                CAST(:fingerprints AS text[]), CAST(:line_counts AS integer[]), CAST(:occurred AS timestamptz[]))
        AS b(business_date, register, sequence, revision, pos_revision, status, fingerprint, line_count, occurred_at)
    ORDER BY business_date, register, sequence
    ON CONFLICT (store_id, business_date, register, sequence) DO UPDATE SET revision = r.revision WHERE false
    RETURNING business_date, register, sequence
""")
# A statement of its own: only after the lock is held does a new look see what the holder before us wrote.
HELD = sql("""
    SELECT r.business_date, r.register, r.sequence, r.revision, r.pos_revision, r.status, r.fingerprint, r.occurred_at,
           CASE WHEN r.fingerprint <> k.fingerprint THEN (
               SELECT jsonb_agg(jsonb_build_object('line_no', l.line_no, 'kind', l.kind, 'code', l.code,
                   'quantity', CAST(l.quantity AS text), 'uom', l.uom, 'location', l.location, 'sku', l.sku,
                   'sold_qty', l.sold_qty) ORDER BY l.line_no)
               FROM sale_lines l
               WHERE (l.store_id, l.business_date, l.register, l.sequence)
                   = (r.store_id, r.business_date, r.register, r.sequence)) END AS lines,
           CASE WHEN r.fingerprint <> k.fingerprint THEN (
               SELECT array_agg(v.lines ->> 'fingerprint') FROM receipt_revisions v
               WHERE (v.store_id, v.business_date, v.register, v.sequence)
                   = (r.store_id, r.business_date, r.register, r.sequence)) END AS replaced
    FROM unnest(CAST(:dates AS date[]), CAST(:registers AS text[]), CAST(:sequences AS bigint[]),
                CAST(:fingerprints AS text[])) AS k(business_date, register, sequence, fingerprint)
    JOIN receipts r USING (business_date, register, sequence)
    WHERE r.store_id = CAST(:store_id AS integer)
""")
# What is set aside is written down; of receipts whose lines change, the lines go (WRITE_LINES brings the new ones).
REPLACE = sql("""
    WITH aside AS (
        INSERT INTO receipt_revisions (store_id, business_date, register, sequence, revision, status, lines,
                                       replaced_at)
        SELECT CAST(:store_id AS integer), business_date, register, sequence, revision, status, lines,
               CAST(:now AS timestamptz)
        FROM jsonb_to_recordset(CAST(:aside AS jsonb)) AS a(business_date date, register text, sequence bigint,
            revision integer, status text, lines jsonb)
    ),
    standing AS (
        SELECT * FROM unnest(
            CAST(:dates AS date[]), CAST(:registers AS text[]), CAST(:sequences AS bigint[]),
            CAST(:revisions AS integer[]), CAST(:pos_revisions AS integer[]), CAST(:statuses AS text[]),
            CAST(:fingerprints AS text[]), CAST(:line_counts AS integer[]), CAST(:occurred AS timestamptz[]))
        AS b(business_date, register, sequence, revision, pos_revision, status, fingerprint, line_count, occurred_at)
    ),
    gone AS (
        DELETE FROM sale_lines l USING standing s, receipts r
        WHERE r.store_id = CAST(:store_id AS integer)
          AND (r.business_date, r.register, r.sequence) = (s.business_date, s.register, s.sequence)
          AND r.fingerprint <> s.fingerprint
          AND l.store_id = CAST(:store_id AS integer)
          AND (l.business_date, l.register, l.sequence) = (s.business_date, s.register, s.sequence)
    )
    UPDATE receipts r
    SET revision = s.revision, pos_revision = s.pos_revision, status = s.status, fingerprint = s.fingerprint,
        line_count = s.line_count, occurred_at = s.occurred_at,
        received_at = CASE WHEN r.fingerprint = s.fingerprint THEN r.received_at ELSE CAST(:now AS timestamptz) END
    FROM standing s
    WHERE r.store_id = CAST(:store_id AS integer)
      AND (r.business_date, r.register, r.sequence) = (s.business_date, s.register, s.sequence)
""")
# Returns how many lines each unknown code has brought so far; as many as now: it was never seen before.
WRITE_LINES = sql("""
    WITH written AS (
        INSERT INTO sale_lines (store_id, business_date, register, sequence, line_no, kind, code, sku, location,
                                quantity, uom, sold_qty, occurred_at)
        SELECT CAST(:store_id AS integer), * FROM unnest(
            CAST(:dates AS date[]), CAST(:registers AS text[]), CAST(:sequences AS bigint[]),
            CAST(:line_nos AS integer[]), CAST(:kinds AS text[]), CAST(:codes AS text[]), CAST(:skus AS text[]),
            CAST(:locations AS text[]), CAST(:quantities AS numeric[]), CAST(:uoms AS text[]),
            CAST(:sold_qtys AS integer[]), CAST(:occurred AS timestamptz[]))
    )
    INSERT INTO unknown_codes AS u (store_id, code, state, lines, first_seen_at, last_seen_at)
    SELECT CAST(:store_id AS integer), code, 'open', lines, CAST(:now AS timestamptz), CAST(:now AS timestamptz)
    FROM unnest(CAST(:unknown AS text[]), CAST(:unknown_lines AS bigint[])) AS n(code, lines)
    ORDER BY code
    ON CONFLICT (store_id, code) DO UPDATE
    SET lines = u.lines + excluded.lines, last_seen_at = excluded.last_seen_at,
        state = CASE WHEN u.state = 'dismissed' THEN u.state ELSE 'open' END,
        resolved_at = CASE WHEN u.state = 'dismissed' THEN u.resolved_at END
    RETURNING code, lines
""")
SHELVES = sql("""
    SELECT location FROM locations
    WHERE store_id = :store_id AND location = ANY (CAST(:locations AS text[])) AND kind = 'shelf'
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
LOCK_WAITING_RECEIPTS = sql("""
    SELECT business_date, register, sequence FROM receipts
    WHERE store_id = :store_id AND (business_date, register, sequence) IN (
        SELECT business_date, register, sequence FROM sale_lines
        WHERE store_id = :store_id AND sku IS NULL AND code = ANY (CAST(:codes AS text[])) LIMIT :limit)
    ORDER BY business_date, register, sequence
    FOR NO KEY UPDATE
""")
WAITING_LINES = sql("""
    SELECT business_date, register, sequence, r.status, r.occurred_at, l.line_no, l.kind, l.code, l.sku, l.location,
           l.quantity, l.uom, l.sold_qty
    FROM unnest(CAST(:dates AS date[]), CAST(:registers AS text[]), CAST(:sequences AS bigint[]))
        AS k(business_date, register, sequence)
    JOIN receipts r USING (business_date, register, sequence)
    JOIN sale_lines l USING (store_id, business_date, register, sequence)
    WHERE r.store_id = :store_id AND l.sku IS NULL AND l.code = ANY (CAST(:codes AS text[]))
    ORDER BY business_date, register, sequence, l.line_no
""")
FILL_LINES = sql("""
    UPDATE sale_lines l SET sku = f.sku, location = f.location, sold_qty = f.sold_qty
    FROM unnest(CAST(:dates AS date[]), CAST(:registers AS text[]), CAST(:sequences AS bigint[]),
                CAST(:line_nos AS integer[]), CAST(:skus AS text[]), CAST(:locations AS text[]),
                CAST(:sold_qtys AS integer[]))
        AS f(business_date, register, sequence, line_no, sku, location, sold_qty)
    WHERE l.store_id = CAST(:store_id AS integer) AND (l.business_date, l.register, l.sequence, l.line_no)
        = (f.business_date, f.register, f.sequence, f.line_no)
""")
# A batch that brings one more line of the code while we look raises `lines`; then the code stays open for the next run.
RESOLVE_CODES = sql("""
    UPDATE unknown_codes u SET state = 'resolved', resolved_at = CAST(:now AS timestamptz)
    FROM unnest(CAST(:codes AS text[]), CAST(:seen AS bigint[])) AS k(code, lines)
    WHERE u.store_id = CAST(:store_id AS integer) AND u.code = k.code AND u.state = 'open' AND u.lines = k.lines
      AND NOT EXISTS (SELECT 1 FROM sale_lines l
                      WHERE l.store_id = CAST(:store_id AS integer) AND l.sku IS NULL AND l.code = k.code)
    RETURNING u.code, u.lines
""")


async def insert_or_lock(tx: Tx, stamp: Stamp, standings: Sequence[Standing]) -> set[Key]:
    """Make the receipts that are new, lock the others; return the keys of the new ones."""
    rows = await tx.rows(INSERT_OR_LOCK, store_id=stamp.store_id, now=stamp.now, **_standing_columns(standings))
    return {key_of(row) for row in rows}


async def held(tx: Tx, *, store_id: int, fingerprints: Mapping[Key, str]) -> dict[Key, tuple[Standing, Effect]]:
    """Return how the locked receipts stand, and what their lines moved.

    Args:
        tx: The transaction that holds their locks.
        store_id: The store.
        fingerprints: By key, that of the version at hand: a receipt that stands just so is a repeat, and comes
            without its lines.
    """
    rows = await tx.rows(HELD, store_id=store_id, fingerprints=list(fingerprints.values()), **key_columns(fingerprints))
    return dict(map(_held, rows))


def _held(row: Row) -> tuple[Key, tuple[Standing, Effect]]:
    booked = [booked_line(line) for line in row.lines or ()]
    receipt = Receipt(
        key=key_of(row),
        occurred_at=row.occurred_at,
        pos_revision=row.pos_revision,
        status=Status(row.status),
        lines=tuple(one.line for one in booked),
        fingerprint=row.fingerprint,
    )
    standing = Standing(receipt, revision=row.revision, replaced=frozenset(row.replaced or ()))
    return receipt.key, (standing, effect_of(booked, occurred_at=row.occurred_at))


def booked_line(row: Mapping[str, Any]) -> BookedLine:
    """Return the line that a row of `sale_lines` holds."""
    line = Line(
        line_no=row["line_no"],
        kind=LineKind(row["kind"]),
        code=row["code"],
        quantity=Decimal(row["quantity"]),
        uom=Uom(row["uom"]),
        location=row["location"],
    )
    return BookedLine(line=line, sku=row["sku"], sold_qty=row["sold_qty"])


async def replace(tx: Tx, stamp: Stamp, standings: Sequence[Standing]) -> None:
    """Write down which versions of the locked receipts were set aside, and bring the receipts to where they stand."""
    documents = [
        {
            "business_date": version.key.business_date.isoformat(),
            "register": version.key.register,
            "sequence": version.key.sequence,
            "revision": revision,
            "status": version.status,
            "lines": _said(version),
        }
        for standing in standings
        for revision, version in standing.aside
    ]
    await tx.run(
        REPLACE,
        store_id=stamp.store_id,
        now=stamp.now,
        aside=json.dumps(documents),
        **_standing_columns(standings),
    )


def _said(receipt: Receipt) -> dict[str, object]:
    """Return the version as it is kept once another one counts: all that the till said."""
    return {
        "fingerprint": receipt.fingerprint,
        "pos_revision": receipt.pos_revision,
        "occurred_at": receipt.occurred_at.isoformat(),
        "lines": [
            {
                "line_no": line.line_no,
                "kind": line.kind,
                "code": line.code,
                "quantity": f"{line.quantity:.3f}",
                "uom": line.uom,
                "location": line.location,
            }
            for line in receipt.lines
        ],
    }


async def write_lines(
    tx: Tx, stamp: Stamp, booked: Sequence[tuple[Receipt, BookedLine]], *, unknown: Mapping[str, int]
) -> set[str]:
    """Write lines and count the unknown codes among them; return the codes never seen before."""
    rows = await tx.rows(
        WRITE_LINES,
        store_id=stamp.store_id,
        now=stamp.now,
        line_nos=[one.line.line_no for _, one in booked],
        kinds=[one.line.kind.value for _, one in booked],
        codes=[one.line.code for _, one in booked],
        skus=[one.sku for _, one in booked],
        locations=[one.line.location for _, one in booked],
        quantities=[one.line.quantity for _, one in booked],
        uoms=[one.line.uom.value for _, one in booked],
        sold_qtys=[one.sold_qty for _, one in booked],
        occurred=[receipt.occurred_at for receipt, _ in booked],
        unknown=list(unknown),
        unknown_lines=list(unknown.values()),
        **key_columns([receipt.key for receipt, _ in booked]),
    )
    return {row.code for row in rows if row.lines == unknown[row.code]}


async def shelves_among(tx: Tx, *, store_id: int, locations: Collection[str]) -> frozenset[str]:
    """Return which of the locations are shelves of the store; no statement when there are none."""
    if not locations:
        return frozenset()
    rows = await tx.rows(SHELVES, store_id=store_id, locations=sorted(locations))
    return frozenset(row.location for row in rows)


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


def key_columns(keys: Iterable[Key]) -> dict[str, list[Any]]:
    """Return the keys as the parameters `dates`, `registers`, `sequences`."""
    keys = list(keys)
    return {
        "dates": [key.business_date for key in keys],
        "registers": [key.register for key in keys],
        "sequences": [key.sequence for key in keys],
    }


def _standing_columns(standings: Sequence[Standing]) -> dict[str, list[Any]]:
    receipts = [standing.receipt for standing in standings]
    occurred: list[datetime] = [receipt.occurred_at for receipt in receipts]
    return {
        **key_columns(receipt.key for receipt in receipts),
        "revisions": [standing.revision for standing in standings],
        "pos_revisions": [receipt.pos_revision for receipt in receipts],
        "statuses": [receipt.status.value for receipt in receipts],
        "fingerprints": [receipt.fingerprint for receipt in receipts],
        "line_counts": [len(receipt.lines) for receipt in receipts],
        "occurred": occurred,
    }
