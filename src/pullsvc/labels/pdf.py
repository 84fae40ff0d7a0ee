"""Labels as PDF, for any printer."""

import logging
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime
from importlib.resources import as_file, files
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, cast

from pullsvc.labels.layout import MAX_QR_MODULE, Device, Layout, lay_out
from pullsvc.labels.rules import Label, UnprintableText
from pullsvc.labels.stocks import Stock

if TYPE_CHECKING:
    from fpdf import FPDF
    from fpdf.fonts import TTFFont

FONT = "DejaVuSansCondensed-Bold.ttf"
FONT_CAP = 0.729
MM_PER_INCH = 25.4
POINTS_PER_INCH = 72
# Office printers have 600 dots an inch or a multiple of it.
DOTS_PER_INCH = 600
HAIRLINE_MM, GREY = 0.1, 160
# Such text is drawn letter by letter in its logical order, so it would stand there backwards and unjoined.
RIGHT_TO_LEFT = ("R", "AL")

logging.getLogger("fontTools").setLevel(logging.WARNING)  # It tells of each table that it cuts.


def render(labels: Sequence[Label], stock: Stock, *, skip: int = 0, font: Path | None = None, now: datetime) -> bytes:
    """Return the document.

    Args:
        labels: In the order of printing, along the rows of each page.
        stock: What it is printed on.
        skip: Places of the first page that are used up already.
        font: TrueType font in place of the built-in one.
        now: Stands in the document as its date.

    Raises:
        UnprintableText: the font lacks a character.
        ValueError: a label is too small for its QR code.
    """
    with _begun(stock, font) as pdf:
        pdf.set_creation_date(now)
        dot = MM_PER_INCH / DOTS_PER_INCH
        device = Device(dot=dot, cap=FONT_CAP, max_qr_module=MAX_QR_MODULE, width=lambda text: _width(pdf, text))
        for place, label in enumerate(labels, start=skip):
            on_page = place % stock.labels_a_page
            if on_page == 0 or not pdf.pages_count:
                pdf.add_page()
                _draw_cuts(pdf, stock)
            _check(pdf, label)
            _draw(pdf, lay_out(label, stock, device), *stock.corner(on_page))
        return bytes(pdf.output())


@contextmanager
def _begun(stock: Stock, font: Path | None) -> Iterator["FPDF"]:
    """Yield an empty document with its font, which is closed afterwards: it is read bit by bit."""
    from fpdf import FPDF  # noqa: PLC0415 - a fifth of the time that the service takes to start; most never print

    with nullcontext(font) if font else as_file(files("pullsvc.labels") / "fonts" / FONT) as path:
        pdf = FPDF(unit="mm", format=stock.page)
        pdf.set_title("Labels")
        pdf.set_margin(0)
        pdf.set_auto_page_break(auto=False)
        pdf.add_font("label", fname=path)
        pdf.set_font("label", size=1)
        try:
            yield pdf
        finally:
            _font_of(pdf).ttfont.close()


def _width(pdf: "FPDF", text: str) -> float:
    """Return the width of the text in a font one high."""
    return pdf.get_string_width(text) / pdf.font_size


def _font_of(pdf: "FPDF") -> "TTFFont":
    return cast("TTFFont", pdf.current_font)  # The only font there is: `_begun` chose it.


def _check(pdf: "FPDF", label: Label) -> None:
    """Let a label pass whose characters the font has."""
    known = _font_of(pdf).cmap
    letters = {letter for text in (label.title, *label.lines) for letter in text}
    if any(unicodedata.bidirectional(letter) in RIGHT_TO_LEFT for letter in letters):
        raise UnprintableText(f"{label.title} is written from right to left, which labels cannot say.")
    missing = sorted(letter for letter in letters if ord(letter) not in known)
    if missing:
        raise UnprintableText(
            f"'{''.join(missing)}' in {label.title}: set PULLSVC_LABEL_FONT to a TrueType font that has them.",
            missing=missing,
        )


def _draw_cuts(pdf: "FPDF", stock: Stock) -> None:
    """Draw the edges of labels that are cut out by hand."""
    if not stock.cut:
        return
    pdf.set_line_width(HAIRLINE_MM)
    pdf.set_draw_color(GREY)
    for place in range(stock.labels_a_page):
        pdf.rect(*stock.corner(place), *stock.label)


def _draw(pdf: "FPDF", layout: Layout, x: float, y: float) -> None:
    """Draw a label whose corner is at (x, y)."""
    qr, code = layout.qr, layout.bars
    for row, cells in enumerate(qr.matrix):
        column = 0
        for dark, run in groupby(cells):
            length = len(list(run))
            if dark:
                at = x + qr.x + column * qr.module
                pdf.rect(at, y + qr.y + row * qr.module, length * qr.module, qr.module, style="F")
            column += length
    if code:
        at = x + code.x
        for n, width in enumerate(code.bars.widths()):
            if n % 2 == 0:
                pdf.rect(at, y + code.y, width * code.module, code.height, style="F")
            at += width * code.module
    for words in layout.words:
        pdf.set_font_size(words.em * POINTS_PER_INCH / MM_PER_INCH)
        pdf.text(x + words.x, y + words.baseline, words.text)
