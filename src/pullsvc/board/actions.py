"""Put the board's snapshot together."""

from datetime import datetime, timedelta
from typing import Any

from pullsvc.board import queries
from pullsvc.db import Tx
from pullsvc.demand.queries import calendar_of
from pullsvc.feed.queries import horizon

A_MOMENT = timedelta(seconds=1)


async def snapshot(tx: Tx, *, store_id: int, now: datetime) -> dict[str, Any]:
    """Return the store as it is on this transaction's snapshot, with the cursor from which the stream goes on.

    An event that is in the snapshot already may come again on the stream; none is ever missed.
    """
    store = await queries.store(tx, store_id=store_id)
    calendar = calendar_of(store)
    business_date = calendar.business_date(now)
    since = calendar.business_day(business_date).start
    position = await horizon(tx, now=now)
    part = {"store_id": store_id}
    return {
        "store_id": store_id,
        "name": store.name,
        "time_zone": store.time_zone,
        "at": now,
        "business_date": business_date,
        "open": calendar.open_h(now, now + A_MOMENT) > 0,
        "cursor": position.cursor(),
        "at_risk": await queries.listing(tx, queries.AT_RISK, limit=queries.MAX_AT_RISK, **part),
        "zones": await queries.listing(tx, queries.ZONES, now=now, **part),
        "pulls": await queries.listing(tx, queries.PULLS, limit=queries.MAX_PULLS, **part),
        "tasks": await queries.listing(tx, queries.TASKS, limit=queries.MAX_TASKS, **part),
        "lanes": await queries.listing(tx, queries.LANES, **part),
        "shorts": await queries.listing(tx, queries.SHORTS, since=since, limit=queries.MAX_SHORTS, **part),
        "discrepancies": await queries.listing(tx, queries.DISCREPANCIES, limit=queries.MAX_DISCREPANCIES, **part),
        "today": await queries.today(tx, since=since, business_date=business_date, **part),
    }
