"""The watch over HTTP: how it is set, and what it thinks of an item."""

import asyncio
from collections.abc import Sequence
from functools import reduce
from typing import Annotated, Any

from fastapi import APIRouter, Response

from pullsvc.access.edge import Act, Caller, keyed, may
from pullsvc.access.rules import Perm
from pullsvc.catalog.actions import get_item
from pullsvc.catalog.routes import READ, Sku
from pullsvc.db import Row
from pullsvc.errors import Busy
from pullsvc.restock import actions, looking, queries, views, wrongs
from pullsvc.restock.past import past_days
from pullsvc.restock.rehearsal import Outcome, PastDay, rehearse
from pullsvc.restock.settings import Settings
from pullsvc.web.deps import Db, PathId
from pullsvc.web.etags import IfMatch, check_version, etag

router = APIRouter(prefix="/v1/stores/{store_id}", tags=["restock"])

Reader = Annotated[Caller, may(Perm.READ)]
Manager = Annotated[Caller, may(Perm.MANAGE)]
Putter = Annotated[Act, keyed(Perm.PUT)]
Stocker = Annotated[Act, keyed(Perm.STOCK)]

REHEARSING = asyncio.Lock()  # One at a time in a process: it takes seconds of a core.
DEFAULT_VERSION = 1  # Of settings that nobody has changed, whether the watch has written them down yet or not.


@router.get("/watch-settings", response_model=views.WatchSettings, responses=READ)
async def get_watch_settings(caller: Reader, db: Db, response: Response) -> Any:
    """Show how the store wants its watch."""
    async with db.read() as tx:
        settings, row = await actions.get_settings(tx, caller.stamp())
    return _shown(settings, row, response)


@router.put("/watch-settings", response_model=views.WatchSettings, responses=READ)
async def put_watch_settings(
    caller: Manager, db: Db, body: views.WatchSettingsBody, response: Response, if_match: IfMatch = None
) -> Any:
    """Change how the store wants its watch; it holds from the next run on."""
    stamp = caller.stamp()
    async with db.begin() as tx:
        check_version(if_match, current=await actions.lock_settings(tx, stamp))
        await actions.change_settings(tx, stamp, body.settings())
        settings, row = await actions.get_settings(tx, stamp)
    return _shown(settings, row, response)


@router.post("/watch-settings/rehearsals", response_model=views.Rehearsal)
async def rehearse_watch_settings(caller: Manager, db: Db, body: views.RehearsalBody) -> dict[str, Any]:
    """Tell what would have happened on the last days with these settings; nothing is saved.

    The watch is played over the days' own sales, with the settings as they are and as they would be.
    """
    if REHEARSING.locked():
        raise Busy("Another rehearsal is going on; send the request again.")
    async with REHEARSING:
        async with db.read() as tx:
            held = await looking.see(tx, store_id=caller.store_id, now=caller.now)
            days = await past_days(tx, store_id=caller.store_id, held=held, days=body.days, now=caller.now)
        # In a thread, so that this process goes on answering others.
        present, changed = await asyncio.to_thread(_rehearse, days, held.settings, body.settings())
    return {
        "days": len(days),
        "asked_units": present.asked_units,
        "present": _told(present),
        "changed": _told(changed),
    }


def _rehearse(days: Sequence[PastDay], *settings: Settings) -> list[Outcome]:
    return [reduce(Outcome.plus, (rehearse(day, one) for day in days), Outcome()) for one in settings]


def _told(outcome: Outcome) -> dict[str, Any]:
    asked = max(outcome.asked_units, 1)
    return {
        "pulls": outcome.pulls,
        "units": outcome.units,
        "lost_units": outcome.lost_units,
        "availability": round(1 - outcome.lost_units / asked, 4),
        "work_min": round(outcome.work_s / 60),
    }


def _shown(settings: Settings, row: Row | None, response: Response) -> dict[str, Any]:
    version = row.version if row else DEFAULT_VERSION
    response.headers["ETag"] = etag(version)
    changed = row if row and version > DEFAULT_VERSION else None
    return {
        **queries.said(settings),
        "version": version,
        "updated_at": changed.updated_at if changed else None,
        "updated_by": changed.updated_by if changed else None,
    }


@router.get("/watch/{sku}", response_model=views.WatchedItem)
async def get_watched_item(caller: Reader, db: Db, sku: Sku) -> dict[str, Any]:
    """Tell what the watch thinks of an item: how fast it sells, how long it lasts, when it is pulled."""
    async with db.read() as tx:
        item = await get_item(tx, store_id=caller.store_id, sku=sku)
        return await actions.look_at_item(tx, caller.stamp(), sku=item.sku)


@router.post("/pulls/{pull_id}/wrongs", status_code=201, response_model=views.WrongSaid)
async def tell_wrong(pull_id: PathId, body: views.WrongBody, act: Putter, db: Db) -> Response:
    """Tell that a pull of the watch was wrong; what the watch believes of shelf or bin changes at once."""
    stamp = act.caller.stamp()
    async with act.begin(db) as tx:
        told = await wrongs.tell_wrong(
            tx, stamp, pull_id=pull_id, kind=body.kind, seen_qty=body.seen_qty, note=body.note
        )
        return act.answer(tx, views.WrongSaid.model_validate(told._asdict()), status=201)


@router.get("/pulls/{pull_id}/wrongs", response_model=views.WrongList)
async def list_wrongs_of_pull(caller: Reader, db: Db, pull_id: PathId) -> dict[str, Any]:
    """Show what people said of a pull of the watch."""
    async with db.read() as tx:
        return {"items": await wrongs.wrongs(tx, store_id=caller.store_id, pull_id=pull_id, sku=None)}


@router.get("/watch/{sku}/wrongs", response_model=views.WrongList)
async def list_wrongs_of_item(caller: Reader, db: Db, sku: Sku) -> dict[str, Any]:
    """Show what people said of the pulls of an item."""
    async with db.read() as tx:
        item = await get_item(tx, store_id=caller.store_id, sku=sku)
        return {"items": await wrongs.wrongs(tx, store_id=caller.store_id, pull_id=None, sku=item.sku)}


@router.post("/expected-deliveries", status_code=201, response_model=views.Delivery)
async def expect_delivery(body: views.DeliveryBody, act: Stocker, db: Db) -> Response:
    """Tell when a delivery is expected; an hour before, and until it is unloaded, routine pulls wait."""
    stamp = act.caller.stamp()
    async with act.begin(db) as tx:
        row = await wrongs.expect(tx, stamp, reference=body.reference, due_at=body.due_at)
        return act.answer(tx, views.Delivery.model_validate(row._asdict()), status=201)


@router.post("/expected-deliveries/{reference}/arrivals", status_code=201, response_model=views.Delivery)
async def delivery_arrived(reference: views.Reference, act: Stocker, db: Db) -> Response:
    """Tell that a delivery has arrived and is unloaded."""
    stamp = act.caller.stamp()
    async with act.begin(db) as tx:
        row = await wrongs.arrive(tx, stamp, reference=reference)
        return act.answer(tx, views.Delivery.model_validate(row._asdict()), status=201)


@router.get("/expected-deliveries", response_model=views.DeliveryList)
async def list_expected_deliveries(caller: Reader, db: Db) -> dict[str, Any]:
    """Show the deliveries that are expected, and those that arrived last."""
    async with db.read() as tx:
        return {"items": await wrongs.deliveries(tx, store_id=caller.store_id)}
