"""Replay one day: customers, tills and workers as events in order of time.

A worker whose shift runs is asked for whenever a trip ends, then once a minute until the rule has a tub for him. What
is claimed is reserved in the record at once. Each part of a trip takes its mean time (see `store`) times its own luck.
"""

import heapq
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import count

import numpy as np

from pullsvc.backtest import store
from pullsvc.backtest.model import CLOSES_S, Floats, Items
from pullsvc.backtest.results import DELIVERY, TRIP, DayResult
from pullsvc.backtest.rule import Day, DayRecord, Line, Put, Rule
from pullsvc.backtest.shop import Morning, Shop
from pullsvc.backtest.store import Shift

ASK_EVERY_S = 60.0


@dataclass(slots=True)
class _Trip:
    """A tub on its way; its lines land in their order.

    Attributes:
        lines: What was claimed.
        picked: Eaches of each line that the backroom had.
        lands_s: When each line lands.
        landed: Lines on the shelf so far.
        brought_back: Lines of which something did not fit.
    """

    starts_s: float
    lines: list[Line]
    picked: list[int]
    lands_s: list[float]
    back_s: float
    backstock_s: float
    landed: int = 0
    brought_back: int = 0


class _Replay:
    """The events of one day."""

    def __init__(self, items: Items, morning: Morning, rule: Rule, staff: Sequence[Shift], *, seed: int) -> None:
        self.items = items
        self.rule = rule
        self.staff = staff
        self.shop = Shop(items, morning, rule)
        self.deliveries: list[tuple[float, ...]] = []
        self.trips: list[tuple[float, ...]] = []
        self._luck = [store.noise(seed=seed, day=morning.day, worker=worker) for worker in range(len(staff))]
        self._made = [0] * len(staff)
        self._order = count()
        # (when, order, worker, trip): the trip's next line lands, or, without one, the worker is free.
        self._events: list[tuple[float, int, int, _Trip | None]] = []

    def run(self) -> None:
        for worker, shift in enumerate(self.staff):
            self._at(shift.starts_s, worker)
        while self._events:
            now_s, _, worker, trip = heapq.heappop(self._events)
            self.shop.until(now_s)
            if trip is not None:
                self._land(trip, worker, now_s=now_s)
            elif now_s < self.staff[worker].ends_s:
                self._ask(worker, now_s=now_s)
        self.shop.until(CLOSES_S)

    def _at(self, when_s: float, worker: int, trip: _Trip | None = None) -> None:
        heapq.heappush(self._events, (when_s, next(self._order), worker, trip))

    def _ask(self, worker: int, *, now_s: float) -> None:
        lines = self._claim(self.rule.ask(now_s, self.shop.books, worker=worker))
        if lines and self._made[worker] < store.TRIPS_MAX:
            self._send(worker, lines, now_s=now_s)
        else:
            self._at((now_s // ASK_EVERY_S + 1) * ASK_EVERY_S, worker)

    def _claim(self, wanted: Iterable[Line]) -> list[Line]:
        """Reserve what the tub can hold and the record has; return it."""
        books = self.shop.books
        lines: list[Line] = []
        space = store.TUB_UNITS
        for line in wanted:
            qty = min(line.qty, space, int(books.backroom[line.item]), int(self.items.capacity[line.item]))
            if qty < 1 or books.busy[line.item]:
                continue
            books.backroom[line.item] -= qty
            books.busy[line.item] = True
            space -= qty
            lines.append(replace(line, qty=qty))
            if len(lines) == store.TUB_LINES or space == 0:
                break
        return lines

    def _send(self, worker: int, lines: list[Line], *, now_s: float) -> None:
        """Pick the tub, and plan when each of its lines lands."""
        fetch, pick, to_floor, stock, back, backstock = self._luck[worker][self._made[worker]].tolist()
        self._made[worker] += 1
        picked = [self._pick(line) for line in lines]
        clock_s = now_s + fetch * store.FETCH_S + to_floor * store.TO_FLOOR_S
        clock_s += pick * (store.PICK_LINE_S * len(lines) + store.PICK_UNIT_S * sum(picked))
        lands_s = []
        for qty in picked:
            clock_s += stock * (store.STOCK_LINE_S + store.STOCK_UNIT_S * qty) if qty else 0.0
            lands_s.append(clock_s)
        trip = _Trip(now_s, lines, picked, lands_s, back * store.BACK_S, backstock * store.BACKSTOCK_LINE_S)
        self._at(lands_s[0], worker, trip)

    def _pick(self, line: Line) -> int:
        """Take what is there of a line; a picker who finds less than the record says corrects the record."""
        picked = min(line.qty, int(self.shop.backroom[line.item]))
        self.shop.backroom[line.item] -= picked
        if picked < line.qty:
            self.shop.books.backroom[line.item] = 0
        return picked

    def _land(self, trip: _Trip, worker: int, *, now_s: float) -> None:
        """Put the trip's next line on its shelf, and after the last one send the worker back."""
        line, picked, shop = trip.lines[trip.landed], trip.picked[trip.landed], self.shop
        before = shop.stock(line.item)
        put = shop.fill(line.item, picked, now_s=now_s) if picked else 0
        shop.books.busy[line.item] = False
        shop.backroom[line.item] += picked - put
        shop.books.backroom[line.item] += picked - put
        trip.landed += 1
        trip.brought_back += put < picked
        asked_s = trip.starts_s if line.asked_s is None else line.asked_s
        p_empty = np.nan if line.p_empty is None else line.p_empty
        self.deliveries.append((line.item, asked_s, trip.starts_s, now_s, line.qty, picked, put, before, p_empty))
        self.rule.put(Put(item=line.item, now_s=now_s, wanted=line.qty, picked=picked, put=put), shop.books)
        if trip.landed < len(trip.lines):
            self._at(trip.lands_s[trip.landed], worker, trip)
            return
        ends_s = now_s + trip.back_s + trip.backstock_s * trip.brought_back
        self.trips.append((worker, trip.starts_s, ends_s, len(trip.lines), sum(trip.picked)))
        self._at(ends_s, worker)


def play_day(
    items: Items, morning: Morning, rule: Rule, staff: Sequence[Shift], *, seed: int
) -> tuple[DayResult, DayRecord]:
    """Play one day with a rule that has learnt the days before it, and let it learn this one.

    Returns:
        What happened, and the day as the tills saw it.
    """
    began = time.process_time()
    replay = _Replay(items, morning, rule, staff, seed=seed)
    rule.open_day(Day(number=morning.day, shifts=staff), replay.shop.books)
    replay.run()
    record = replay.shop.record()
    rule.learn(record)
    result = DayResult(
        day=morning.day,
        lines=morning.lines,
        sold=replay.shop.sold,
        deliveries=_table(replay.deliveries, len(DELIVERY)),
        trips=_table(replay.trips, len(TRIP)),
        stolen=replay.shop.stolen,
        staffed_s=sum(shift.ends_s - shift.starts_s for shift in staff),
        cpu_s=time.process_time() - began,
    )
    return result, record


def _table(rows: list[tuple[float, ...]], columns: int) -> Floats:
    return np.array(rows, dtype=np.float64).reshape(-1, columns)
