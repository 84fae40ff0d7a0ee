"""What would have happened on a past day with other settings: the watch played over the day's own sales. Pure.

Customers come as the tills recorded them, so what nobody could buy that day is not asked for here either: the figures
compare settings with one another, not with the day itself. Every LOOK_S the watch looks at the shelves that could run
low, by the very functions that decide live; whoever is free takes the most urgent pulls by the tub, works as long as
the settings say that it takes, and puts them on the shelf. The levels are those that are known now, for all settings.
"""

import heapq
from dataclasses import dataclass, replace

import numpy as np

from pullsvc.demand.evidence import Lines
from pullsvc.demand.horizon import Floats, Ints
from pullsvc.demand.levels import Events, Kind, Level, Levels, nanodays
from pullsvc.demand.profile import DayCurve
from pullsvc.restock import compose
from pullsvc.restock.hours import BEFORE_CLOSING, BEFORE_OPENING
from pullsvc.restock.rules import Moment, Shelves, wanted
from pullsvc.restock.settings import Settings

LOOK_S = 600.0
SAFE_DEVIATIONS, SAFE_UNITS = 4.0, 1.0  # A shelf so far above the demand of the rest of the day needs no look.


@dataclass(frozen=True, slots=True)
class PastDay:
    """A business day of a store, one entry an item; each at its home shelf.

    Attributes:
        lines: What was sold; `item` is the row.
        curve: Of the day.
        opens_s, closes_s: When the store was open, in seconds since the business day began.
        levels: What is known of the items.
        book: What stood on the shelf in the morning.
        capacity, presentation_min, case_pack: Of the shelf and the item.
        backroom: What could be brought.
        department: Of each item.
        workers: How many worked on pulls.
        leads_s: Times to shelf.
    """

    lines: Lines
    curve: DayCurve
    opens_s: float
    closes_s: float
    levels: Levels
    book: Ints
    capacity: Ints
    presentation_min: Ints
    case_pack: Ints
    backroom: Ints
    department: tuple[str, ...]
    workers: int
    leads_s: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a day.

    Attributes:
        pulls: Pulls opened.
        units: Eaches brought to shelves.
        asked_units: Eaches that customers asked for.
        lost_units: Of those, eaches that no shelf had.
        work_s: Seconds of work on pulls.
    """

    pulls: int = 0
    units: int = 0
    asked_units: int = 0
    lost_units: int = 0
    work_s: float = 0.0

    def plus(self, other: "Outcome") -> "Outcome":
        """Return both together."""
        return Outcome(
            self.pulls + other.pulls,
            self.units + other.units,
            self.asked_units + other.asked_units,
            self.lost_units + other.lost_units,
            self.work_s + other.work_s,
        )


def rehearse(day: PastDay, settings: Settings) -> Outcome:
    """Play the day with these settings."""
    return _Play(day, settings).run()


class _Play:
    """The course of one day."""

    def __init__(self, day: PastDay, settings: Settings) -> None:
        self.day = day
        self.settings = settings
        self.stock = np.minimum(np.maximum(day.book, 0), day.capacity)
        self.backroom = np.maximum(day.backroom, 0).copy()
        self.in_flight = np.zeros(len(day.book), dtype=np.int64)
        self.levels = day.levels.take(np.arange(len(day.book)))
        departments = [settings.of(name) for name in day.department]
        self.weight = np.array([one.weight if one.enabled else 0.0 for one in departments])
        self.price = compose.FIRST_PRICE
        self.open: dict[int, tuple[int, int]] = {}  # Item: urgency, eaches.
        self.free_s = [day.opens_s - BEFORE_OPENING.total_seconds()] * max(day.workers, 1)
        self.landing: list[tuple[float, int, int]] = []  # When, item, eaches.
        self.outcome = Outcome(asked_units=int(day.lines.qty.sum()))

    def run(self) -> Outcome:
        """Play it and return what came of it."""
        day = self.day
        order = np.argsort(day.lines.second, kind="stable")
        second, item, qty = day.lines.second[order], day.lines.item[order], day.lines.qty[order]
        starts_s, ends_s = day.opens_s - BEFORE_OPENING.total_seconds(), day.closes_s
        looks = np.arange(starts_s, ends_s, LOOK_S)
        edges = np.searchsorted(second, looks)
        first = 0
        for now_s, last in zip(looks.tolist(), edges.tolist(), strict=True):
            self._sell(item[first:last], qty[first:last], second[first:last])
            first = last
            self._land(now_s)
            if self.settings.enabled and now_s < day.closes_s - BEFORE_CLOSING.total_seconds():
                self._look(now_s)
            self._work(now_s)
        self._sell(item[first:], qty[first:], second[first:])
        return self.outcome

    def _sell(self, item: Ints, qty: Ints, second: Floats) -> None:
        if not len(item):
            return
        asked = np.bincount(item, qty, len(self.stock)).astype(np.int64)
        lost = np.maximum(asked - self.stock, 0)
        self.stock = np.maximum(self.stock - asked, 0)
        self.outcome = replace(self.outcome, lost_units=self.outcome.lost_units + int(lost.sum()))
        at = nanodays(self.day.curve.at(second))
        self.levels.apply(Events(item, np.full(len(item), int(Kind.SOLD), dtype=np.int64), at, qty))

    def _land(self, now_s: float) -> None:
        while self.landing and self.landing[0][0] <= now_s:
            _, item, qty = heapq.heappop(self.landing)
            self.stock[item] = min(int(self.stock[item]) + qty, int(self.day.capacity[item]))
            self.in_flight[item] -= qty

    def _look(self, now_s: float) -> None:
        day = self.day
        moment = Moment(
            curve=day.curve,
            traffic=1.0,
            now_s=now_s,
            closes_s=day.closes_s,
            leads_s=day.leads_s,
            price=self.price,
            late=day.closes_s - now_s <= BEFORE_CLOSING.total_seconds() + compose.LAST_ROUND_S,
            settings=self.settings,
        )
        level = self.levels.now(int(nanodays(day.curve.at(now_s))), traffic=1.0)
        rest = level.demand(moment.until(day.closes_s))
        near = self.stock <= rest.mean + SAFE_DEVIATIONS * rest.deviation + SAFE_UNITS
        rows = np.flatnonzero((near | (self.stock < day.presentation_min)) & (self.weight > 0))
        if len(rows):
            self._open(rows, level.take(rows), moment)
        waiting = sum(qty for _, qty in self.open.values())
        labour = self.settings.labour
        work_s = len(self.open) * (labour.line_s + compose.TRIP_S / compose.LINES_MAX) + waiting * labour.unit_s
        self.price = compose.next_price(self.price, work_s=work_s, workers=len(self.free_s), passed_s=LOOK_S)

    def _open(self, rows: Ints, level: Level, moment: Moment) -> None:
        day = self.day
        shelves = Shelves(
            book=self.stock[rows],
            capacity=day.capacity[rows],
            presentation_min=day.presentation_min[rows],
            case_pack=day.case_pack[rows],
            in_flight=self.in_flight[rows],
            unclaimed=np.zeros(len(rows), dtype=np.int64),
            backroom=self.backroom[rows],
            weight=self.weight[rows],
            waited_s=np.zeros(len(rows)),
        )
        qty, urgency = wanted(shelves, level, moment)
        for n in np.flatnonzero(qty > 0).tolist():
            item, more = int(rows[n]), int(qty[n])
            known = self.open.get(item)
            self.outcome = replace(self.outcome, pulls=self.outcome.pulls + (known is None))
            self.open[item] = (int(urgency[n]), more + (known[1] if known else 0))
            self.in_flight[item] += more
            self.backroom[item] -= more

    def _work(self, now_s: float) -> None:
        """Have everybody who is free until the next look take a tub."""
        labour = self.settings.labour
        for worker, free_s in enumerate(self.free_s):
            if free_s >= now_s + LOOK_S or not self.open:
                continue
            tub = sorted(self.open, key=lambda item: (-self.open[item][0], item))[: compose.LINES_MAX]
            begins_s = max(free_s, now_s)
            clock_s = begins_s + compose.TRIP_S / 2
            for item in tub:
                _, qty = self.open.pop(item)
                clock_s += labour.line_s + labour.unit_s * qty
                heapq.heappush(self.landing, (clock_s, item, qty))
                self.outcome = replace(self.outcome, units=self.outcome.units + qty)
            self.free_s[worker] = clock_s + compose.TRIP_S / 2
            worked_s = self.free_s[worker] - begins_s
            self.outcome = replace(self.outcome, work_s=self.outcome.work_s + worked_s)
