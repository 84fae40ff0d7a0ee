"""What labels are printed on: sheets for an office printer, rolls for a label printer. Pure; millimetres."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class StockName(StrEnum):
    """The presets, by what stands on the box: paper and labels a sheet, or the size of a label on a roll."""

    A4_24 = "a4-24"
    A4_21 = "a4-21"
    A4_8 = "a4-8"
    A4_CARDS = "a4-cards"
    LETTER_30 = "letter-30"
    LETTER_10 = "letter-10"
    ROLL_62 = "roll-62"
    ROLL_57X32 = "roll-57x32"
    ROLL_100X50 = "roll-100x50"
    ROLL_100X150 = "roll-100x150"


@dataclass(frozen=True, slots=True)
class Stock:
    """A kind of label.

    Attributes:
        title: For people, with the common order numbers.
        page: Width and height of the page, of a roll: of one label.
        label: Width and height of a label.
        grid: Columns and rows on a page.
        origin: Left and top edge of the first label.
        pitch: From the left edge of a label to that of the next, and from top to top.
        margin: Kept free within a label on all sides: printers and paper are not exact.
        cut: Whether the edges are drawn, for scissors.
    """

    title: str
    page: tuple[float, float]
    label: tuple[float, float]
    grid: tuple[int, int] = (1, 1)
    origin: tuple[float, float] = (0.0, 0.0)
    pitch: tuple[float, float] = (0.0, 0.0)
    margin: float = 2.0
    cut: bool = False

    @property
    def is_roll(self) -> bool:
        """Whether a page is one label, so that a label printer takes it."""
        return self.page == self.label

    @property
    def labels_a_page(self) -> int:
        """How many fit on a page."""
        return self.grid[0] * self.grid[1]

    def corner(self, place: int) -> tuple[float, float]:
        """Return the left and top edge of the label at a place on the page, counted along the rows from 0."""
        row, column = divmod(place, self.grid[0])
        return self.origin[0] + column * self.pitch[0], self.origin[1] + row * self.pitch[1]


_A4 = (210.0, 297.0)
_LETTER = (215.9, 279.4)

STOCKS: Mapping[StockName, Stock] = {
    StockName.A4_24: Stock(
        "A4, 24 labels of 70 x 37 mm", _A4, (70, 37), (3, 8), (0, 0.5), (70, 37), margin=4.5
    ),
    StockName.A4_21: Stock(
        "A4, 21 labels of 63.5 x 38.1 mm (L7160)", _A4, (63.5, 38.1), (3, 7), (7.25, 15.15), (66, 38.1)
    ),
    StockName.A4_8: Stock(
        "A4, 8 labels of 99.1 x 67.7 mm (L7165)", _A4, (99.1, 67.7), (2, 4), (4.65, 13.1), (101.6, 67.7), margin=3
    ),
    StockName.A4_CARDS: Stock(
        "A4 paper, 10 cards of 85 x 54 mm to cut out", _A4, (85, 54), (2, 5), (17.5, 13.5), (90, 54), margin=3, cut=True
    ),
    StockName.LETTER_30: Stock(
        "US Letter, 30 labels of 2 5/8 x 1 in (5160)", _LETTER, (66.675, 25.4), (3, 10), (4.76, 12.7), (69.85, 25.4)
    ),
    StockName.LETTER_10: Stock(
        "US Letter, 10 labels of 4 x 2 in (5163)", _LETTER, (101.6, 50.8), (2, 5), (3.97, 12.7), (106.36, 50.8),
        margin=3,
    ),
    StockName.ROLL_62: Stock("Roll, 62 x 40 mm", (62, 40), (62, 40)),
    StockName.ROLL_57X32: Stock("Roll, 57 x 32 mm (2 1/4 x 1 1/4 in)", (57, 32), (57, 32)),
    StockName.ROLL_100X50: Stock("Roll, 100 x 50 mm (4 x 2 in)", (100, 50), (100, 50)),
    StockName.ROLL_100X150: Stock("Roll, 100 x 150 mm (4 x 6 in)", (100, 150), (100, 150), margin=4),
}  # fmt: skip
assert set(STOCKS) == set(StockName)
