"""How fast each item sells: its level in lines an average day, and the units of a line. Pure, over many items.

A store sells an item in lines; their number over an exposure e (in average days, measured on the day's curve) is
Poisson around level * e. Exposure is only the time at which the shelf was believed stocked: what an empty shelf did
not sell says nothing. The level has a Gamma posterior of shape a and exposure b:

    recent   lines, exposure     each day: KEEP_RECENT of what was, and the day; together never more than
                                 RECENT_MAX_LINES lines, so that a fast item follows this week and a slow one a month
    long     lines, exposure     each day: KEEP_LONG of what was, and the day
    group    recent lines over recent exposure of the item's category, drawn to the store's by GROUP_DAYS
    usual    (USUAL_DAYS * group + w * long lines) / (USUAL_DAYS + w * long exposure),
             w = long lines / (long lines + USUAL_LINES): only who has sold much is known by own habits
    morning  a = d * usual + recent lines              b = d + recent exposure
             d = PRIOR_DAYS, or less, until it is worth PRIOR_LINES lines; then
             both scaled down until a <= SHAPE_MAX: the week's level moves, whatever the past has shown
    now      a + lines of today                        b + exposure of today

The posterior of a Gamma level under Poisson counts is in every textbook (Gelman et al.: Bayesian Data Analysis, 2.6);
discounting both parts is the power steady model (Smith 1979). The units q of a line have mean u and dispersion
phi = E[q^2] / E[q], with UNIT_LINES pseudo-lines of the category, which has CATEGORY_LINES of the store.

Measured on two halves of a chain's stores, each at three sizes: against one discount of 0.93 a day and half a day of
the category, this lowers the log score of the half hours by 0.9 to 1.4 %, of the days by 2.0 to 3.8 %, and of the
fastest items' days, on which the shelf depends, by 0.7 to 3.8 %. Without `usual` a fast item cannot follow this week
without forgetting what it is. Resetting the level on one day of the week, as promotions do, did not help.

Live equals batch: everything of the running day is a whole number (lines, units, exposure in nanodays), so sums do not
depend on how events are batched. `rows` and `from_rows` store the state; the version of their layout is LAYOUT.
"""

from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Self

import numpy as np

from pullsvc.demand.horizon import Demand, Floats, Ints, Mask

NANODAYS = 1_000_000_000  # An average day of exposure.

KEEP_RECENT, KEEP_LONG = 0.93, 0.985
RECENT_MAX_LINES = 14.0
USUAL_DAYS, USUAL_LINES = 5.0, 40.0
GROUP_DAYS = 5.0
PRIOR_DAYS, PRIOR_LINES = 3.0, 2.0
SHAPE_MAX = 10.0
UNIT_LINES, CATEGORY_LINES = 20.0, 100.0
NEW_STORE_LINES = 0.1  # Lines a day of an item while nothing at all is known of the store.

LAYOUT = 1


class Kind(IntEnum):
    """What happened to an item.

    A sale while the shelf is believed empty counts, but does not end the belief: whoever keeps the shelf's book does.
    """

    SOLD = 0
    EMPTIED = 1  # The book of the shelf went to nothing.
    STOCKED = 2  # It has stock again.
    SEEN = 3  # Somebody saw it on the shelf.


@dataclass(frozen=True, slots=True)
class Events:
    """What happened on the running day, in order of time for each item.

    Attributes:
        item: Row of the state.
        kind: See Kind.
        at: What of the day had passed, in nanodays; see `nanodays`.
        qty: Eaches of a sale, >= 1; of no meaning else.
    """

    item: Ints
    kind: Ints
    at: Ints
    qty: Ints


@dataclass(frozen=True, slots=True)
class Level:
    """What is believed of items at a moment.

    Attributes:
        shape, exposure: Of the Gamma posterior of the lines an average day; their quotient is its mean.
        units: Mean eaches of a line.
        phi: E[q^2] / E[q] of the eaches of a line; >= 1.
    """

    shape: Floats
    exposure: Floats
    units: Floats
    phi: Floats

    @property
    def lines_a_day(self) -> Floats:
        """Mean lines an average day."""
        return np.asarray(self.shape / self.exposure)

    @property
    def units_a_day(self) -> Floats:
        """Mean eaches an average day."""
        return np.asarray(self.lines_a_day * self.units)

    def demand(self, days: Floats | float) -> Demand:
        """Return the demand over a stretch of the day's curve times the traffic factor, in average days."""
        return Demand.of(self.units_a_day * days, phi=self.phi, shape=self.shape)

    def take(self, rows: Ints | Mask) -> "Level":
        """Return that of some items."""
        return Level(self.shape[rows], self.exposure[rows], self.units[rows], self.phi[rows])


