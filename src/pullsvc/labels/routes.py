"""Labels over HTTP: downloads for any printer, and for label printers."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from pullsvc.access.edge import Caller, may
from pullsvc.access.rules import Perm
from pullsvc.labels import pdf, rules, views, zpl
from pullsvc.labels.actions import Subject, choose, choose_badges
from pullsvc.labels.rules import Label
from pullsvc.labels.stocks import STOCKS
from pullsvc.web.deps import Db

router = APIRouter(prefix="/v1/stores/{store_id}/labels", tags=["labels"])

Lead = Annotated[Caller, may(Perm.LEAD)]

FILES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The labels, as a file to print.",
        "content": {
            "application/pdf": {"schema": {"type": "string", "format": "binary"}},
            "text/plain": {"schema": {"type": "string", "description": "ZPL II"}},
        },
    }
}


@router.get("", response_model=views.Printables)
async def list_label_stocks(_: Lead) -> dict[str, Any]:
    """List what labels can be printed on, and the commands that a handheld knows as cards."""
    stocks = [
        {
            "stock": name,
            "title": stock.title,
            "width_mm": stock.label[0],
            "height_mm": stock.label[1],
            "labels_a_page": stock.labels_a_page,
            "is_roll": stock.is_roll,
        }
        for name, stock in STOCKS.items()
    ]
    commands = [
        {"scan": rules.of_command(one).scan, "word": one.word, "english": one.english, "spanish": one.spanish}
        for one in rules.COMMANDS
    ]
    return {"stocks": stocks, "commands": commands, "max_labels": rules.MAX_LABELS}


@router.get("/badges", response_class=Response, responses=FILES)
async def print_badges(
    chosen: Annotated[views.Printing, Query()],
    caller: Annotated[Caller, may(Perm.MANAGE)],
    db: Db,
    request: Request,
) -> Response:
    """Print badges of people who may sign in; kind and zone choose nothing here."""
    async with db.read() as tx:
        labels = await choose_badges(tx, chosen.choice(), store_id=caller.store_id)
    return await _file(request, caller, "badges", labels, chosen)


@router.get("/{subject}", response_class=Response, responses=FILES)
async def print_labels(
    subject: Subject,
    chosen: Annotated[views.Printing, Query()],
    caller: Lead,
    db: Db,
    request: Request,
) -> Response:
    """Print labels: a QR code, bars for laser scanners where they fit, and words to read at arm's length."""
    async with db.read() as tx:
        labels = await choose(tx, subject, chosen.choice(), store_id=caller.store_id)
    return await _file(request, caller, subject, labels, chosen)


async def _file(
    request: Request, caller: Caller, name: str, labels: Sequence[Label], chosen: views.Printing
) -> Response:
    """Return the labels as a file to be saved; made on a thread, as a hundred of them take a third of a second."""
    stock = STOCKS[chosen.stock]
    headers = {"content-disposition": f'attachment; filename="{name}-{caller.store_id}.{chosen.form}"'}
    if chosen.form is views.Form.ZPL:
        text = await asyncio.to_thread(zpl.render, labels, stock, dpi=chosen.dpi, copies=chosen.copies)
        return Response(text, media_type="text/plain; charset=utf-8", headers=headers)
    repeated = [label for label in labels for _ in range(chosen.copies)]
    used = chosen.skip % stock.labels_a_page
    font = request.app.state.settings.label_font
    document = await asyncio.to_thread(pdf.render, repeated, stock, skip=used, font=font, now=caller.now)
    return Response(document, media_type="application/pdf", headers=headers)
