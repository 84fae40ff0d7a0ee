"""Labels as ZPL II, for label printers: download it, or send it to port 9100 as it is."""

import string
import unicodedata
from collections.abc import Iterator, Sequence

from pullsvc.labels.layout import BarCode, Device, Layout, Qr, Words, lay_out
from pullsvc.labels.rules import Label, NotForLabelPrinters
from pullsvc.labels.stocks import Stock

# By the dots an inch that printers are sold with; the exact numbers are per millimetre.
DOTS_PER_MM = {203: 8, 300: 12, 600: 24}
# Of the printer's own scalable font 0: upper bounds, as printers differ a little. Some have a very wide hyphen.
FONT_CAP = 0.75
FULL, WIDE, CAPITAL, SMALL, NARROW = 1.0, 0.83, 0.61, 0.51, 0.35
_WIDE, _NARROW = frozenset("MWmw@%-—&"), frozenset(" .,:;!'|Iijltfr()[]·")
# Printed by the firmware above a QR code, whatever the field says.
QR_OFFSET_DOTS = 10
# What printers of all ages make; those with 600 dots an inch are recent ones, and make more.
MAX_QR_MODULE_DOTS = {203: 10, 300: 10, 600: 20}
END_OF_LABEL = "^XZ"
_PLAIN = frozenset(string.ascii_letters + string.digits + " -.,:+()>;")


def render(labels: Sequence[Label], stock: Stock, *, dpi: int = 203, copies: int = 1) -> str:
    """Return the commands; the copies are the printer's own.

    Args:
        labels: In the order of printing.
        stock: A roll.
        dpi: Of the printer; one of DOTS_PER_MM.
        copies: Of each label.

    Raises:
        NotForLabelPrinters: the stock is sheets.
        ValueError: a label is too small for its QR code.
    """
    if not stock.is_roll:
        raise NotForLabelPrinters("Choose a roll, or PDF for sheets.")
    dots = DOTS_PER_MM[dpi]
    device = Device(dot=1 / dots, cap=FONT_CAP, max_qr_module=MAX_QR_MODULE_DOTS[dpi] / dots, width=_width)
    return "".join(_label(lay_out(label, stock, device), label, stock, dots, copies) for label in labels)


def _width(text: str) -> float:
    return sum(map(_width_of, text))


def _width_of(letter: str) -> float:
    if unicodedata.east_asian_width(letter) in "WF":
        return FULL
    if letter in _WIDE:
        return WIDE
    if letter in _NARROW:
        return NARROW
    return SMALL if letter.islower() or letter.isdigit() else CAPITAL


def _label(layout: Layout, label: Label, stock: Stock, dots: int, copies: int) -> str:
    width, height = (round(side * dots) for side in stock.label)
    parts = ["^XA", "^CI28", f"^PW{width}", f"^LL{height}", "^LH0,0", *_qr(layout.qr, label.scan, dots)]
    if layout.bars:
        parts += _bars(layout.bars, dots)
    for words in layout.words:
        parts += _words(words, dots)
    return "\n".join((*parts, f"^PQ{copies}", END_OF_LABEL, ""))


def _qr(qr: Qr, scan: str, dots: int) -> Iterator[str]:
    """The printer makes the code of the same size by itself: the same level, and no mode but the shortest."""
    yield f"^FO{round(qr.x * dots)},{max(round(qr.y * dots) - QR_OFFSET_DOTS, 0)}"
    yield f"^BQN,2,{round(qr.module * dots)}"
    yield f"^FH^FDMA,{_field(scan)}^FS"


def _bars(code: BarCode, dots: int) -> Iterator[str]:
    yield f"^BY{round(code.module * dots)}"
    yield f"^FO{round(code.x * dots)},{round(code.y * dots)}"
    yield f"^BCN,{round(code.height * dots)},N,N,N"
    yield f"^FH^FD{_field(code.bars.zpl)}^FS"


def _words(words: Words, dots: int) -> Iterator[str]:
    em = round(words.em * dots)
    yield f"^FT{round(words.x * dots)},{round(words.baseline * dots)}"
    yield f"^A0N,{em},{em}"
    yield f"^FH^FD{_field(words.text)}^FS"


def _field(text: str) -> str:
    """Return the text as field data; what could be a command, or is not ASCII, as `_` and two hexadecimal digits."""
    return "".join(
        letter if letter in _PLAIN else "".join(f"_{byte:02X}" for byte in letter.encode()) for letter in text
    )
