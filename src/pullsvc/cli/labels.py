"""`labels`: print what is stuck on tubs and places, badges, and cards with commands."""

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pullsvc.access.queries import store_exists
from pullsvc.access.rules import NoSuchStore
from pullsvc.catalog.model import PlaceKind
from pullsvc.cli import runtime
from pullsvc.cli.runtime import JsonFlag, fail, people, say_json
from pullsvc.config import Settings
from pullsvc.db import Database
from pullsvc.labels import pdf, zpl
from pullsvc.labels.actions import Choice, Subject, choose, choose_badges
from pullsvc.labels.rules import Label
from pullsvc.labels.stocks import STOCKS, StockName

MAX_LABELS = 10_000
PRINTER_PORT = 9100
PRINTER_TIMEOUT_S = 10.0


class What(StrEnum):
    """What the labels are for."""

    TUBS = "tubs"
    LOCATIONS = "locations"
    COMMANDS = "commands"
    BADGES = "badges"


class Dpi(StrEnum):
    """How fine the label printer is, in dots an inch."""

    D203 = "203"
    D300 = "300"
    D600 = "600"


def labels(
    subject: Annotated[What, typer.Argument(help="What they are for.")],
    store: Annotated[int, typer.Option(min=1, help="The store.")],
    code: Annotated[list[str] | None, typer.Option(help="Only this one; repeat it for more.")] = None,
    kind: Annotated[PlaceKind | None, typer.Option(help="Only places of this kind.")] = None,
    zone: Annotated[str | None, typer.Option(help="Only places of this zone.")] = None,
    stock: Annotated[StockName, typer.Option(help="Sheet or roll; --stocks shows what they are.")] = StockName.A4_24,
    out: Annotated[Path | None, typer.Option(help="File to write: .pdf, or .zpl for a label printer.")] = None,
    printer: Annotated[str | None, typer.Option(help="Label printer to send ZPL to: HOST or HOST:PORT.")] = None,
    dpi: Annotated[Dpi, typer.Option(help="Of the label printer.")] = Dpi.D203,
    copies: Annotated[int, typer.Option(min=1, max=10, help="Of each label.")] = 1,
    skip: Annotated[int, typer.Option(min=0, max=100, help="Labels of the first sheet already used.")] = 0,
    as_json: JsonFlag = False,
) -> None:
    """Print labels of tubs or places, badges of people, or cards with a handheld's commands, as PDF or ZPL."""
    ending = out.suffix.lower() if out else ""
    if (out is None) == (printer is None) or (out and ending not in (".pdf", ".zpl")):
        raise typer.BadParameter("give --out FILE.pdf, --out FILE.zpl or --printer HOST")
    config = runtime.settings()
    choice = Choice(codes=code, kind=kind, zone=zone, limit=MAX_LABELS // copies)

    async def act(db: Database) -> list[Label]:
        async with db.read() as tx:
            if not await store_exists(tx, store_id=store):
                raise NoSuchStore(f"Store {store} does not exist.")
            if subject is What.BADGES:
                return await choose_badges(tx, choice, store_id=store)
            return await choose(tx, Subject(subject), choice, store_id=store)

    chosen = runtime.with_database(act, config=config)
    if ending == ".pdf":
        document = _document(chosen, stock, copies, skip, config)
    else:
        document = zpl.render(chosen, STOCKS[stock], dpi=int(dpi), copies=copies).encode()
    if out:
        out.write_bytes(document)
    else:
        _send(printer or "", document)
    if as_json:
        say_json({"labels": len(chosen), "copies": copies, "to": str(out or printer)})
    else:
        people.print(f"{len(chosen)} {subject} on {STOCKS[stock].title}: {out or printer}", markup=False)


def _document(chosen: list[Label], stock: StockName, copies: int, skip: int, config: Settings) -> bytes:
    repeated = [label for label in chosen for _ in range(copies)]
    used = skip % STOCKS[stock].labels_a_page
    return pdf.render(repeated, STOCKS[stock], skip=used, font=config.label_font, now=config.clock().now())


def _send(printer: str, document: bytes) -> None:
    """Hand the document to the printer, which takes it as it comes and says nothing."""
    host, _, port = printer.rpartition(":") if ":" in printer else (printer, "", "")

    async def send() -> None:
        async with asyncio.timeout(PRINTER_TIMEOUT_S):
            _, writer = await asyncio.open_connection(host, int(port or PRINTER_PORT))
            writer.write(document)
            await writer.drain()
            writer.close()
            await writer.wait_closed()

    try:
        asyncio.run(send())
    except (OSError, TimeoutError, ValueError) as trouble:
        fail(f"the printer {printer} does not take it: {trouble!r}", status=runtime.EXIT_FOUND)


COMMANDS = (labels,)
