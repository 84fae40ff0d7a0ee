"""f: what perfect knowledge of the day's demand and of the true stock would reach with the same hands and tubs.

Best of several list schedules for each day: a strong reference, not a proof of the optimum. Only items that would run
out matter to it. For each it knows when the shelf will be empty and how many units a delivery would save, so that
`saved / seconds of work` is exact.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import product

import numpy as np

from pullsvc.backtest import store
from pullsvc.backtest.model import CLOSES_S, Floats, Ints, Log, Mask
from pullsvc.backtest.rule import Books, Day, Line, Rule, Setting
from pullsvc.backtest.shop import demand_before

LANDS_AFTER_S = 600.0  # From a claim to the middle of the tub's lines.
NEXT_TUB_S = 900.0  # What a tub takes, and so how much later the next one lands.
LAST_ROUND_S = 45 * 60.0  # Before the end of the last shift, the night is filled for.
SOON_S = 25 * 60.0  # An item that is empty within so long is worth a tub that is not full.


class Order(StrEnum):
    """What a schedule puts first."""

    EMPTY = "empty"  # Who is empty first.
    VALUE = "value"  # Most units saved per second of work.
    DELAY = "delay"  # Most units lost per second of work if the next tub brought it and not this one.


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a schedule chooses.

    Attributes:
        order: What goes first.
        horizon_s: Only shelves that are empty within so long are considered, but for the last round.
        least: Units saved per second of work that a line must reach.
        lines: Of a tub; small ones come back sooner.
    """

    order: Order
    horizon_s: float
    least: float = 0.0
    lines: int = store.TUB_LINES


RECIPES = (
    *(Recipe(Order.EMPTY, minutes * 60.0, least) for minutes, least in product((40, 75, 150, 300), (0.0, 0.02))),
    *(Recipe(Order.VALUE, minutes * 60.0) for minutes in (40, 75, 150, 300)),
    *(Recipe(Order.DELAY, minutes * 60.0) for minutes in (75, 300)),
    *(Recipe(Order.DELAY, 75 * 60.0, lines=lines) for lines in (3, 6)),
    *(Recipe(Order.EMPTY, minutes * 60.0, lines=lines) for minutes, lines in ((40, 3), (40, 6), (300, 5))),
)


class Clairvoyant(Rule):
    """A list schedule with full knowledge; `foresee` tells it the day."""

    def __init__(self, setting: Setting, recipe: Recipe) -> None:
        super().__init__(setting)
        self.recipe = recipe
        self._last_round_s = float(CLOSES_S)

    def foresee(self, lines: Log, *, backroom: Ints) -> None:
        """Take in the demand of the day, and what is truly in the backroom."""
        capacity = self.setting.items.capacity
        total = np.bincount(lines.item, weights=lines.qty, minlength=len(capacity)).astype(np.int64)
        self._rows: Ints = np.flatnonzero((total > capacity) & (backroom > 0))
        place = np.full(len(capacity), -1)
        place[self._rows] = np.arange(len(self._rows))
        mine = place[lines.item] >= 0
        order = np.flatnonzero(mine)[np.argsort(place[lines.item[mine]], kind="stable")]
        before = demand_before(lines, items=len(capacity))
        self._of: Ints = place[lines.item[order]]
        self._second: Ints = lines.second[order]
        self._upto: Ints = before[order] + lines.qty[order]
        self._total: Ints = total[self._rows]
        self._capacity: Ints = capacity[self._rows]
        # Rank lines by (item, units asked for) and by (item, second), to look both up for all items at once.
        self._wide = int(max(self._upto.max(initial=0), CLOSES_S)) + 1
        self._by_units: Ints = self._of * self._wide + self._upto
        self._by_second: Ints = self._of * self._wide + self._second
        self._each: Ints = np.arange(len(self._rows)) * self._wide

    def open_day(self, day: Day, books: Books) -> None:
        """Begin a day."""
        self._last_round_s = max((shift.ends_s for shift in day.shifts), default=0.0) - LAST_ROUND_S

    def ask(self, now_s: float, books: Books, *, worker: int) -> Sequence[Line]:
        """Return the tub of this recipe."""
        asked, landing = self._asked_until(now_s), self._asked_until(now_s + LANDS_AFTER_S)
        stock = np.maximum(books.on_shelf[self._rows], 0)  # Undisturbed books are the truth.
        then = np.maximum(stock - (landing - asked), 0)  # When the tub lands.
        saved = np.minimum(self._capacity - then, self._total - landing - then)
        saved = np.maximum(np.minimum(saved, books.backroom[self._rows]), 0)
        value = saved / (store.LINE_S + store.UNIT_S * saved + store.TRIP_S / store.TUB_LINES)
        empty_s = self._empty_at(asked + stock)
        horizon_s = np.inf if now_s >= self._last_round_s else now_s + self.recipe.horizon_s
        fit = (saved > 0) & ~books.busy[self._rows] & (value >= self.recipe.least) & (empty_s <= horizon_s)
        rows = np.flatnonzero(fit)
        later = np.maximum(self._asked_until(now_s + LANDS_AFTER_S + NEXT_TUB_S) - landing - then, 0)
        keys = {
            Order.EMPTY: empty_s,
            Order.VALUE: -value,
            Order.DELAY: -np.minimum(later, saved) / (store.LINE_S + store.UNIT_S * saved),
        }
        tub = rows[np.lexsort((empty_s[rows], keys[self.recipe.order][rows]))[: self.recipe.lines]]
        if not len(tub) or (len(tub) < self.recipe.lines and empty_s[tub].min() > now_s + SOON_S):
            return []
        tub = tub[np.argsort(empty_s[tub], kind="stable")]
        return [Line(int(self._rows[row]), int(saved[row])) for row in tub]

    def _asked_until(self, now_s: float) -> Ints:
        """Return the units asked for until now, per item."""
        last = np.searchsorted(self._by_second, self._each + int(now_s), side="right") - 1
        mine: Mask = (last >= 0) & (self._of[last] == np.arange(len(self._rows))) if len(self._of) else last >= 0
        return np.where(mine, self._upto[last], 0) if len(self._of) else np.zeros(len(self._rows), dtype=np.int64)

    def _empty_at(self, units: Ints) -> Floats:
        """Return when the demand passes so many units since the morning; infinite: never."""
        line = np.searchsorted(self._by_units, self._each + units, side="right")
        known = np.minimum(line, max(len(self._of) - 1, 0))
        mine = (line < len(self._of)) & (self._of[known] == np.arange(len(self._rows)))
        return np.where(mine, self._second[known], np.inf)
