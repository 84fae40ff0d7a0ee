"""The watch over HTTP: how it is set, and what it thinks of an item."""

from typing import Annotated, Any

from fastapi import APIRouter, Response

from pullsvc.access.edge import Caller, may
from pullsvc.access.rules import Perm
from pullsvc.catalog.actions import get_item
from pullsvc.catalog.routes import READ, Sku
from pullsvc.restock import actions, views
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
    version = row.version if row else DEFAULT_VERSION
    response.headers["ETag"] = etag(version)
    return {
        "enabled": settings.enabled,
        "safety": settings.safety,
        "lead_default_s": settings.lead_default_s,
        "version": version,
        "updated_at": row.updated_at if row and version > DEFAULT_VERSION else None,
    }


@router.put("/watch-settings", response_model=views.WatchSettings, responses=READ)
async def put_watch_settings(
    caller: Manager, db: Db, body: views.WatchSettingsBody, response: Response, if_match: IfMatch = None
) -> Any:
    """Change how the store wants its watch; it holds from the next run on."""
    stamp = caller.stamp()
    async with db.begin() as tx:
        check_version(if_match, current=await actions.lock_settings(tx, stamp))
        saved = await actions.change_settings(tx, stamp, body.settings())
    response.headers["ETag"] = etag(saved.version)
    return saved


@router.get("/watch/{sku}", response_model=views.WatchedItem)
async def get_watched_item(caller: Reader, db: Db, sku: Sku) -> dict[str, Any]:
    """Tell what the watch thinks of an item: how fast it sells, how long it lasts, when it is pulled."""
    async with db.read() as tx:
        item = await get_item(tx, store_id=caller.store_id, sku=sku)
        return await actions.look_at_item(tx, caller.stamp(), sku=item.sku)
