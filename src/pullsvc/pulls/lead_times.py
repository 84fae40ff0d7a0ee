"""How long a store takes from an ask to the shelf, as this process measured it last.

Measuring reads some hundreds of pulls, and a new one hardly changes what two hundred say: so it is done now and then.
"""

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Depends, Request

from pullsvc.db import Database
from pullsvc.pulls import queries
from pullsvc.pulls.rules import LeadTimes

BELIEVED_FOR = timedelta(minutes=2)
MAX_STORES_KEPT = 10_000


class LeadBook:
    """The lead times of the stores that this process serves."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, tuple[datetime, LeadTimes]] = OrderedDict()

    async def of(self, db: Database, *, store_id: int, now: datetime) -> LeadTimes:
        """Return the store's lead times, not older than BELIEVED_FOR; call it outside of a transaction."""
        kept = self._kept.get(store_id)
        if kept and abs(now - kept[0]) < BELIEVED_FOR:
            return kept[1]
        if kept:
            self._keep(store_id, kept[1], now)  # Those who come meanwhile go by the old ones, and do not measure too.
        async with db.read() as tx:
            lead = await queries.lead_times(tx, store_id=store_id)
        self._keep(store_id, lead, now)
        return lead

    def _keep(self, store_id: int, lead: LeadTimes, now: datetime) -> None:
        self._kept[store_id] = now, lead
        self._kept.move_to_end(store_id)
        if len(self._kept) > MAX_STORES_KEPT:
            self._kept.popitem(last=False)


async def _lead_book(request: Request) -> LeadBook:
    book: LeadBook = request.app.state.lead_times
    return book


Leads = Annotated[LeadBook, Depends(_lead_book)]
