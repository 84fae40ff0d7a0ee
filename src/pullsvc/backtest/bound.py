"""What no schedule can beat: the store relaxed until its optimum is easy to find.

Relaxed: hands are a fluid that may work on any line at any rate; units may be brought in fractions and at any time
before they are asked for, however full the shelf is; a trip's fixed seconds are shared by full tubs. What remains is
the hands' time up to each moment. A unit that the night fill does not cover costs at least

    UNIT_S + (LINE_S + TRIP_S / TUB_LINES) / (units that one line can bring of it)

and must be paid for before it is asked for. Units of equal worth with deadlines and costs: take them by deadline, and
when time runs short give up the dearest so far (Moore's rule, in fractions, which is then optimal).
"""

import heapq
from collections.abc import Sequence

import numpy as np

from pullsvc.backtest import store
from pullsvc.backtest.model import Ints, Items, Log
from pullsvc.backtest.shop import demand_before
from pullsvc.backtest.store import Shift


def least_lost(items: Items, lines: Log, backroom: Ints, staff: Sequence[Shift]) -> float:
    """Return a number of lost units that no rule can go below on this day, when work takes its mean time."""
    before = demand_before(lines, items=len(items))
    beyond = np.clip(before + lines.qty - items.capacity[lines.item], 0, lines.qty)
    total = np.bincount(lines.item, weights=beyond, minlength=len(items))
    kept: list[tuple[float, float]] = []  # (-cost of a unit, units), the dearest on top.
    spent_s = lost = 0.0
    given = np.zeros(len(items))
    for line in np.flatnonzero(beyond).tolist():
        item = int(lines.item[line])
        units = float(min(beyond[line], max(0.0, backroom[item] - given[item])))
        lost += float(beyond[line]) - units
        given[item] += units
        if not units:
            continue
        one_line = min(float(items.capacity[item]), float(total[item]), float(store.TUB_UNITS))
        cost_s = store.UNIT_S + (store.LINE_S + store.TRIP_S / store.TUB_LINES) / one_line
        heapq.heappush(kept, (-cost_s, units))
        spent_s += cost_s * units
        supply_s = worked_until(staff, float(lines.second[line]))
        while spent_s > supply_s and kept:
            dearest, held = heapq.heappop(kept)
            dropped = min(held, (spent_s - supply_s) / -dearest)
            spent_s += dearest * dropped
            lost += dropped
            if dropped < held:
                heapq.heappush(kept, (dearest, held - dropped))
    return lost


def worked_until(staff: Sequence[Shift], now_s: float) -> float:
    """Return the seconds of work that the shifts give until `now_s`, the last trip of each, begun in time, included."""
    last_trip_s = store.trip_s(store.TUB_LINES, store.TUB_UNITS)
    return sum(min(max(0.0, now_s - shift.starts_s), shift.ends_s - shift.starts_s + last_trip_s) for shift in staff)
