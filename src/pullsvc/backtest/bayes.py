"""Rules that believe in the sell-through engine: e, the textbook one, and x, pullsvc's own."""

from collections.abc import Sequence

import numpy as np

from pullsvc.backtest import store
from pullsvc.backtest.belief import Belief
from pullsvc.backtest.model import Ints
from pullsvc.backtest.rule import Books, Day, DayRecord, Line, Put, Rule, Sales, Setting
from pullsvc.demand.horizon import tail
from pullsvc.demand.levels import Level
from pullsvc.demand.value import Labour, worth
from pullsvc.restock import compose

LABOUR = Labour(line_s=store.LINE_S, unit_s=store.UNIT_S)
SAFE_DEVIATIONS, SAFE_UNITS = 4.0, 1.0  # A stock so far above the demand of the rest of the day needs no second look.


class _Believing(Rule):
    """Keeps the belief; rules say what to do with it."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.belief = Belief(setting.items)

    def learn(self, record: DayRecord) -> None:
        """Take in a finished day."""
        self.belief.learn(record)

    def open_day(self, day: Day, books: Books) -> None:
        """Begin a day."""
        self.belief.open_day(day.number)

    def sold(self, sales: Sales, books: Books) -> None:
        """Take in sales, and which shelves they emptied."""
        if not len(sales):
            return
        self.belief.sold(sales)
        out = np.unique(sales.item[books.on_shelf[sales.item] <= 0])
        if len(out):
            self.belief.emptied(out, now_s=float(sales.second[-1]))

    def put(self, put: Put, books: Books) -> None:
        """Take in that a shelf has stock again."""
        if books.on_shelf[put.item] > 0:
            self.belief.stocked(put.item, now_s=put.now_s)

    def can_bring(self, books: Books) -> Ints:
        """Return the items with room on the shelf, stock in the backroom, and no pull on its way."""
        return np.flatnonzero((books.on_shelf < self.setting.items.capacity) & (books.backroom > 0) & ~books.busy)

    def qty(self, rows: Ints, books: Books) -> Ints:
        """Return what each shelf has room for now, as far as the backroom has it."""
        room = self.setting.items.capacity[rows] - np.maximum(books.on_shelf[rows], 0)
        return np.asarray(np.minimum(room, books.backroom[rows]))


class Bayes(_Believing):
    """e: bring what is likely to be empty before a pull lands, the earliest empty first."""

    ALPHA = 0.05
    LEAD_S = 90 * 60.0  # Longer than a pull takes: on validation days the wait for a free worker counts too.

    def ask(self, now_s: float, books: Books, *, worker: int) -> Sequence[Line]:
        """Return the items whose chance of an empty shelf is above ALPHA, by expected time to empty."""
        rows = self.can_bring(books)
        level = self.belief.level(now_s, rows)
        stock = np.maximum(books.on_shelf[rows], 0)
        ahead = self.belief.ahead(now_s, lead_s=self.LEAD_S)
        p_empty = tail(level.demand(ahead.landing), stock).p_empty
        due = np.flatnonzero(p_empty >= self.ALPHA)
        pace = np.maximum(level.units_a_day[due], 1e-9)
        first = due[np.lexsort((-pace, stock[due] / pace))[: store.TUB_LINES]]
        qty = self.qty(rows[first], books)
        return [
            Line(int(item), int(units), None, float(p))
            for item, units, p in zip(rows[first], qty, p_empty[first], strict=True)
        ]


class Own(_Believing):
    """x: what the live watch and a live claim do; see `restock.compose`."""

    LEAD_S = 15 * 60.0

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.price = compose.FIRST_PRICE
        self._priced_s = 0.0
        self._day = Day(number=0, shifts=())
        self._last_round_s = 0.0

    def open_day(self, day: Day, books: Books) -> None:
        """Begin a day at the price of yesterday evening."""
        super().open_day(day, books)
        self._day = day
        self._priced_s = min((shift.starts_s for shift in day.shifts), default=0.0) - compose.PRICE_STEP_S
        self._last_round_s = max((shift.ends_s for shift in day.shifts), default=0.0) - compose.LAST_ROUND_S

    def ask(self, now_s: float, books: Books, *, worker: int) -> Sequence[Line]:
        """Return the tub that averts most for the work."""
        rows = self.can_bring(books)
        level = self.believed(now_s, rows)
        ahead = self.belief.ahead(now_s, lead_s=self.LEAD_S)
        rest = level.demand(ahead.closing)
        stock = np.maximum(books.on_shelf[rows], 0)
        near = stock <= rest.mean + SAFE_DEVIATIONS * rest.deviation + SAFE_UNITS
        rows, stock, level = rows[near], stock[near], level.take(near)
        qty = self.qty(rows, books)
        offer = compose.Offer(
            worth=worth(level, stock=stock, qty=qty, ahead=ahead, labour=LABOUR),
            qty=qty,
            pace=level.units_a_day / store.SHIFT_H,
        )
        late = now_s > self._last_round_s
        self._reprice(offer, now_s=now_s, late=late)
        tub = compose.tub(offer, price=self.price, late=late)
        p_empty = offer.worth.p_empty
        return [Line(int(rows[row]), units, None, float(p_empty[row])) for row, units in tub]

    def believed(self, now_s: float, rows: Ints) -> Level:
        """Return the level to reckon with."""
        return self.belief.level(now_s, rows)

    def _reprice(self, offer: compose.Offer, *, now_s: float, late: bool) -> None:
        if now_s - self._priced_s < compose.PRICE_STEP_S:
            return
        workers = sum(shift.starts_s <= now_s < shift.ends_s for shift in self._day.shifts)
        work_s = compose.work_s(offer, price=self.price, late=late)
        self.price = compose.next_price(self.price, work_s=work_s, workers=workers, passed_s=now_s - self._priced_s)
        self._priced_s = now_s


class Oracle(Own):
    """o: as x, but the true mean rate of each item is given: what better forecasts alone could still win."""

    def __init__(self, setting: Setting, units_a_day: dict[int, np.ndarray[tuple[int], np.dtype[np.float64]]]) -> None:
        super().__init__(setting)
        self._units_a_day = units_a_day

    def believed(self, now_s: float, rows: Ints) -> Level:
        """Return the given mean, without doubt."""
        level = super().believed(now_s, rows)
        lines = self._units_a_day[self._day.number][rows] / level.units
        sure = np.full(len(rows), 1e9)
        return Level(np.maximum(lines, 1e-9) * sure, sure, level.units, level.phi)
