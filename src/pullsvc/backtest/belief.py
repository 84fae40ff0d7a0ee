"""What a rule believes of sales, kept by the pure engine in `demand` exactly as the live service keeps it."""

import numpy as np

from pullsvc.backtest.model import CLOSES_S, OPENS_S, Floats, Ints, Items, to_date
from pullsvc.backtest.rule import DayRecord, Sales
from pullsvc.demand.levels import Events, Kind, Level, Levels, nanodays
from pullsvc.demand.profile import BINS, DayCurve, Profile, bins_of, traffic_factor, wall_curve
from pullsvc.demand.value import Ahead


class Belief:
    """Levels of all items, the store's profile, and how busy today is."""

    def __init__(self, items: Items) -> None:
        names = {name: row for row, name in enumerate(sorted(set(zip(items.department, items.category, strict=True))))}
        pairs = zip(items.department, items.category, strict=True)
        self._groups: Ints = np.array([names[pair] for pair in pairs], dtype=np.int64)
        self._levels = Levels.new(len(items))
        self._profile = Profile.empty()
        self._days = 0
        self._live = False
        self._begin(0)

    def learn(self, record: DayRecord) -> None:
        """Close a day: one that was lived through is only turned over, one of the log is taken in at once.

        As live, a day without one line is passed over: the store was closed, which says nothing of the items.
        """
        if not self._live:
            self._begin(record.number)
            self.sold(record.sales)
        self._live = False
        if not self._seen:
            return
        bins = np.bincount(bins_of(record.sales.second), minlength=BINS)
        self._levels.roll_over(
            int(nanodays(self._curve.total)),
            traffic=traffic_factor(lines_seen=self._seen, lines_expected=self._expected * self._curve.total),
            groups=self._groups,
        )
        expected = self._expected if self._days else None
        self._profile = self._profile.after(to_date(record.number).weekday(), bins, expected=expected)
        self._days += 1

    def open_day(self, day: int) -> None:
        """Begin a day that is lived through: shelves are full."""
        self._begin(day)
        self._live = True

    def sold(self, sales: Sales) -> None:
        """Take in lines just sold."""
        self._seen += len(sales)
        self._happened(sales.item, Kind.SOLD, sales.second, sales.qty)

    def emptied(self, item: Ints, *, now_s: float) -> None:
        """Hear that the books have these shelves empty."""
        self._happened(item, Kind.EMPTIED, np.full(len(item), now_s), np.ones(len(item), dtype=np.int64))

    def stocked(self, item: int, *, now_s: float) -> None:
        """Hear that a shelf has stock again."""
        self._happened(np.array([item]), Kind.STOCKED, np.array([now_s]), np.ones(1, dtype=np.int64))

    def level(self, now_s: float, rows: Ints) -> Level:
        """Return what is believed of some items now."""
        passed = float(self._curve.at(now_s - OPENS_S))
        seen = self._on_shelf(passed, rows) * self.traffic(now_s)
        morning, today = self._morning.take(rows), self._levels.today_lines[rows]
        return Level(morning.shape + today, morning.exposure + seen, morning.units, morning.phi)

    def ahead(self, now_s: float, *, lead_s: float, until_s: float = CLOSES_S) -> Ahead:
        """Return the demand until a tub lands and until `until_s`, in average days."""
        curve, busy = self._curve, self.traffic(now_s)
        since = now_s - OPENS_S
        landing = busy * curve.between(since, min(since + lead_s, until_s - OPENS_S))
        return Ahead.of(landing=landing, closing=busy * curve.between(since, until_s - OPENS_S))

    def traffic(self, now_s: float) -> float:
        """Return how busy today is so far."""
        passed = float(self._curve.at(now_s - OPENS_S))
        return traffic_factor(lines_seen=self._seen, lines_expected=self._expected * passed)

    def _on_shelf(self, passed: float, rows: Ints) -> Floats:
        at = int(nanodays(passed))
        on_shelf = at * (1 - self._levels.is_empty[rows]) - self._levels.away[rows]
        return np.asarray(on_shelf / 1e9)

    def _begin(self, day: int) -> None:
        self._curve: DayCurve = wall_curve(self._profile, to_date(day).weekday(), starts_s=OPENS_S)
        self._morning = self._levels.morning()
        self._expected = float(self._morning.lines_a_day.sum())
        self._seen = 0
        # The night fill has stocked what was empty in the evening.
        empty = np.flatnonzero(self._levels.is_empty)
        self._happened(empty, Kind.STOCKED, np.full(len(empty), OPENS_S), np.ones(len(empty), dtype=np.int64))

    def _happened(self, item: Ints, kind: Kind, second: Ints | Floats, qty: Ints) -> None:
        at = nanodays(self._curve.at(np.asarray(second, dtype=np.float64) - OPENS_S))
        self._levels.apply(Events(item=item, kind=np.full(len(item), int(kind)), at=at, qty=qty))
