"""What the printer prints is read back from its pixels, every label of it."""

from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import pytest

from pullsvc.labels import pdf
from pullsvc.labels.rules import COMMANDS, Label, UnprintableText, of_command, of_location, of_tub
from pullsvc.labels.stocks import STOCKS, StockName
from tests.labels.scanner import Page, ink_outside, pages, scans

NOW = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
STORE = "Łódź, Główna ulica"
LABELS = [
    of_tub("TUB-0042", store=STORE),
    of_tub("106141412345678908", store=STORE),
    of_location("BR-A-03-2", kind="backroom", zone="C-D", store=STORE),
    of_location("AISLE14-BAY03-SHELF02-LEFT-SIDE-OF-40.AB", kind="shelf", zone="frozen", store=STORE),
    *map(of_command, COMMANDS[:2]),
]


@lru_cache(maxsize=1)
def printed(name: StockName) -> list[Page]:
    return pages(pdf.render(LABELS, STOCKS[name], now=NOW))


@pytest.mark.parametrize("name", StockName)
class TestRender:
    def test_every_code_on_every_label_is_read_back(self, name: StockName) -> None:
        stock = STOCKS[name]
        sheets = printed(name)

        for n, label in enumerate(LABELS):
            found = scans(sheets[n // stock.labels_a_page].cell(stock, n % stock.labels_a_page))
            assert found["]Q1"] == label.scan
            if len(label.scan) < 22:  # Longer ones would need bars too fine to read, on the small labels.
                bars = found["]C1" if label.is_gs1 else "]C0"]
                assert bars.replace("(", "").replace(")", "") == label.scan

    def test_nothing_is_clipped(self, name: StockName) -> None:
        stock = STOCKS[name]
        sheets = printed(name)

        for n, label in enumerate(LABELS):
            sheet = sheets[n // stock.labels_a_page]
            assert label.title.replace(" ", "") in sheet.words.replace(" ", "")
            if not stock.cut:  # There the edges are drawn.
                assert ink_outside(sheet.cell(stock, n % stock.labels_a_page), stock.margin) == 0


class TestSheets:
    def test_begin_behind_what_is_used_already(self) -> None:
        stock = STOCKS[StockName.A4_21]
        (sheet,) = pages(pdf.render(LABELS[:1], stock, skip=5, now=NOW))

        assert scans(sheet.cell(stock, 5))["]Q1"] == "TUB-0042"
        assert scans(sheet.cell(stock, 0)) == {}

    def test_go_on_on_the_next_page(self) -> None:
        stock = STOCKS[StockName.A4_8]

        assert len(pages(pdf.render(LABELS * 2, stock, skip=7, now=NOW))) == 3

    @pytest.mark.parametrize("name", [name for name in StockName if not STOCKS[name].is_roll])
    def test_have_all_their_labels_on_the_paper(self, name: StockName) -> None:
        stock = STOCKS[name]
        right, bottom = stock.corner(stock.labels_a_page - 1)

        assert right + stock.label[0] <= stock.page[0]
        assert bottom + stock.label[1] <= stock.page[1]


class TestFont:
    def test_says_which_letter_it_lacks(self) -> None:
        with pytest.raises(UnprintableText, match="林"):
            pdf.render([Label(scan="B-1", title="林")], STOCKS[StockName.ROLL_62], now=NOW)

    def test_refuses_what_it_would_print_backwards(self) -> None:
        with pytest.raises(UnprintableText, match="right to left"):
            pdf.render([Label(scan="B-1", title="ليلى")], STOCKS[StockName.ROLL_62], now=NOW)

    def test_another_may_be_given(self) -> None:
        given = Path(pdf.__file__).parent / "fonts" / pdf.FONT

        assert pages(pdf.render(LABELS[:1], STOCKS[StockName.ROLL_62], font=given, now=NOW))

    def test_comes_with_its_licence(self) -> None:
        assert "Permission is hereby granted" in (Path(pdf.__file__).parent / "fonts" / "LICENSE").read_text()
