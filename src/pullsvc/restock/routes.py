"""The watch over HTTP: how it is set, and what it thinks of an item."""

from typing import Annotated, Any

from fastapi import APIRouter, Response

from pullsvc.access.edge import Caller, may
from pullsvc.access.rules import Perm
from pullsvc.catalog.actions import get_item
from pullsvc.catalog.routes import READ, Sku
from pullsvc.db import Row
from pullsvc.restock import actions, queries, views
from pullsvc.restock.rules import Settings
from pullsvc.web.deps import Db
from pullsvc.web.etags import IfMatch, check_version, etag

router = APIRouter(prefix="/v1/stores/{store_id}", tags=["restock"])

Reader = Annotated[Caller, may(Perm.READ)]
Manager = Annotated[Caller, may(Perm.MANAGE)]

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
