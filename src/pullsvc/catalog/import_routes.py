"""Bulk import over HTTP."""

import asyncio
import io
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from pullsvc.access.edge import Caller, may
from pullsvc.access.rules import Perm
from pullsvc.catalog import imports, views
from pullsvc.catalog.imports import Media, OnlyTried, What
from pullsvc.web.deps import Db
from pullsvc.web.problems import TITLES, problem

router = APIRouter(prefix="/v1/stores/{store_id}", tags=["catalog"])

CSV_EXAMPLE = "sku,description,department,case_pack,attributes\n1082185,Oat drink 1 l,grocery,12,fragile;heavy\n"
NDJSON_EXAMPLE = '{"sku": "1082185", "description": "Oat drink 1 l", "department": "grocery", "case_pack": 12}\n'
BODY = {
    "requestBody": {
        "required": True,
        "description": "UTF-8, at most 32 MiB and 200,000 rows. CSV begins with a header, which tells whether commas, "
        "semicolons or tabs separate; an apostrophe before =, +, - or @ is not a part of the text. A column left "
        "out, or an empty cell, takes the default of the field.",
        "content": {
            Media.CSV.value: {"schema": {"type": "string"}, "example": CSV_EXAMPLE},
            Media.NDJSON.value: {"schema": {"type": "string"}, "example": NDJSON_EXAMPLE},
        },
    }
}
UNSUPPORTED: dict[int | str, dict[str, Any]] = {
    415: {
        "description": "Neither CSV nor NDJSON in UTF-8, or compressed",
        "content": {"application/problem+json": {"schema": {"type": "object"}}},
    }
}


@router.post("/imports/{what}", response_model=views.ImportResult, responses=UNSUPPORTED, openapi_extra=BODY)
async def import_catalog(
    what: What,
    caller: Annotated[Caller, may(Perm.MANAGE)],
    db: Db,
    request: Request,
    dry_run: Annotated[bool, Query(description="Say what it would do, and change nothing.")] = False,
) -> Any:
    """Create or change items, barcodes, locations or placements from a file: all of it or nothing.

    Sending the same file again changes nothing. An error names its row, its column and the reason; the first 100 are
    listed. Import items and locations before what refers to them.
    """
    media = _media_of(request)
    if media is None:
        code, title = TITLES[415]
        return problem(415, code=code, title=title, detail="Send text/csv or application/x-ndjson, as plain UTF-8.")
    lines = io.BytesIO(await request.body())
    rows = await asyncio.to_thread(imports.read_rows, what, media, lines)
    try:
        async with db.begin() as tx:
            counts = await imports.import_rows(tx, caller.stamp(), what, rows)
            if dry_run:
                raise OnlyTried(counts)
    except OnlyTried as tried:
        counts = tried.counts
    return {**asdict(counts), "dry_run": dry_run}


def _media_of(request: Request) -> Media | None:
    """Return how the body says that it is written; None when that is nothing we read."""
    name, *parameters = (part.strip().lower() for part in request.headers.get("content-type", "").split(";"))
    plain = request.headers.get("content-encoding", "identity").lower() == "identity"
    utf8 = all(
        value.strip('"') in ("utf-8", "utf8", "us-ascii")
        for key, _, value in (parameter.partition("=") for parameter in parameters)
        if key == "charset"
    )
    return Media(name) if plain and utf8 and name in set(Media) else None
