"""Nothing is clipped, nothing covers anything else, and people can read it at arm's length."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pullsvc.labels import layout as layouts
from pullsvc.labels.layout import Device, Layout, lay_out
from pullsvc.labels.rules import Label
from pullsvc.labels.stocks import STOCKS, Stock, StockName

# A font in which every letter is as wide as the widest ones are.
WIDE = Device(dot=25.4 / 600, cap=0.73, max_qr_module=2.0, width=lambda text: 0.75 * len(text))
EPS = 1e-6
EXAMPLES = 20  # For each stock.

codes = st.from_regex(r"[A-Z0-9][A-Z0-9._-]{0,39}", fullmatch=True)
names = st.text(st.characters(min_codepoint=33, max_codepoint=0x17F), max_size=120).map(str.strip)
labels = st.builds(
    Label, scan=codes, title=codes | names.filter(bool), lines=st.lists(names, max_size=3).map(tuple)
)  # fmt: skip
Box = tuple[float, float, float, float]


def boxes(laid: Layout, device: Device) -> list[Box]:
    """What each part covers: left, top, right, bottom; codes with the part of their quiet zone that words respect."""
    qr, bars = laid.qr, laid.bars
    covered = [(qr.x, qr.y, qr.x + qr.side + 4 * qr.module, qr.y + qr.side)]
    if bars:
        quiet = 10 * bars.module
        right = bars.x + bars.bars.modules * bars.module + quiet
        covered.append((bars.x - quiet, bars.y, right, bars.y + bars.height))
    covered += [
        (w.x, w.baseline - w.em * device.cap, w.x + w.em * device.width(w.text), w.baseline)
        for w in laid.words
        if w.text
    ]
    return covered


def apart(one: Box, other: Box) -> bool:
    return one[2] <= other[0] + EPS or other[2] <= one[0] + EPS or one[3] <= other[1] + EPS or other[3] <= one[1] + EPS


def whole_dots(module: float) -> bool:
    return abs(module / WIDE.dot - round(module / WIDE.dot)) < EPS


@pytest.mark.parametrize("stock", STOCKS.values(), ids=STOCKS.keys())
class TestLayOut:
    @settings(max_examples=EXAMPLES)
    @given(label=labels)
    def test_keeps_everything_apart_and_within_the_margin(self, stock: Stock, label: Label) -> None:
        laid = lay_out(label, stock, WIDE)
        covered = boxes(laid, WIDE)

        for left, top, right, bottom in covered:
            assert left >= min(stock.margin, 2.0) - EPS
            assert top >= stock.margin - EPS
            assert right <= stock.label[0] - stock.margin + EPS
            assert bottom <= stock.label[1] - stock.margin + EPS
        assert all(apart(one, other) for one, other in combinations(covered, 2))
        assert whole_dots(laid.qr.module)
        assert laid.bars is None or whole_dots(laid.bars.module)

    @settings(max_examples=EXAMPLES)
    @given(code=st.from_regex(r"[A-Z0-9]{2,4}-[A-Z0-9]{1,3}-[0-9]{1,3}", fullmatch=True))
    def test_prints_a_usual_code_large_and_with_bars(self, stock: Stock, code: str) -> None:
        laid = lay_out(Label(scan=code, title=code, lines=("Backroom", "Main Street")), stock, WIDE)

        assert laid.bars
        assert laid.words[0].em * WIDE.cap >= layouts.ARM_LENGTH_CAP


class TestWords:
    def test_a_long_code_is_broken_behind_a_separator_never_shortened(self) -> None:
        code = "AISLE14-BAY03-SHELF02-LEFT"

        laid = lay_out(Label(scan=code, title=code), STOCKS[StockName.ROLL_57X32], WIDE)

        assert "".join(words.text for words in laid.words) == code
        assert [words.text[-1] for words in laid.words[:-1]] == ["-"]

    def test_a_long_line_ends_in_dots(self) -> None:
        laid = lay_out(Label(scan="A1", title="A1", lines=("x" * 120,)), STOCKS[StockName.ROLL_57X32], WIDE)

        assert laid.words[-1].text.endswith("xx...")


def test_cuts_a_name_short_before_nobody_can_read_it() -> None:
    stock = STOCKS[StockName.ROLL_57X32]

    laid = lay_out(Label(scan="B-1", title="W" * 100, lines=("B-1",)), stock, WIDE)

    assert min(words.em for words in laid.words[:2]) * WIDE.cap >= layouts.LEAST_CAP - EPS
    assert laid.words[0].text.endswith(layouts.ELLIPSIS)
