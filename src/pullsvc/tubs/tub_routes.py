"""The tubs themselves over HTTP: their plates, what they hold, where they are."""

from typing import Annotated, Any

from fastapi import APIRouter, Response

from pullsvc.access.edge import Act, Caller, keyed, may
from pullsvc.access.rules import Perm
from pullsvc.catalog.views import ScannedPlace
from pullsvc.tubs import queries, registry, rules, views
from pullsvc.web.deps import Db
from pullsvc.web.etags import IfMatch, etag
from pullsvc.web.pages import Page, Paging

router = APIRouter(prefix="/v1/stores/{store_id}", tags=["tubs"])

MAX_KINDS = 8

Reader = Annotated[Caller, may(Perm.READ)]


@router.get("/tubs", response_model=Page[views.TubView])
async def list_tubs(caller: Reader, db: Db, page: Paging, state: rules.TubState | None = None) -> dict[str, Any]:
    """List the store's tubs and where they are."""
    (after,) = page.key(str)
    async with db.read() as tx:
        rows = await tx.rows(queries.TUBS, store_id=caller.store_id, state=state, after=after, limit=page.limit + 1)
    return page.page(rows, lambda row: (row.tub,), lambda row: row._asdict())


@router.get("/tubs/{tub}", response_model=views.TubView)
async def get_tub(tub: ScannedPlace, caller: Reader, db: Db, response: Response) -> dict[str, Any]:
    """Show a tub, and the task that it is on."""
    async with db.read() as tx:
        row = await tx.row(queries.TUB, store_id=caller.store_id, tub=tub)
    if row is None:
        raise rules.NoSuchTub(f"{tub} is not a tub of this store.", tub=tub)
    response.headers["ETag"] = etag(row.version)
    return row._asdict()


@router.get("/tub-kinds", response_model=views.TubKinds)
async def list_tub_kinds(caller: Reader, db: Db) -> dict[str, Any]:
    """List what sizes of tubs there are, to choose from when one is registered."""
    async with db.read() as tx:
        rows = await tx.rows(queries.TUB_KINDS, store_id=caller.store_id, limit=MAX_KINDS)
    usual = {"volume_ml": views.DEFAULT_VOLUME_ML, "weight_g": views.DEFAULT_WEIGHT_G, "tubs": 0}
    return {"kinds": [row._asdict() for row in rows] or [usual]}


@router.post("/tubs", status_code=201, response_model=views.TubView, responses={200: {"model": views.TubView}})
async def register_tub(body: views.NewTubBody, act: Annotated[Act, keyed(Perm.WORK)], db: Db) -> Response:
    """Register the tub that somebody has in hand, by its plate; one that is known stays as it is."""
    async with act.begin(db) as tx:
        row, created = await registry.register_tub(
            tx, act.caller.stamp(), tub=body.tub, volume_ml=body.volume_ml, weight_g=body.weight_g
        )
        return act.answer(tx, views.TubView.model_validate(row._asdict()), status=201 if created else 200)


@router.post("/tub-batches", status_code=201, response_model=views.TubBatch)
async def make_tubs(body: views.NewTubsBody, act: Annotated[Act, keyed(Perm.LEAD)], db: Db) -> Response:
    """Register tubs under the next free plates, TUB-0001 and on; then print their labels and stick them on."""
    async with act.begin(db) as tx:
        rows = await registry.make_tubs(
            tx, act.caller.stamp(), count=body.count, volume_ml=body.volume_ml, weight_g=body.weight_g
        )
        made = views.TubBatch(tubs=[views.TubView.model_validate(row._asdict()) for row in rows])
        return act.answer(tx, made, status=201)


@router.put("/tubs/{tub}", response_model=views.TubView, responses={201: {"model": views.TubView}})
async def put_tub(
    tub: ScannedPlace,
    body: views.TubBody,
    caller: Annotated[Caller, may(Perm.LEAD)],
    db: Db,
    response: Response,
    if_match: IfMatch = None,
) -> dict[str, Any]:
    """Register a tub by its plate, or change what it holds."""
    async with db.begin() as tx:
        row, created = await registry.save_tub(
            tx,
            caller.stamp(),
            tub=tub,
            volume_ml=body.volume_ml,
            weight_g=body.weight_g,
            active=body.active,
            if_match=if_match,
        )
    response.status_code = 201 if created else 200
    response.headers["ETag"] = etag(row.version)
    return row._asdict()
