"""`labels`: print what is stuck on tubs and places, badges, and cards with commands."""

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

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
CONNECT_TIMEOUT_S = 10.0
PRINTER_PATIENCE_S = 120.0  # Time to put in a new roll.
PIECE_BYTES = 16 * 1024


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
    if printer is not None:
        _address(printer)
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


def _address(printer: str) -> tuple[str, int]:
    """Return host and port of what the caller wrote.

    Raises:
        BadParameter: it is no HOST or HOST:PORT.
    """
    try:
        parts = urlsplit(f"//{printer}")
        is_address = parts.hostname and parts.port != 0 and parts.netloc == printer and parts.username is None
    except ValueError:  # Odd brackets, or a port that is none.
        is_address = False
    if not is_address:
        raise typer.BadParameter("name the printer as HOST or HOST:PORT, an IPv6 address as [HOST] or [HOST]:PORT")
    return parts.hostname or "", parts.port or PRINTER_PORT


def _send(printer: str, document: bytes) -> None:
    """Hand the document to the printer, which takes it as it comes and says nothing."""
    host, port = _address(printer)
    taken = Taken()
    try:
        asyncio.run(hand_over(host, port, document, taken))
    except (OSError, TimeoutError, UnicodeError) as trouble:
        at = f" after about {taken.labels} label(s)" if taken.labels else ""
        fail(f"the printer {printer} does not take it{at}: {trouble!r}", status=runtime.EXIT_FOUND)


@dataclass(slots=True)
class Taken:
    """How many labels a printer took so far, copies not counted; it may still have to print the last ones."""

    labels: int = 0


async def hand_over(
    host: str, port: int, document: bytes, taken: Taken, *, patience_s: float = PRINTER_PATIENCE_S
) -> None:
    """Send the document as fast as the printer takes it: a long roll is printed for an hour, and nothing is wrong.

    Raises:
        OSError: no printer is there, or it went away.
        TimeoutError: it took nothing for `patience_s`: it is out of labels, or its lid is open.
    """
    async with asyncio.timeout(CONNECT_TIMEOUT_S):
        _, writer = await asyncio.open_connection(host, port)
    try:
        writer.transport.set_write_buffer_limits(high=0)  # So that `drain` waits until all of it is gone.
        for at in range(0, len(document), PIECE_BYTES):
            piece = document[at : at + PIECE_BYTES]
            writer.write(piece)
            async with asyncio.timeout(patience_s):
                await writer.drain()
            taken.labels += piece.count(zpl.END_OF_LABEL.encode())
        writer.close()
        async with asyncio.timeout(patience_s):
            await writer.wait_closed()
    finally:
        writer.transport.abort()


COMMANDS = (labels,)
