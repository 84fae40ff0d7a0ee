"""Write an event beside the act that it tells of."""

from collections.abc import Mapping

from pullsvc.db import Trailing, Tx
from pullsvc.outbox.rules import Stamp

__all__ = ["EVENTS", "Stamp", "append"]

EVENTS = Trailing(
    "events",
    """
    INSERT INTO events (store_id, day, kind, subject, data, principal_id, device_id, occurred_at)
    SELECT store_id, day, kind, subject, data, principal_id, device_id, occurred_at
    FROM jsonb_to_recordset(CAST(:events AS jsonb)) AS e(
        store_id integer, day date, kind text, subject text, data jsonb, principal_id bigint, device_id bigint,
        occurred_at timestamptz)
    """,
)


def append(tx: Tx, stamp: Stamp, kind: str, subject: object, data: Mapping[str, object] | None = None) -> None:
    """Record that something happened; written just before the commit, after all other locks are taken.

    Args:
        tx: The transaction of the act.
        stamp: Who and when.
        kind: Past-tense fact, `<thing>.<what>`, e.g. `tub.staged`.
        subject: What it happened to: an id or a code.
        data: Ids and quantities only; never names or notes of people. Not to be changed any more.
    """
    event = {
        "store_id": stamp.store_id,
        "day": stamp.now.date(),
        "kind": kind,
        "subject": str(subject),
        "data": data or {},
        "principal_id": stamp.principal_id,
        "device_id": stamp.device_id,
        "occurred_at": stamp.occurred_at,
    }
    tx.write_last(EVENTS, event)