@dataclass(slots=True)
class Levels:
    """The state of many items of one store: the one thing here that changes in place. One entry per item.

    Attributes:
        lines, exposure: Recent evidence of finished days; exposure in average days.
        long_lines, long_exposure: The same over months.
        units, squares: Eaches and squared eaches of the long lines.
        usual: Lines an average day that the item is drawn to.
        usual_units, usual_squares: Eaches and squared eaches a line that it is drawn to.
        silent, silent_recent: Exposure of finished days since the item was last known to be on the shelf; as it was,
            and with the forgetting of `exposure`.
        today_lines, today_units, today_squares: Sold today.
        away: Nanodays of today at an empty shelf; while it is empty, less the moment at which that began.
        proof: Nanodays on the shelf today when it was last known to be there.
        is_empty: 1 while the shelf is believed empty, else 0.
    """

    lines: Floats
    exposure: Floats
    long_lines: Floats
    long_exposure: Floats
    units: Floats
    squares: Floats
    usual: Floats
    usual_units: Floats
    usual_squares: Floats
    silent: Floats
    silent_recent: Floats
    today_lines: Ints
    today_units: Ints
    today_squares: Ints
    away: Ints
    proof: Ints
    is_empty: Ints

    @classmethod
    def new(cls, items: int) -> Self:
        """Return the state of items that nothing is known of, on the shelf."""
        state = cls.from_rows(np.zeros((items, len(COLUMNS))), layout=LAYOUT)
        state.usual[:], state.usual_units[:], state.usual_squares[:] = NEW_STORE_LINES, 1.0, 1.0
        return state

    @classmethod
    def from_rows(cls, rows: Floats, *, layout: int) -> Self:
        """Return the state that `rows` gave.

        Raises:
            ValueError: the layout is another version's, or the rows are not of its width.
        """
        if layout != LAYOUT or rows.ndim != 2 or rows.shape[1] != len(COLUMNS):
            raise ValueError(f"rows of layout {LAYOUT} with {len(COLUMNS)} columns are needed, not layout {layout}")
        columns = zip(COLUMNS, rows.T, strict=True)
        return cls(**{name: column.astype(np.int64 if name in WHOLE else np.float64) for name, column in columns})

    def rows(self) -> Floats:
        """Return the state as a row per item, its columns in the order of COLUMNS; nothing is rounded."""
        return np.column_stack([getattr(self, name).astype(np.float64) for name in COLUMNS])

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self.lines)

    def take(self, rows: Ints | Mask) -> "Levels":
        """Return a copy of the state of some items."""
        return Levels(**{name: getattr(self, name)[rows] for name in COLUMNS})

    def put(self, rows: Ints | Mask, part: "Levels") -> None:
        """Set the state of some items."""
        for name in COLUMNS:
            getattr(self, name)[rows] = getattr(part, name)

    def apply(self, events: Events) -> None:
        """Take in what happened; one by one, or any number at once, the state becomes the same to the last digit."""
        sold = events.kind == Kind.SOLD
        item, qty = events.item[sold], events.qty[sold]
        np.add.at(self.today_lines, item, 1)
        np.add.at(self.today_units, item, qty)
        np.add.at(self.today_squares, item, qty * qty)
        order = np.argsort(events.item, kind="stable")
        item, kind, at = events.item[order], events.kind[order], events.at[order]
        turns = self._turn(item, kind)
        np.add.at(self.away, item, -turns * at)
        self._prove(item, kind, at, turns)

    def _turn(self, item: Ints, kind: Ints) -> Ints:
        """Set which shelves are believed empty; return 1 for events that emptied one, -1 for those that stocked one.

        Events lie item by item. Emptied twice, or stocked twice, is once.
        """
        turns = np.zeros(len(item), dtype=np.int64)
        moves = np.flatnonzero((kind == Kind.EMPTIED) | (kind == Kind.STOCKED))
        moved, becomes = item[moves], (kind[moves] == Kind.EMPTIED).astype(np.int64)
        was = self.is_empty[moved]
        again = np.flatnonzero(moved[1:] == moved[:-1]) + 1
        was[again] = becomes[again - 1]
        turns[moves] = becomes - was
        self.is_empty[moved] = becomes  # Of several values for one row numpy keeps the last.
        return turns

    def _prove(self, item: Ints, kind: Ints, at: Ints, turns: Ints) -> None:
        """Note how long each item had been on the shelf when it was last known to be there."""
        proves = np.flatnonzero(kind != Kind.EMPTIED)
        proven = item[proves]
        last = proves[np.flatnonzero(np.append(proven[1:] != proven[:-1], [True])[: len(proven)])]
        rows = item[last]
        # The state has all events by now; what came after the last proof of an item is taken off again.
        ends = np.searchsorted(item, rows, side="right") - 1
        turned, added = np.cumsum(turns), np.cumsum(-turns * at)
        is_empty = self.is_empty[rows] - (turned[ends] - turned[last])
        away = self.away[rows] - (added[ends] - added[last])
        self.proof[rows] = at[last] * (1 - is_empty) - away
        self.silent[rows] = self.silent_recent[rows] = 0.0

    def on_shelf(self, at: int) -> Ints:
        """Return the nanodays of today, up to `at`, at which the shelf was believed stocked."""
        return at * (1 - self.is_empty) - self.away

    def morning(self) -> Level:
        """Return what is believed before the first sale of the day."""
        return self.believed(self.exposure)

    def believed(self, exposure: Floats) -> Level:
        """Return what is believed with the recent lines, were they sold over this exposure."""
        drawn = np.minimum(PRIOR_DAYS, PRIOR_LINES / np.maximum(self.usual, 1e-9))
        shape = np.maximum(drawn * self.usual + self.lines, 1e-9)
        scale = np.minimum(1.0, SHAPE_MAX / shape)
        lines = self.long_lines + UNIT_LINES
        units = self.units + UNIT_LINES * self.usual_units
        squares = self.squares + UNIT_LINES * self.usual_squares
        return Level(shape * scale, (drawn + exposure) * scale, units / lines, np.maximum(squares / units, 1.0))

    def now(self, at: int, *, traffic: float, morning: Level | None = None) -> Level:
        """Return what is believed at a moment of the day.

        Args:
            at: What of the day has passed, in nanodays.
            traffic: How busy the day is so far; see `profile.traffic_factor`.
            morning: What `morning` returns, which is the same all day; None: it is worked out.
        """
        level = self.morning() if morning is None else morning
        seen = self.on_shelf(at) * (traffic / NANODAYS)
        return Level(level.shape + self.today_lines, level.exposure + seen, level.units, level.phi)

    def silence(self, at: int, *, traffic: float) -> Floats:
        """Return for how many average days on the shelf nothing has shown that the item is there."""
        return np.asarray(self.silent + (self.on_shelf(at) - self.proof) * (traffic / NANODAYS))

    def roll_over(self, at: int, *, traffic: float, groups: Ints) -> None:
        """Close the day and begin the next: fold today into the past, and see anew what every item is drawn to.

        Every item of the store must be in this state, as they are compared with one another.

        Args:
            at: The whole day, in nanodays.
            traffic: How busy it was, finally.
            groups: Category of each item, 0, 1, ...
        """
        on_shelf, unproven = self.on_shelf(at), self.on_shelf(at) - self.proof
        days = on_shelf * (traffic / NANODAYS)
        self.lines = KEEP_RECENT * self.lines + self.today_lines
        self.exposure = KEEP_RECENT * self.exposure + days
        scale = np.minimum(1.0, RECENT_MAX_LINES / np.maximum(self.lines, 1e-12))
        self.lines, self.exposure = self.lines * scale, self.exposure * scale
        self.silent = self.silent + unproven * (traffic / NANODAYS)
        self.silent_recent = (KEEP_RECENT * self.silent_recent + unproven * (traffic / NANODAYS)) * scale
        self.long_lines = KEEP_LONG * self.long_lines + self.today_lines
        self.long_exposure = KEEP_LONG * self.long_exposure + days
        self.units = KEEP_LONG * self.units + self.today_units
        self.squares = KEEP_LONG * self.squares + self.today_squares
        for today in (self.today_lines, self.today_units, self.today_squares, self.away, self.proof):
            today[:] = 0
        self._draw(groups)

    def _draw(self, groups: Ints) -> None:
        count = int(groups.max(initial=0)) + 1
        lines, exposure = np.bincount(groups, self.lines, count), np.bincount(groups, self.exposure, count)
        store = (lines.sum() + NEW_STORE_LINES) / (exposure.sum() + 1)
        group = ((lines + GROUP_DAYS * store) / (exposure + GROUP_DAYS))[groups]
        own = self.long_lines / (self.long_lines + USUAL_LINES)
        self.usual = (USUAL_DAYS * group + own * self.long_lines) / (USUAL_DAYS + own * self.long_exposure)
        long_lines = np.bincount(groups, self.long_lines, count)
        for name in ("units", "squares"):
            total = np.bincount(groups, getattr(self, name), count)
            of_store = (total.sum() + 1) / (long_lines.sum() + 1)
            setattr(
                self, f"usual_{name}", ((total + CATEGORY_LINES * of_store) / (long_lines + CATEGORY_LINES))[groups]
            )


COLUMNS = tuple(field.name for field in fields(Levels))
WHOLE = frozenset(COLUMNS[COLUMNS.index("today_lines") :])


def nanodays(passed: Floats | float) -> Ints:
    """Return what of a day has passed, as a whole number; see `profile.DayCurve.at`."""
    return np.asarray(np.rint(np.asarray(passed) * NANODAYS), dtype=np.int64)
