"""Where everything stands on a label: a QR code beside its words, or above them, over bars. Pure; millimetres.

The QR code is for imagers and phones, the bars are for laser scanners. Every module is a whole number of the
printer's dots, or its edges would blur. Bars that would have to be too fine to read are left out.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import segno

from pullsvc.labels.code128 import QUIET_MODULES, Bars, encode
from pullsvc.labels.rules import Label
from pullsvc.labels.stocks import Stock

QR_QUIET_MODULES = 4
QR_LEVEL = "M"
# Height of a capital letter that is read at arm's length (70 cm) without effort, and the least that is still legible.
ARM_LENGTH_CAP = 3.5
LEAST_CAP = 1.4
MIN_BAR_MODULE, MAX_BAR_MODULE = 0.19, 0.5
MIN_QR_MODULE, MAX_QR_MODULE = 0.3, 2.0
MIN_BAR_HEIGHT, MAX_BAR_HEIGHT = 6.5, 20.0
BAR_SHARE, QR_SHARE, STACKED_QR_SHARE, TITLE_SHARE, LINE_SHARE = 0.28, 0.45, 0.6, 0.62, 0.7
MAX_TITLE_EM, MAX_LINE_EM = 30.0, 8.0
LEADING = 1.15
GAP = 1.2
ELLIPSIS = "..."
_BREAK_BEHIND = "-._ )"


@dataclass(frozen=True, slots=True)
class Device:
    """What prints.

    Attributes:
        dot: The smallest step.
        cap: Height of a capital letter by that of its font.
        max_qr_module: The largest module of a QR code that it makes.
        width: Width of a text in a font one high.
    """

    dot: float
    cap: float
    max_qr_module: float
    width: Callable[[str], float]

    def whole(self, length: float) -> float:
        """Return the length cut to whole dots."""
        return int(length / self.dot + 1e-6) * self.dot


@dataclass(frozen=True, slots=True)
class Qr:
    """A QR code: its corner without the quiet zone, and the size of a module."""

    x: float
    y: float
    module: float
    matrix: Sequence[Sequence[int]]

    @property
    def side(self) -> float:
        """Its width and height, without the quiet zone."""
        return len(self.matrix) * self.module


@dataclass(frozen=True, slots=True)
class BarCode:
    """A bar code: its corner without the quiet zones, its height and the width of a module."""

    x: float
    y: float
    height: float
    module: float
    bars: Bars


@dataclass(frozen=True, slots=True)
class Words:
    """A line of text: its left end on the baseline, and the height of its font."""

    x: float
    baseline: float
    em: float
    text: str


@dataclass(frozen=True, slots=True)
class Layout:
    """A label, laid out from its own top left corner."""

    qr: Qr
    bars: BarCode | None
    words: tuple[Words, ...]


def lay_out(label: Label, stock: Stock, device: Device) -> Layout:
    """Return where everything stands; nothing is outside the margin, and nothing stands on anything else.

    Raises:
        ValueError: the label is too small for what it has to hold.
    """
    width, height = (side - 2 * stock.margin for side in stock.label)
    left = top = stock.margin
    bars = _bars(label, left, top + height, width, height, device)
    upper = bars.y - GAP - top if bars else height
    matrix = tuple(map(tuple, segno.make_qr(label.scan, error=QR_LEVEL, boost_error=False).matrix))
    cells = len(matrix) + 2 * QR_QUIET_MODULES
    is_tall = upper > width
    room = min(width, STACKED_QR_SHARE * upper) if is_tall else min(upper, QR_SHARE * width)
    module = min(device.whole(min(room / cells, MAX_QR_MODULE)), device.max_qr_module)
    if module < MIN_QR_MODULE:
        raise ValueError("the label is too small for its QR code")
    side, quiet = cells * module, QR_QUIET_MODULES * module
    if is_tall:
        qr = Qr(left + (width - side) / 2 + quiet, top + quiet, module, matrix)
        words = _words(label, left, top + side, width, upper - side, device)
    else:
        shift = min(quiet, stock.margin)  # The quiet zone may reach into the margin, which is as empty.
        qr = Qr(left + quiet - shift, top + (upper - side) / 2 + quiet, module, matrix)
        words = _words(label, left + side - shift, top, width - side + shift, upper, device)
    return Layout(qr, bars, tuple(words))


def _bars(label: Label, left: float, bottom: float, width: float, height: float, device: Device) -> BarCode | None:
    """Return the bars along the lower edge; None when they would be too fine, or cannot say it."""
    if not label.scan.isascii():
        return None
    bars = encode(label.scan, is_gs1=label.is_gs1)
    module = device.whole(min(width / (bars.modules + 2 * QUIET_MODULES), MAX_BAR_MODULE))
    if module < MIN_BAR_MODULE:
        return None
    tall = min(max(BAR_SHARE * height, MIN_BAR_HEIGHT), MAX_BAR_HEIGHT)
    return BarCode(left + (width - bars.modules * module) / 2, bottom - tall, tall, module, bars)


def _words(label: Label, x: float, y: float, width: float, height: float, device: Device) -> Iterator[Words]:
    """Place the title as large as it fits, in two lines where one would be too small, and the other lines below."""
    lines = [line for line in label.lines if line]
    rows, em = _title(label.title, width, (TITLE_SHARE if lines else 1.0) * height, device)
    if label.title != label.scan:  # A name may be cut short to be legible, a code may not.
        em = max(em, LEAST_CAP / device.cap)
        rows = [_shortened(row, width / em, device) for row in rows]
    line_em = _line_em(lines, width, height - len(rows) * em * LEADING, em, device)
    top = y + (height - (len(rows) * em + len(lines) * line_em) * LEADING) / 2
    for row in rows:
        yield Words(x, top + em * (LEADING + device.cap) / 2, em, row)
        top += em * LEADING
    for line in lines:
        yield Words(x, top + line_em * (LEADING + device.cap) / 2, line_em, _shortened(line, width / line_em, device))
        top += line_em * LEADING


def _line_em(lines: Sequence[str], width: float, height: float, em: float, device: Device) -> float:
    """Return the height of the smaller font: one for all lines, smaller than the title's where the lines are long."""
    if not lines:
        return 0.0
    fits = width / max(map(device.width, lines))
    return min(height / len(lines) / LEADING, MAX_LINE_EM, LINE_SHARE * em, max(fits, LEAST_CAP / device.cap))


def _title(title: str, width: float, height: float, device: Device) -> tuple[list[str], float]:
    """Return the rows of the title and the height of their font."""

    def largest(rows: list[str]) -> float:
        widest = max(map(device.width, rows))
        return min(width / widest, height / len(rows) / LEADING, MAX_TITLE_EM)

    one = largest([title])
    if one * device.cap >= ARM_LENGTH_CAP or len(title) < 2:
        return [title], one
    two = min(_cuts(title), key=lambda rows: max(map(device.width, rows)))
    return max(([title], one), (two, largest(two)), key=lambda option: option[1])


def _cuts(title: str) -> list[list[str]]:
    """Return the ways to break the title in two: behind its own separators, anywhere when it has none."""
    places = [at for at in range(1, len(title)) if title[at - 1] in _BREAK_BEHIND] or list(range(1, len(title)))
    return [[title[:at].rstrip(), title[at:]] for at in places]


def _shortened(line: str, width: float, device: Device) -> str:
    """Return the line, cut with an ellipsis when it is too long for `width` of fonts one high."""
    if device.width(line) <= width + 1e-6:
        return line
    while line and device.width(line + ELLIPSIS) > width:
        line = line[:-1]
    return line.rstrip() + ELLIPSIS
