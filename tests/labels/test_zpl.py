"""ZPL is read strictly here, command by command; no label printer and no renderer is at hand.

What a printer would draw was looked at once with a renderer, and decoded from its pixels (docs/decisions.md).
"""

import re
import unicodedata
from dataclasses import dataclass, field

import pytest
import segno

from pullsvc.catalog.rules import place_code
from pullsvc.labels import zpl
from pullsvc.labels.code128 import encode
from pullsvc.labels.rules import COMMANDS, NotForLabelPrinters, of_badge, of_command, of_location, of_tub
from pullsvc.labels.stocks import STOCKS, StockName

FIELD = re.compile(
    r"""\^F[OT](?P<x>\d+),(?P<y>\d+)\s*
    (?:\^BQN,2,(?P<qr>\d+)|\^BCN,(?P<tall>\d+),N,N,N|\^A0N,(?P<em>\d+),(?P=em))\s*
    \^FH\^FD(?P<data>[A-Za-z0-9 .,:+()>;_-]*)\^FS\s*""",
    re.VERBOSE,
)
ROLLS = [name for name in StockName if STOCKS[name].is_roll]
LABELS = [
    of_tub("TUB-0042", store="Łódź"),
    of_tub("106141412345678908", store="^XZ~JA"),
    of_badge("B-40170223", name="王小明の在庫担当者です", store="本店"),
    of_location("BR-A-03-2", kind="backroom", zone="C-D", store="Main Street"),
    *map(of_command, COMMANDS),
]


@dataclass
class Printed:
    """A label as a printer understands it."""

    width: int = 0
    height: int = 0
    qr: str = ""
    bars: str = ""
    words: list[str] = field(default_factory=list)
    boxes: list[tuple[int, int, int, int]] = field(default_factory=list)
    copies: int = 0


def understood(document: str) -> list[Printed]:
    """Read a document; AssertionError for any command or order of commands that is not expected."""
    assert document.isascii()
    assert document.count("^XA") == document.count("^XZ")
    return [_label(part) for part in re.findall(r"\^XA(.*?)\^XZ", document, re.DOTALL)]


def _label(part: str) -> Printed:
    """Read one label; each field is its own origin, what it is, and its data."""
    head, *fields = re.split(r"(?=\^F[OT]|\^BY|\^PQ)", part)
    size = re.fullmatch(r"\s*\^CI28\s*\^PW(\d+)\s*\^LL(\d+)\s*\^LH0,0\s*", head)
    assert size
    label = Printed(int(size[1]), int(size[2]))
    module = 0
    for text in fields:
        if set_width := re.fullmatch(r"\^BY(\d+)\s*", text):
            module = int(set_width[1])
        elif copies := re.fullmatch(r"\^PQ(\d+)\s*", text):
            label.copies = int(copies[1])
        else:
            one = FIELD.fullmatch(text)
            assert one, text
            data = re.sub(
                rb"_([0-9A-F]{2})", lambda found: bytes.fromhex(found[1].decode()), one["data"].encode()
            ).decode()
            _place(label, one, data, module)
    return label


def unescaped(data: str) -> str:
    return re.sub(rb"_([0-9A-F]{2})", lambda found: bytes.fromhex(found[1].decode()), data.encode()).decode()


def _place(label: Printed, one: re.Match[str], data: str, module: int) -> None:
    """Note what a field says and what it covers."""
    x, y = int(one["x"]), int(one["y"])
    if one["qr"]:
        label.qr = data.removeprefix("MA,")
        assert data != label.qr
        side = int(segno.make_qr(label.qr, error="M", boost_error=False).symbol_size(border=0)[0]) * int(one["qr"])
        label.boxes.append((x, y + zpl.QR_OFFSET_DOTS, x + side, y + zpl.QR_OFFSET_DOTS + side))
    elif one["tall"]:
        label.bars = data
        modules = encode(_plain(data), is_gs1=data[2:4] == ">8").modules
        label.boxes.append((x, y, x + modules * module, y + int(one["tall"])))
    else:
        em = int(one["em"])
        label.words.append(data)
        width = sum(1.0 if unicodedata.east_asian_width(letter) in "WF" else zpl._width(letter) for letter in data)
        label.boxes.append((x, y - em, x + round(width * em), y + em // 4))


def _plain(bars: str) -> str:
    """The text that the field data of a bar code stands for."""
    assert bars[:2] in (">:", ">;")
    return re.sub(r">[:;68]", "", bars).replace(">0", ">")


@pytest.mark.parametrize("dpi", zpl.DOTS_PER_MM)
@pytest.mark.parametrize("name", ROLLS)
class TestRender:
    def test_every_code_leads_to_its_thing(self, name: StockName, dpi: int) -> None:
        printed = understood(zpl.render(LABELS, STOCKS[name], dpi=dpi))

        assert [one.qr for one in printed] == [label.scan for label in LABELS]
        assert [_plain(one.bars) for one in printed if one.bars] == [
            label.scan for label, one in zip(LABELS, printed, strict=True) if one.bars
        ]
        assert place_code(printed[1].qr) == "106141412345678908"
        assert printed[1].bars.startswith(">;>8")

    def test_nothing_is_clipped(self, name: StockName, dpi: int) -> None:
        for one in understood(zpl.render(LABELS, STOCKS[name], dpi=dpi)):
            assert one.width == round(STOCKS[name].label[0] * zpl.DOTS_PER_MM[dpi])
            for left, top, right, bottom in one.boxes:
                assert min(left, top) >= 0
                assert (right <= one.width, bottom <= one.height) == (True, True)


class TestFields:
    def test_hold_no_command_whatever_a_name_says(self) -> None:
        (printed,) = understood(zpl.render(LABELS[1:2], STOCKS[StockName.ROLL_100X50]))

        assert "^XZ~JA" in printed.words

    def test_letters_of_all_countries_arrive(self) -> None:
        (printed,) = understood(zpl.render(LABELS[:1], STOCKS[StockName.ROLL_100X50], copies=3))

        assert (printed.words[-1], printed.copies) == ("Łódź", 3)

    def test_sheets_are_refused(self) -> None:
        with pytest.raises(NotForLabelPrinters):
            zpl.render(LABELS, STOCKS[StockName.A4_24])
