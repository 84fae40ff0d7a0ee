"""Worlds of open pulls, and claims made inside an open transaction."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from pullsvc.db import Database, Tx, sql
from pullsvc.errors import Rejection
from pullsvc.outbox.actions import Stamp
from pullsvc.pulls import offers
from pullsvc.pulls.offers import Offer
from pullsvc.tubs.claiming import Claim, Handed, Wish, claim_all
from pullsvc.tubs.picking import Limits
from tests.factories import NOON

LEASE = timedelta(minutes=15)


def wanted(
    signed: Stamp, *, lines: int = 1, zones: Sequence[str] | None = None, tub: str | None = None, **limits: int
) -> Claim:
    return Claim(signed, Wish(zones=zones, tub=tub, limits=Limits(lines=lines, **limits)), LEASE)


def signed_by(worker: int, *, store_id: int = 1) -> Stamp:
    return Stamp(store_id=store_id, principal_id=worker, now=NOON, occurred_at=NOON)


async def workers(db: Database, ids: Sequence[int]) -> None:
    """People with these ids."""
    async with db.begin() as tx:
        await tx.run(
            sql("""INSERT INTO principals (principal_id, name, kind, created_at)
                   SELECT n, 'w' || n, 'person', :now FROM unnest(CAST(:ids AS bigint[])) n"""),
            ids=list(ids), now=NOON,
        )  # fmt: skip


async def open_pull(
    db: Database, sku: str, *, store_id: int = 1, zone: str = "main", qty: int = 6, urgency: int = 60,
    shelf: str | None = None,
) -> int:  # fmt: skip
    """An open pull for the item; its id."""
    async with db.begin() as tx:
        row = await tx.one(
            sql("""
                INSERT INTO pulls (store_id, sku, shelf, zone, state, reason, urgency, ask_count, qty_wanted, opened_at,
                                   due_at)
                VALUES (:s, :sku, :shelf, :zone, 'open', 'gap', :urgency, 1, :qty, :now, :now) RETURNING pull_id
            """),
            s=store_id, sku=sku, shelf=shelf or f"SH-{sku}", zone=zone, urgency=urgency, qty=qty, now=NOON,
        )  # fmt: skip
        return int(row.pull_id)


async def claim_in(
    tx: Tx, signed: Stamp, *, lines: int = 1, zones: Sequence[str] | None = None, tub: str | None = None
) -> Handed | None:
    """One claim, a batch of its own; raises what it is refused for."""
    (answer,) = await claim_all(tx, [wanted(signed, lines=lines, zones=zones, tub=tub)])
    if isinstance(answer, Rejection):
        raise answer
    return answer


async def offer(
    db: Database, sku: str, *, store_id: int = 1, urgency: int = 40, fill_to: int = 24, shelf: str | None = None,
    now: datetime = NOON,
) -> None:  # fmt: skip
    """What the watch writes for an item that may ride along."""
    one = Offer(sku, shelf or f"SH-{sku}", urgency, fill_to, now + timedelta(hours=1), {"sentence": "Sells."})
    async with db.begin() as tx:
        await offers.renew(tx, store_id=store_id, seen=[(one.sku, one.shelf)], offers=[one], now=now)
