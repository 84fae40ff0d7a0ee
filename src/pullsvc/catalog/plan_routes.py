"""What a manager edits in one go: many lines of the planogram, the store's hours, and files of the catalog out."""

import asyncio
from typing import Annotated, Any, Self

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field, model_validator

from pullsvc.access.edge import Caller, may
from pullsvc.access.rules import Perm
from pullsvc.catalog import actions, exports, model, queries, views
from pullsvc.catalog.imports import What
from pullsvc.catalog.planogram import MAX_EDITS, Edit, edit_placements
from pullsvc.web.bodies import Body
from pullsvc.web.deps import Db, Name
from pullsvc.web.etags import IfMatch, check_version, etag

router = APIRouter(prefix="/v1/stores/{store_id}", tags=["catalog"])

Manager = Annotated[Caller, may(Perm.MANAGE)]
Qty = Annotated[int, Field(ge=1, le=model.MAX_CAPACITY_QTY)]
ETAG = {"ETag": {"description": "The version; send it as If-Match to change it.", "schema": {"type": "string"}}}
EDITED: dict[int | str, dict[str, Any]] = {
    412: {"description": "Lines changed meanwhile", "content": {"application/problem+json": {"schema": {}}}}
}
FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "CSV with a header, in UTF-8"}
}


class PlacementEdit(Body):
    """What to change of a line of the planogram; what is left out stays."""

    location: views.PlaceCode
    sku: views.Sku
    version: int = Field(ge=1, description="What the edit is based on.", examples=[3])
    capacity: Qty | None = Field(default=None, description="How many fit.", examples=[24])
    presentation_min: Annotated[int, Field(ge=0, le=model.MAX_CAPACITY_QTY)] | None = Field(default=None, examples=[4])
    facings: Qty | None = Field(default=None, examples=[3])

    def edit(self) -> Edit:
        """Return what the body says."""
        return Edit(self.location, self.sku, self.version, self.capacity, self.presentation_min, self.facings)


class PlacementEdits(Body):
    """Lines to change together: all or none."""

    edits: list[PlacementEdit] = Field(min_length=1, max_length=MAX_EDITS)

    @model_validator(mode="after")
    def _each_line_once(self) -> Self:
        if len({(edit.location, edit.sku) for edit in self.edits}) < len(self.edits):
            raise ValueError("a line is there twice")
        return self


class EditedPlacements(BaseModel):
    """The lines as they are now, in the order of the edits."""

    items: list[views.Placement]


class StoreEdit(Body):
    """What a manager may change of a store; what is left out stays."""

    name: Name | None = Field(default=None, examples=["Main Street"])
    opening_hours: views.OpeningHours | None = None


@router.patch("/placements", response_model=EditedPlacements, responses=EDITED)
async def edit_many_placements(caller: Manager, db: Db, body: PlacementEdits) -> Any:
    """Change capacities, minima and facings of many lines, each based on its version: all of them or none."""
    async with db.begin() as tx:
        rows = await edit_placements(tx, caller.stamp(), [edit.edit() for edit in body.edits])
    return {"items": rows}


@router.patch("", response_model=views.Store, responses={200: {"headers": ETAG}})
async def edit_store(caller: Manager, db: Db, body: StoreEdit, response: Response, if_match: IfMatch = None) -> Any:
    """Change a store's name or opening hours; its time zone and the beginning of its day are for the chain to set."""
    async with db.begin() as tx:
        based_on = await actions.lock_store(tx, store_id=caller.store_id)
        check_version(if_match, current=based_on)
        row = await tx.one(queries.GET_STORE, store_id=caller.store_id)
        hours = body.opening_hours if body.opening_hours is not None else row.opening_hours
        data = model.StoreData(
            name=body.name or row.name,
            time_zone=row.time_zone,
            opening_hours=model.whole_week(hours),
            day_starts_at=row.day_starts_at,
        )
        saved = await actions.put_store(tx, caller.stamp(), data, based_on=based_on)
    response.headers["ETag"] = etag(saved.version)
    return saved


@router.get("/exports/{what}", response_class=Response, responses=FILE)
async def export_catalog(what: What, caller: Manager, db: Db) -> Response:
    """Write items, barcodes, locations or placements to a CSV file that can be edited and imported again."""
    async with db.read() as tx:
        rows = await exports.read_catalog(tx, store_id=caller.store_id, what=what)
    text = await asyncio.to_thread(exports.csv_of, what, rows)
    headers = {"content-disposition": f'attachment; filename="{what}-{caller.store_id}.csv"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)
