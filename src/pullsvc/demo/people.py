"""The simulated people: how many work when, how long their hands take, and what customers and tills do. Pure.

Times of work are those of the replenishment benchmark: a trip fetches a tub (60 s), walks to each line (25 s, 1 s a
unit), brings the tub to the floor (90 s), fills each shelf (35 s, 1.5 s a unit), takes back what did not fit (20 s a
line) and walks back (60 s); each part varies lognormally. What is drawn depends on the seed and on who or what it is
for, never on the store: the twin stores get the same people and the same customers.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from pullsvc.demo.model import DemoStore, Item, Placement, Receipt, ReceiptLine
from pullsvc.demo.seeds import chance

FETCH_TUB_S, TO_FLOOR_S, BACK_S = 60.0, 90.0, 60.0
FIND_LINE_S, PICK_UNIT_S = 25.0, 1.0
SHELF_LINE_S, SHELF_UNIT_S = 35.0, 1.5
MISFIT_LINE_S = 20.0
NOISE_SIGMA = 0.25

# A tub here is a trolley of 250 l: ten lines and some 150 units, as in the benchmark.
TUB_VOLUME_ML, TUB_WEIGHT_G = 250_000, 150_000
TUB_LINES = 10
TUB_MINUTES = 10

FULL_SHIFT_H = 15.0  # 07:00 to 22:00; one after the other, two people stand for one simulated worker.
BUSY_SHARE = 0.8  # Of a worker's time, when there is work for more than one.
PEAK_FACTOR = 1.12  # The played Saturday against the mean of the history.

GAP_WALK_EVERY = timedelta(hours=2)
GAP_AISLE_S = 150.0
FLOOR_ASSOCIATES = 2

ASK_SHARE = 0.10  # Of the customers before a shelf that has too little.
LATE_SHARE, LATE_MEAN_S = 0.02, 31 * 60.0
REPEAT_SHARE, REPEAT_MAX_S = 0.02, 10 * 60.0


@dataclass(frozen=True, slots=True)
class Shift:
    """When a simulated worker is there; aware."""

    start: datetime
    end: datetime

    @property
    def length_s(self) -> float:
        """How long it lasts, in seconds."""
        return (self.end - self.start).total_seconds()


class Hands:
    """How long one person takes for one thing: the usual time, with the spread of real work."""

    def __init__(self, *, seed: int, who: str) -> None:
        self._rng = chance(seed=seed, purpose="hands", key=who)

    def takes(self, usual_s: float) -> timedelta:
        """Return how long it takes this time; `usual_s` is the median."""
        return timedelta(seconds=usual_s * self._rng.lognormvariate(0.0, NOISE_SIGMA))


def labour_h(items: Iterable[Item]) -> float:
    """Return the hours of trips that the sales of a day are worth, by the item master alone.

    What sells beyond half a shelf is brought within the day, a case or two thirds of a shelf at a time, in full tubs.
    """
    total_s = 0.0
    for item in items:
        brought = max(0.0, PEAK_FACTOR * item.mean_qty_per_day - item.capacity / 2)
        refill = max(item.case_pack, item.capacity * 2 / 3)
        line_s = FIND_LINE_S + SHELF_LINE_S + (PICK_UNIT_S + SHELF_UNIT_S) * refill
        total_s += brought / refill * (line_s + (FETCH_TUB_S + TO_FLOOR_S + BACK_S) / TUB_LINES)
    return total_s / 3600


def positions(hours: float) -> int:
    """Return how many workers it takes, each there all day; one at least, as a store cannot hire a fifth of one."""
    return max(1, math.ceil(hours / (FULL_SHIFT_H * BUSY_SHARE)))


def aisles_of(placements: Iterable[Placement]) -> dict[str, list[str]]:
    """Return the items of each aisle in the order of the walk; an aisle is what precedes the first dash of a code."""
    aisles: dict[str, list[str]] = defaultdict(list)
    for placement in placements:
        aisles[placement.location_code.partition("-")[0]].append(placement.sku)
    return dict(aisles)


def beats(aisles: Sequence[str], people: int) -> list[list[str]]:
    """Share the aisles among the floor associates, side by side."""
    size = math.ceil(len(aisles) / people)
    return [list(aisles[start : start + size]) for start in range(0, len(aisles), size)]


def gap_walks(day: Shift) -> Iterator[datetime]:
    """Yield when a gap walk begins: an hour into the day, then every GAP_WALK_EVERY, none in the last hour."""
    at = day.start + timedelta(hours=1)
    while at <= day.end - timedelta(hours=1):
        yield at
        at += GAP_WALK_EVERY


def customer_asks(receipt: Receipt, line: ReceiptLine, *, seed: int) -> bool:
    """Tell whether this customer, who finds too little, tells an associate."""
    return _of(receipt, seed=seed, purpose=f"asks for line {line.line_no}").random() < ASK_SHARE


def sends(receipt: Receipt, *, seed: int) -> list[datetime]:
    """Return when the till sends the receipt: at once or late, and now and then once more."""
    late, again = (_of(receipt, seed=seed, purpose=purpose) for purpose in ("late", "sent again"))
    first = receipt.occurred_at
    if late.random() < LATE_SHARE:
        first += timedelta(seconds=late.expovariate(1 / LATE_MEAN_S))
    if again.random() < REPEAT_SHARE:
        return [first, first + timedelta(seconds=again.uniform(0, REPEAT_MAX_S))]
    return [first]


def _of(receipt: Receipt, *, seed: int, purpose: str) -> Random:
    key = f"{receipt.business_date}/{receipt.register}/{receipt.sequence}"
    return chance(seed=seed, purpose=purpose, key=key)


def in_window(store: DemoStore, *, until: datetime) -> tuple[Receipt, ...]:
    """Return the receipts of the played day before `until`, in order of time."""
    return tuple(receipt for receipt in store.receipts if receipt.occurred_at < until)
