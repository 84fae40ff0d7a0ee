"""Put the board's snapshot together."""

from datetime import datetime, timedelta
from typing import Any

from pullsvc.board import queries
from pullsvc.db import Statement, Tx
from pullsvc.demand.queries import calendar_of
from pullsvc.feed.queries import horizon

A_MOMENT = timedelta(seconds=1)
SERIES = ("opened", "by_watch", "arrived", "time_to_shelf_s", "asked_s", "staffed_s")


async def snapshot(tx: Tx, *, store_id: int, now: datetime) -> dict[str, Any]:
    """Return the store as it is on this transaction's snapshot, with the cursor from which the stream goes on.

    An event that is in the snapshot already may come again on the stream; none is ever missed. Every part is bounded;
    `cut` names those that leave something out.
    """
    store = await queries.store(tx, store_id=store_id)
    calendar = calendar_of(store)
    business_date = calendar.business_date(now)
    since = calendar.business_day(business_date).start
    position = await horizon(tx, now=now)
    cut: list[str] = []

    async def part(name: str, statement: Statement, limit: int, **params: object) -> list[dict[str, Any]]:
        rows = await queries.listing(tx, statement, store_id=store_id, limit=limit + 1, **params)
        if len(rows) > limit:
            cut.append(name)
        return rows[:limit]

    parts: dict[str, object] = {
        "at_risk": await part("at_risk", queries.AT_RISK, queries.MAX_AT_RISK),
        "pulls": await part("pulls", queries.PULLS, queries.MAX_PULLS),
        "tasks": await part("tasks", queries.TASKS, queries.MAX_TASKS),
        "lanes": await part("lanes", queries.LANES, queries.MAX_LANES),
        "shorts": await part("shorts", queries.SHORTS, queries.MAX_SHORTS, since=since),
        "discrepancies": await part("discrepancies", queries.DISCREPANCIES, queries.MAX_DISCREPANCIES),
    }
    zones = await queries.zones(tx, store_id=store_id, now=now)
    today = await queries.today(tx, store_id=store_id, since=since, business_date=business_date)
    cut += [name for name, part in (("zones", zones), ("today", today)) if part.cut]
    return {
        "store_id": store_id,
        "name": store.name,
        "time_zone": store.time_zone,
        "at": now,
        "business_date": business_date,
        "open": calendar.open_h(now, now + A_MOMENT) > 0,
        "cursor": position.cursor(),
        "cut": sorted(cut),
        **parts,
        "zones": zones.figures,
        "today": today.figures,
    }


async def day(tx: Tx, *, store_id: int, now: datetime) -> dict[str, Any]:
    """Return the business day so far as series of BUCKET_S, and when the store is open in it."""
    calendar = calendar_of(await queries.store(tx, store_id=store_id))
    business_date = calendar.business_date(now)
    span = calendar.business_day(business_date)
    rows = await queries.day(tx, store_id=store_id, since=span.start, now=now)
    return {
        "business_date": business_date,
        "starts_at": span.start,
        "ends_at": span.end,
        "open": [{"starts_at": part.start, "ends_at": part.end} for part in calendar.open_spans(span.start, span.end)],
        "at": now,
        "bucket_s": queries.BUCKET_S,
        **{name: [row[name] for row in rows] for name in SERIES},
    }
