"""The store of the yardstick: its hands, what their work takes, and what stands in the backroom each morning."""

import math
from dataclasses import dataclass

import numpy as np

from pullsvc.backtest.model import HOUR_S, Floats, Ints, Items, Mask

STAFFED_FROM_S, STAFFED_UNTIL_S = 7 * HOUR_S, 22 * HOUR_S
SHIFT_H = 15
PART_SHIFT_CENTRE_S = 15 * HOUR_S

TUB_LINES, TUB_UNITS = 10, 150

# Mean seconds of each part of a trip.
FETCH_S, TO_FLOOR_S, BACK_S = 60.0, 90.0, 60.0
PICK_LINE_S, PICK_UNIT_S = 25.0, 1.0
STOCK_LINE_S, STOCK_UNIT_S = 35.0, 1.5
BACKSTOCK_LINE_S = 20.0
TRIP_S = FETCH_S + TO_FLOOR_S + BACK_S
LINE_S, UNIT_S = PICK_LINE_S + STOCK_LINE_S, PICK_UNIT_S + STOCK_UNIT_S

NOISE_SIGMA = 0.25
PARTS = ("fetch", "pick", "to floor", "stock", "back", "backstock")
TRIPS_MAX = 1_000  # Of one worker on one day; a trip of one line takes minutes, so a day holds a few hundred.

BACKROOM_PACKS, BACKROOM_DAYS, BACKROOM_CAPACITIES = 3, 2.5, 3
EMPTY_BACKROOM_SHARE = 0.01


@dataclass(frozen=True, slots=True)
class Shift:
    """When one worker may start a trip: `starts_s` <= time < `ends_s`. A trip that has begun is finished."""

    starts_s: float
    ends_s: float


def shifts(hours: float) -> list[Shift]:
    """Return who works when, for so many hours of labour a day: whole shifts of 15 h and a part one around 15:00."""
    if not (math.isfinite(hours) and hours >= 0):
        raise ValueError(f"hours of labour must be a number from 0, not {hours}")
    whole = int(hours / SHIFT_H + 1e-9)
    staff = [Shift(STAFFED_FROM_S, STAFFED_UNTIL_S)] * whole
    part_s = hours * HOUR_S - whole * SHIFT_H * HOUR_S
    if part_s >= 60:
        staff.append(Shift(PART_SHIFT_CENTRE_S - part_s / 2, PART_SHIFT_CENTRE_S + part_s / 2))
    return staff


def trip_s(lines: int, units: float) -> float:
    """Return the mean seconds of a trip, nothing brought back."""
    return TRIP_S + LINE_S * lines + UNIT_S * units


def noise(*, seed: int, day: int, worker: int) -> Floats:
    """Return the factors on the parts of a worker's trips of one day, mean 1; shape (TRIPS_MAX, len(PARTS)).

    The same for every rule, so that rules are compared on equal luck.
    """
    rng = np.random.default_rng([seed, day, worker, 1])
    return np.exp(rng.normal(-(NOISE_SIGMA**2) / 2, NOISE_SIGMA, size=(TRIPS_MAX, len(PARTS))))


def morning_backroom(items: Items, *, seed: int, day: int) -> Ints:
    """Return what the backroom holds at the turn of the day: well supplied, but for 1 % of the items nothing."""
    supplied = np.maximum(
        BACKROOM_PACKS * items.case_pack, np.ceil(BACKROOM_DAYS * items.mean_qty).astype(np.int64)
    ) + (BACKROOM_CAPACITIES * items.capacity)
    rng = np.random.default_rng([seed, day, 2])
    empty: Mask = rng.random(len(items)) < EMPTY_BACKROOM_SHARE
    return np.where(empty, 0, supplied)


def worked_hours(staff: list[Shift]) -> float:
    """Return the hours of all shifts."""
    return sum(shift.ends_s - shift.starts_s for shift in staff) / HOUR_S
