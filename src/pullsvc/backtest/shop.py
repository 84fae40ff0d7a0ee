"""The true store during one day, and the books that the tills and the workers keep of it.

Shelves are kept in the coordinates of demand: `level[i]` is how many eaches of item i customers could have bought
since the morning. A line that asks for the eaches number `before` + 1 to `before` + `qty` of its item gets those up to
`level`. A delivery raises the level, so nothing has to be walked through line by line.
"""

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np

from pullsvc.backtest.model import CLOSES_S, Floats, Ints, Items, Log
from pullsvc.backtest.rule import Books, DayRecord, Rule, Sales


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """Which lines the tills report, and when: rows in order of report.

    Attributes:
        line: Index of the line in the day's log; a line may come twice, or never.
        at_s: When it is reported; never before it was sold.
    """

    line: Ints
    at_s: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Morning:
    """How a day begins.

    Attributes:
        day: In days since 1970-01-01.
        lines: The demand of the day, in order of time.
        backroom: What is there.
        recorded: What the record says is there.
        feed: How the sales are reported.
        thefts: Unseen losses, rows of second, item, share of the shelf lost; in order of time.
    """

    day: int
    lines: Log
    backroom: Ints
    recorded: Ints
    feed: Feed
    thefts: Floats


def prompt_feed(lines: Log) -> Feed:
    """Return the feed of tills that report every line once, at once."""
    return Feed(line=np.arange(len(lines)), at_s=lines.second.astype(np.float64))


class Shop:
    """The truth and the books of one day; `until` moves both on."""

    def __init__(self, items: Items, morning: Morning, rule: Rule) -> None:
        self.lines = morning.lines
        self.sold: Ints = np.zeros(len(morning.lines), dtype=np.int64)
        self.backroom = morning.backroom.copy()
        self.stolen = 0
        self.capacity = items.capacity
        self.books = Books(
            on_shelf=items.capacity.copy(),
            backroom=morning.recorded.copy(),
            busy=np.zeros(len(items), dtype=np.bool_),
        )
        self._day = morning.day
        self._rule = rule
        self._level = items.capacity.copy()
        self._asked: Ints = np.zeros(len(items), dtype=np.int64)
        self._before = demand_before(morning.lines, items=len(items))
        self._second: list[int] = morning.lines.second.tolist()
        self._next = 0
        self._feed = morning.feed
        self._report_s: list[float] = morning.feed.at_s.tolist()
        self._reported = 0
        self._reported_qty: list[tuple[Ints, Ints]] = []
        self._thefts = morning.thefts
        self._robbed = 0
        self._empty_since: dict[int, float] = {}
        self._empty: list[tuple[float, float, float]] = []

    def until(self, now_s: float) -> None:
        """Let customers come and tills report up to and including `now_s`."""
        while self._robbed < len(self._thefts) and self._thefts[self._robbed, 0] <= now_s:
            second, item, share = self._thefts[self._robbed]
            self._shop_until(float(second))
            self._steal(int(item), share=float(share))
            self._robbed += 1
        self._shop_until(now_s)
        self._report_until(now_s)

    def stock(self, item: int) -> int:
        """Return what truly stands on the shelf."""
        return max(0, int(self._level[item] - self._asked[item]))

    def fill(self, item: int, qty: int, *, now_s: float) -> int:
        """Put up to `qty` on the shelf, correct the books if it was found full, and return what fitted."""
        stock = self.stock(item)
        put = min(qty, int(self.capacity[item]) - stock)
        self._level[item] = self._asked[item] + stock + put
        on_shelf = self.books.on_shelf
        on_shelf[item] = self.capacity[item] if put < qty else on_shelf[item] + put
        if on_shelf[item] > 0 and item in self._empty_since:
            self._empty.append((item, self._empty_since.pop(item), now_s))
        return put

    def record(self) -> DayRecord:
        """Return the day as the tills saw it; call it when the day is over."""
        open_ended = [(item, since, float(CLOSES_S)) for item, since in self._empty_since.items()]
        line = self._feed.line[: self._reported]
        seen = self.sold[line] > 0
        line = line[seen]
        sales = Sales(second=self.lines.second[line], item=self.lines.item[line], qty=self.sold[line])
        empty = np.array([*self._empty, *open_ended], dtype=np.float64).reshape(-1, 3)
        return DayRecord(number=self._day, sales=sales, empty=empty)

    def _shop_until(self, now_s: float) -> None:
        first, last = self._next, bisect_right(self._second, now_s, self._next)
        if first == last:
            return
        item, qty = self.lines.item[first:last], self.lines.qty[first:last]
        self.sold[first:last] = np.clip(self._level[item] - self._before[first:last], 0, qty)
        np.add.at(self._asked, item, qty)
        self._next = last

    def _report_until(self, now_s: float) -> None:
        first, last = self._reported, bisect_right(self._report_s, now_s, self._reported)
        if first == last:
            return
        self._reported = last
        line = self._feed.line[first:last]
        line = line[self.sold[line] > 0]
        sales = Sales(second=self.lines.second[line], item=self.lines.item[line], qty=self.sold[line])
        on_shelf = self.books.on_shelf
        np.subtract.at(on_shelf, sales.item, sales.qty)
        for item in sales.item[on_shelf[sales.item] <= 0].tolist():
            self._empty_since.setdefault(item, now_s)
        self._rule.sold(sales, self.books)

    def _steal(self, item: int, *, share: float) -> None:
        gone = round(self.stock(item) * share)
        self._level[item] -= gone
        self.stolen += gone


def demand_before(lines: Log, *, items: int) -> Ints:
    """Return for each line how many eaches of its item were asked for earlier in the day."""
    order = np.argsort(lines.item, kind="stable")
    running = np.cumsum(lines.qty[order]) - lines.qty[order]
    starts = np.searchsorted(lines.item[order], np.arange(items))
    base = np.append(running, 0)[np.minimum(starts, len(running))]
    before: Ints = np.empty(len(lines), dtype=np.int64)
    before[order] = running - base[lines.item[order]]
    return before


def trading_record(lines: Log, *, day: int) -> DayRecord:
    """Return a day of the log as the tills saw it, as far as the log tells: nothing is known of empty shelves."""
    sales = Sales(second=lines.second, item=lines.item, qty=lines.qty)
    return DayRecord(number=day, sales=sales, empty=np.zeros((0, 3)))
