"""What a scanner sees on a page: the PDF as pixels, and the codes in them."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pypdfium2
import zxingcpp

from pullsvc.labels.stocks import Stock

MM_PER_INCH, POINTS_PER_INCH = 25.4, 72
DPI = 300
WHITE = 250
BLUR_PX = 8  # Of rounding, antialiasing and letters that lean out of their width.


@dataclass(frozen=True)
class Page:
    """A page as pixels, 255 is white, and the words that stand on it."""

    pixels: Any
    words: str

    def cell(self, stock: Stock, place: int) -> Any:
        """The pixels of a label."""
        x, y = stock.corner(place)
        width, height = stock.label
        across, down = (slice(_px(start), _px(start + size)) for start, size in ((x, width), (y, height)))
        return self.pixels[down, across]


def _px(mm: float) -> int:
    return round(mm * DPI / MM_PER_INCH)


def pages(document: bytes) -> list[Page]:
    pdf = pypdfium2.PdfDocument(document)
    try:
        return [
            Page(
                np.asarray(page.render(scale=DPI / POINTS_PER_INCH, grayscale=True).to_numpy()).squeeze(),
                re.sub(r"\s+", " ", page.get_textpage().get_text_range()),
            )
            for page in pdf
        ]
    finally:
        pdf.close()


def scans(pixels: Any) -> dict[str, str]:
    """What the codes say, by symbology identifier."""
    found = zxingcpp.read_barcodes(np.ascontiguousarray(pixels))
    return {code.symbology_identifier: code.text for code in found}


def bars_scan(widths: list[int], *, module_px: int = 3, height_px: int = 60) -> tuple[str, str]:
    """The identifier and text of bars that are drawn module by module."""
    lines = np.concatenate(
        [np.full(width * module_px, 0 if n % 2 == 0 else 255, np.uint8) for n, width in enumerate(widths)]
    )
    quiet = np.full(10 * module_px, 255, np.uint8)
    (code,) = zxingcpp.read_barcodes(np.tile(np.concatenate([quiet, lines, quiet]), (height_px, 1)))
    return code.symbology_identifier, code.text


def ink_outside(cell: Any, margin_mm: float) -> int:
    """How many pixels of a label are not white within its margin."""
    edge = _px(margin_mm) - BLUR_PX
    inner = np.zeros(cell.shape, bool)
    inner[edge:-edge, edge:-edge] = True
    return int(((cell < WHITE) & ~inner).sum())
