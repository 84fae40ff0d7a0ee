"""The rules that stores use today: night fill only, hourly lists, min/max, and a rate with a safety time."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from pullsvc.backtest.model import HOUR_S, OPENS_S, Floats, Ints
from pullsvc.backtest.rule import Books, Day, DayRecord, Line, Put, Rule, Sales, Setting
from pullsvc.backtest.store import TUB_LINES


class NightFill(Rule):
    """a: what the night put on the shelf must last."""


class _Listed(Rule, ABC):
    """A list is made every so often; workers take it from the top, a tub at a time. A new list replaces the old one."""

    every_s = float(HOUR_S)

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._list: list[Line] = []
        self._made = -1.0

    def open_day(self, day: Day, books: Books) -> None:
        """Begin without a list."""
        self._list, self._made = [], -1.0

    def ask(self, now_s: float, books: Books, *, worker: int) -> Sequence[Line]:
        """Return the next tub of the list, made anew when its time has come."""
        if now_s // self.every_s != self._made:
            self._made = now_s // self.every_s
            made_s = self._made * self.every_s
            wanted = self.list_of(books)
            self._list = [Line(item, qty, made_s) for item, qty in wanted if qty > 0 and not books.busy[item]]
        tub, self._list = self._list[:TUB_LINES], self._list[TUB_LINES:]
        return tub

    @abstractmethod
    def list_of(self, books: Books) -> list[tuple[int, int]]:
        """Return what to bring, the most urgent first, as (item, eaches)."""


class OneForOne(_Listed):
    """b1: every hour, bring what was sold since the last list."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._owed: Ints = np.zeros(len(setting.items), dtype=np.int64)

    def open_day(self, day: Day, books: Books) -> None:
        """Begin with nothing owed."""
        super().open_day(day, books)
        self._owed[:] = 0

    def sold(self, sales: Sales, books: Books) -> None:
        """Owe what was sold."""
        np.add.at(self._owed, sales.item, sales.qty)

    def put(self, put: Put, books: Books) -> None:
        """Owe less by what came."""
        self._owed[put.item] = max(0, self._owed[put.item] - put.wanted)

    def list_of(self, books: Books) -> list[tuple[int, int]]:
        """Return all that is owed and can be had, in the order of the items."""
        owed = np.flatnonzero((self._owed > 0) & (books.backroom > 0))
        return list(zip(owed.tolist(), self._owed[owed].tolist(), strict=True))


class MinMax(_Listed):
    """c: every hour, items at half their capacity or less, the emptiest first, up to capacity; the reference."""

    trigger = 0.5
    whole_packs = False

    def list_of(self, books: Books) -> list[tuple[int, int]]:
        """Return what stands at the trigger or below, by share of capacity left."""
        items = self.setting.items
        on_shelf = np.maximum(books.on_shelf, 0)
        low = np.flatnonzero((on_shelf <= self.trigger * items.capacity) & (books.backroom > 0) & ~books.busy)
        need = items.capacity[low] - on_shelf[low]
        if self.whole_packs:
            need = need // items.case_pack[low] * items.case_pack[low]
        order = np.lexsort((low, on_shelf[low] / items.capacity[low]))
        return list(zip(low[order].tolist(), need[order].tolist(), strict=True))


class MinMaxLow(MinMax):
    """c30: as c with a 30 % trigger; its hours, with hands enough, define the labour levels."""

    trigger = 0.3


class MinMaxPacks(MinMaxLow):
    """b2: every hour, items at 30 % or less, the need in whole packs."""

    whole_packs = True


class MinMaxOften(MinMax):
    """c+: as c, every five minutes."""

    every_s = 300.0


class SafetyTime(Rule):
    """d: a smoothed rate and a fixed safety time: bring what would not last, the first to be empty first.

    The rate of an item is its mean of the past days, forgotten by `KEEP_A_DAY`, mixed with what it sold in the last
    hours of today, forgotten with the time constant `TODAY_S`.
    """

    KEEP_A_DAY = 0.93
    TODAY_S = 4.0 * HOUR_S
    WEIGHT_TODAY = 0.3
    SAFETY_S = 10 * HOUR_S  # Tuned on validation days: hands that would idle top up early.
    TRADING_S = 15.0 * HOUR_S  # Most of a day's sales fall into so many hours.

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        n = len(setting.items)
        self._level: Floats = np.zeros(n)
        self._weight = 0.0
        self._today: Floats = np.zeros(n)
        self._at_s = float(OPENS_S)

    def learn(self, record: DayRecord) -> None:
        """Smooth the day's total into the level."""
        total = np.bincount(record.sales.item, weights=record.sales.qty, minlength=len(self._level))
        self._weight = self.KEEP_A_DAY * self._weight + 1
        self._level += (total - self._level) / self._weight

    def open_day(self, day: Day, books: Books) -> None:
        """Begin with the level as the pace of the day."""
        self._today = self._level / self.TRADING_S
        self._at_s = OPENS_S

    def sold(self, sales: Sales, books: Books) -> None:
        """Let what was sold raise the pace of today."""
        self._forget(float(sales.second[-1]) if len(sales) else self._at_s)
        np.add.at(self._today, sales.item, sales.qty / self.TODAY_S)

    def ask(self, now_s: float, books: Books, *, worker: int) -> Sequence[Line]:
        """Return the items that will be empty first, if within the safety time."""
        self._forget(now_s)
        items = self.setting.items
        rate = (1 - self.WEIGHT_TODAY) * self._level / self.TRADING_S + self.WEIGHT_TODAY * self._today
        on_shelf = np.maximum(books.on_shelf, 0)
        short = np.flatnonzero(
            (on_shelf <= rate * self.SAFETY_S) & (on_shelf < items.capacity) & (books.backroom > 0) & ~books.busy
        )
        lasts_s = on_shelf[short] / np.maximum(rate[short], 1e-12)
        first = short[np.lexsort((-rate[short], lasts_s))[:TUB_LINES]]
        return [Line(int(item), int(items.capacity[item] - on_shelf[item])) for item in first]

    def _forget(self, now_s: float) -> None:
        if now_s > self._at_s:
            self._today *= np.exp(-(now_s - self._at_s) / self.TODAY_S)
            self._at_s = now_s
