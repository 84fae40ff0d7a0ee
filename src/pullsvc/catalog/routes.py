"""The catalog over HTTP: stores, items with their barcodes, locations, placements, and what a scan is."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import AfterValidator

from pullsvc.access.edge import Caller, StoreId, ThePrincipal, may, may_in_chain
from pullsvc.access.rules import Perm, Principal
from pullsvc.catalog import actions, import_routes, plan_routes, queries, rules, views
from pullsvc.catalog.model import PlaceKind
from pullsvc.outbox.actions import Stamp
from pullsvc.web.deps import Db, Now, printable
from pullsvc.web.etags import IfMatch, check_version, etag
from pullsvc.web.pages import Page, Paging

MAX_ITEMS_NAMED = 60

stores = APIRouter(prefix="/v1/stores", tags=["catalog"])
rooms = APIRouter(prefix="/v1/stores/{store_id}", tags=["catalog"])

Reader = Annotated[Caller, may(Perm.READ)]
Manager = Annotated[Caller, may(Perm.MANAGE)]
ChainAdmin = Annotated[Principal, may_in_chain(Perm.CHAIN)]

Sku = Annotated[str, Path(pattern=views.OWN_CODE, description="SKU.", examples=["1082185"])]
Place = Annotated[str, Path(pattern=views.OWN_CODE, description="Location, as on its label.", examples=["A07-3"])]
Scanned = Annotated[views.ScannedCode, Query(examples=["]C10109521234543213"])]
Filter = Annotated[str, Query(min_length=1, max_length=40), AfterValidator(printable)]
Skus = Annotated[list[Filter] | None, Query(max_length=MAX_ITEMS_NAMED, description="Only these.")]

ETAG = {"ETag": {"description": "The version; send it as If-Match to change it.", "schema": {"type": "string"}}}
READ: dict[int | str, dict[str, Any]] = {200: {"headers": ETAG}}
SAVED: dict[int | str, dict[str, Any]] = {200: {"headers": ETAG}, 201: {"description": "Created", "headers": ETAG}}


def _tagged(response: Response, version: int, *, based_on: int = 1) -> None:
    """Say which version this is, and that it is new when it was based on none."""
    response.headers["ETag"] = etag(version)
    if not based_on:
        response.status_code = 201


@stores.get("", response_model=Page[views.Store])
async def list_stores(principal: ThePrincipal, db: Db, page: Paging) -> dict[str, Any]:
    """List the stores that the caller has to do with."""
    mine = None if principal.chain_role else sorted(principal.roles)
    (after,) = page.key(int)
    async with db.read() as tx:
        rows = await tx.rows(queries.LIST_STORES, store_ids=mine, after=after, limit=page.limit + 1)
    return page.page(rows, lambda row: (row.store_id,), lambda row: row._asdict())


@stores.get("/{store_id}", response_model=views.Store, responses=READ)
async def get_store(caller: Reader, db: Db, response: Response) -> Any:
    """Show a store."""
    async with db.read() as tx:
        row = await tx.one(queries.GET_STORE, store_id=caller.store_id)
    _tagged(response, row.version)
    return row


@stores.put("/{store_id}", response_model=views.Store, responses=SAVED)
async def put_store(
    store_id: StoreId,
    body: views.StoreBody,
    principal: ChainAdmin,
    db: Db,
    now: Now,
    response: Response,
    if_match: IfMatch = None,
) -> Any:
    """Create a store with its built-in places, or change it."""
    stamp = Stamp(store_id=store_id, principal_id=principal.principal_id, now=now, occurred_at=now)
    async with db.begin() as tx:
        based_on = await actions.lock_store(tx, store_id=store_id)
        check_version(if_match, current=based_on or None)
        saved = await actions.put_store(tx, stamp, body.data(), based_on=based_on)
    _tagged(response, saved.version, based_on=based_on)
    return saved


@rooms.get("/lookup", response_model=views.Lookup)
async def look_up_code(caller: Reader, db: Db, code: Scanned) -> Any:
    """Tell what a scanned code is: an item with its shelf, a tub or a location."""
    async with db.read() as tx:
        return await actions.look_up(tx, store_id=caller.store_id, code=code)


@rooms.get("/items", response_model=Page[views.Item])
async def list_items(
    caller: Reader,
    db: Db,
    page: Paging,
    department: Filter | None = None,
    active: bool | None = None,
    sku: Skus = None,
    q: Filter | None = None,
) -> dict[str, Any]:
    """List items with their barcodes: all, those named, or those whose description has every word of `q`."""
    (after,) = page.key(str)
    async with db.read() as tx:
        rows = await tx.rows(
            queries.LIST_ITEMS,
            store_id=caller.store_id,
            department=department,
            active=active,
            skus=sku,
            words=rules.like_words(q) if q else None,
            after=after,
            limit=page.limit + 1,
        )
    return page.page(rows, lambda row: (row.sku,), lambda row: row._asdict())


@rooms.get("/items/{sku}", response_model=views.Item, responses=READ)
async def get_item(caller: Reader, db: Db, sku: Sku, response: Response) -> Any:
    """Show an item with its barcodes."""
    async with db.read() as tx:
        row = await actions.get_item(tx, store_id=caller.store_id, sku=sku)
    _tagged(response, row.version)
    return row


@rooms.put("/items/{sku}", response_model=views.Item, responses=SAVED)
async def put_item(
    caller: Manager,
    db: Db,
    sku: Sku,
    body: views.WholeItemBody,
    response: Response,
    if_match: IfMatch = None,
) -> Any:
    """Create or change an item; its barcodes become exactly those given."""
    async with db.begin() as tx:
        based_on = await actions.lock_item(tx, store_id=caller.store_id, sku=sku)
        check_version(if_match, current=based_on or None)
        saved = await actions.put_item(tx, caller.stamp(), body.item(sku), barcodes=body.codes(sku), based_on=based_on)
    _tagged(response, saved.version, based_on=based_on)
    return saved


@rooms.delete("/items/{sku}", status_code=204)
async def retire_item(caller: Manager, db: Db, sku: Sku, if_match: IfMatch = None) -> None:
    """Take an item out of the range; its history, stock and barcodes stay."""
    async with db.begin() as tx:
        based_on = await actions.lock_item(tx, store_id=caller.store_id, sku=sku)
        if based_on:
            check_version(if_match, current=based_on)
        await actions.retire_item(tx, caller.stamp(), sku=sku, based_on=based_on)


@rooms.get("/locations", response_model=Page[views.Location])
async def list_locations(
    caller: Reader,
    db: Db,
    page: Paging,
    kind: PlaceKind | None = None,
    zone: Filter | None = None,
    active: bool | None = None,
) -> dict[str, Any]:
    """List locations."""
    (after,) = page.key(str)
    async with db.read() as tx:
        rows = await tx.rows(
            queries.LIST_LOCATIONS,
            store_id=caller.store_id,
            kind=kind.value if kind else None,
            zone=zone,
            active=active,
            after=after,
            limit=page.limit + 1,
        )
    return page.page(rows, lambda row: (row.location,), lambda row: row._asdict())


@rooms.get("/locations/{location}", response_model=views.Location, responses=READ)
async def get_location(caller: Reader, db: Db, location: Place, response: Response) -> Any:
    """Show a location."""
    async with db.read() as tx:
        found = await actions.get_location(tx, store_id=caller.store_id, location=location)
    _tagged(response, found.version)
    return found


@rooms.put("/locations/{location}", response_model=views.Location, responses=SAVED)
async def put_location(
    caller: Manager,
    db: Db,
    location: Place,
    body: views.LocationBody,
    response: Response,
    if_match: IfMatch = None,
) -> Any:
    """Create or change a location, or put it back into use; its kind cannot change."""
    async with db.begin() as tx:
        current = await actions.lock_location(tx, store_id=caller.store_id, location=location)
        check_version(if_match, current=current.version if current else None)
        actions.refuse_tub(body.kind)
        saved = await actions.put_location(tx, caller.stamp(), body.place(location), current=current)
    _tagged(response, saved.version, based_on=current.version if current else 0)
    return saved


@rooms.delete("/locations/{location}", status_code=204)
async def retire_location(caller: Manager, db: Db, location: Place, if_match: IfMatch = None) -> None:
    """Take an empty location out of use and off the planogram; its history stays."""
    async with db.begin() as tx:
        current = await actions.lock_location(tx, store_id=caller.store_id, location=location)
        if current:
            check_version(if_match, current=current.version)
        await actions.retire_location(tx, caller.stamp(), location=location, current=current)


@rooms.get("/placements", response_model=Page[views.Placement])
async def list_placements(
    caller: Reader,
    db: Db,
    page: Paging,
    location: Filter | None = None,
    sku: Filter | None = None,
    zone: Filter | None = None,
) -> dict[str, Any]:
    """List the planogram, by shelf."""
    after_location, after_sku = page.key(str, str)
    async with db.read() as tx:
        rows = await tx.rows(
            queries.LIST_PLACEMENTS,
            store_id=caller.store_id,
            location=location,
            sku=sku,
            zone=zone,
            after_location=after_location,
            after_sku=after_sku,
            limit=page.limit + 1,
        )
    return page.page(rows, lambda row: (row.location, row.sku), lambda row: row._asdict())


@rooms.get("/placements/{location}/{sku}", response_model=views.Placement, responses=READ)
async def get_placement(caller: Reader, db: Db, location: Place, sku: Sku, response: Response) -> Any:
    """Show how much of an item a shelf holds."""
    async with db.read() as tx:
        row = await actions.get_placement(tx, store_id=caller.store_id, location=location, sku=sku)
    _tagged(response, row.version)
    return row


@rooms.put("/placements/{location}/{sku}", response_model=views.Placement, responses=SAVED)
async def put_placement(
    caller: Manager,
    db: Db,
    location: Place,
    sku: Sku,
    body: views.PlacementBody,
    response: Response,
    if_match: IfMatch = None,
) -> Any:
    """Plan an item for a shelf, or change the plan."""
    async with db.begin() as tx:
        based_on = await actions.lock_placement(tx, store_id=caller.store_id, location=location, sku=sku)
        check_version(if_match, current=based_on or None)
        saved = await actions.put_placement(tx, caller.stamp(), body.line(location, sku), based_on=based_on)
    _tagged(response, saved.version, based_on=based_on)
    return saved


@rooms.delete("/placements/{location}/{sku}", status_code=204)
async def remove_placement(caller: Manager, db: Db, location: Place, sku: Sku, if_match: IfMatch = None) -> None:
    """Take an item off a shelf's plan; units that stand there stay in the books."""
    async with db.begin() as tx:
        based_on = await actions.lock_placement(tx, store_id=caller.store_id, location=location, sku=sku)
        if based_on:
            check_version(if_match, current=based_on)
        await actions.remove_placement(tx, caller.stamp(), location=location, sku=sku, based_on=based_on)


router = APIRouter()
router.include_router(stores)
router.include_router(rooms)
router.include_router(import_routes.router)
router.include_router(plan_routes.router)
