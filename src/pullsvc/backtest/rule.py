"""What a replenishment rule sees, when it is asked, and what it may answer.

A rule is a class derived from `Rule`; `pullsvc backtest --rule your_module:YourClass` plays it. It is made
once for a run of days with the `Setting` as its only argument, learns from the training days, then lives through the
replayed days in order. It sees its books and never the true shelf:

    learn(record)            a finished business day as the tills saw it, training days first
    open_day(day, books)     05:00 of a day to be replayed
    sold(sales, books)       lines just sold; the books already have them
    put(put, books)          a line of a tub landed
    ask(now_s, books, ...)   a worker is free: when a trip ends, then once a minute

`ask` answers with the lines of one tub, or with none to wait. What is more than a tub, the room or the backroom's
record holds is cut off; an item that is on its way already is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pullsvc.backtest.model import Floats, Ints, Items, Mask
from pullsvc.backtest.store import Shift


@dataclass(frozen=True, slots=True)
class Line:
    """One item of a tub.

    Attributes:
        item: Which.
        qty: Eaches; >= 1.
        asked_s: When the rule first wanted it, for the lead time; None: now.
        p_empty: The rule's own probability that the shelf is empty before this lands; None: it has none.
    """

    item: int
    qty: int
    asked_s: float | None = None
    p_empty: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sales:
    """Lines as the tills report them, in order of time; only what was really sold."""

    second: Ints
    item: Ints
    qty: Ints

    def __len__(self) -> int:
        """Return the number of lines."""
        return len(self.item)


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """What the store believes at a moment, one entry per item; do not write into these.

    Attributes:
        on_shelf: Capacity in the morning, plus deliveries, minus sales, corrected by what workers find; may be
            negative when sales outrun it.
        backroom: Not spoken for.
        busy: A pull of the item is on its way.
    """

    on_shelf: Ints
    backroom: Ints
    busy: Mask


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A day that begins.

    Attributes:
        number: In days since 1970-01-01.
        shifts: Who works when.
    """

    number: int
    shifts: Sequence[Shift]


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRecord:
    """A business day as the tills saw it.

    Attributes:
        number: In days since 1970-01-01.
        sales: All its lines.
        empty: When the books had a shelf empty: rows of item, from second, to second.
    """

    number: int
    sales: Sales
    empty: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """A line of a tub that landed.

    Attributes:
        item: Which.
        now_s: When.
        wanted: Eaches the rule asked for.
        picked: Eaches the backroom had of them.
        put: Eaches that fitted on the shelf; less than `picked`: the shelf was found full.
    """

    item: int
    now_s: float
    wanted: int
    picked: int
    put: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a rule is told of the store once.

    Attributes:
        items: The item master; its `mean_qty` comes from training days.
        seed: For a rule that draws.
    """

    items: Items
    seed: int


class Rule:
    """The interface, and a rule that does nothing: derive from it and write what you need."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting

    def learn(self, record: DayRecord) -> None:
        """Take in a finished day; also called at the end of each replayed day."""

    def open_day(self, day: Day, books: Books) -> None:
        """Begin a day: the shelves are full."""

    def sold(self, sales: Sales, books: Books) -> None:
        """Take in lines just sold."""

    def put(self, put: Put, books: Books) -> None:
        """Take in what a worker found at the shelf."""

    def ask(self, now_s: float, books: Books, *, worker: int) -> Sequence[Line]:
        """Return what a free worker shall bring out now; nothing: wait."""
        return ()
