"""The physical truth of one store: what really stands on its shelves and lies in its bins. Pure.

Only the simulation knows it. The service learns of it by what simulated people scan and tills send, and its books
may differ from it: in some bins less lies than the books say, so that a picker finds an honest short.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pullsvc.demo.model import DemoStore


@dataclass(frozen=True, slots=True)
class Hours:
    """The stretch of time in which an empty shelf counts; aware, `until` not in it."""

    start: datetime
    until: datetime

    def overlap(self, start: datetime, until: datetime) -> timedelta:
        """Return how much of the time from `start` to `until` lies in it."""
        return max(timedelta(0), min(until, self.until) - max(start, self.start))


@dataclass(slots=True)
class World:
    """What is really there; quantities in eaches, never below zero.

    Attributes:
        hours: In which out-of-shelf time is counted.
        capacity: Of each item's home shelf.
        shelf: On each item's home shelf.
        bins: In the backroom, by (bin, sku).
        in_tubs: Picked, and neither on a shelf nor back in a bin yet, by sku.
        sold: Left the store, by sku.
        lost: Wanted by customers while the shelf had less, by sku.
        empty_since: Since when an empty shelf is empty.
        out_of_shelf: Item-time with an empty shelf, of the gaps that have ended.
    """

    hours: Hours
    capacity: dict[str, int]
    shelf: dict[str, int]
    bins: dict[tuple[str, str], int]
    in_tubs: Counter[str] = field(default_factory=Counter)
    sold: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    empty_since: dict[str, datetime] = field(default_factory=dict)
    out_of_shelf: timedelta = timedelta(0)

    def sell(self, sku: str, qty: int, *, at: datetime) -> int:
        """Let a customer take `qty` eaches; return how many there were, the rest is lost."""
        there = self.shelf[sku]
        taken = min(qty, there)
        self.shelf[sku] = there - taken
        self.sold[sku] += taken
        self.lost[sku] += qty - taken
        if taken and taken == there:
            self.empty_since[sku] = at
        return taken

    def pick(self, location: str, sku: str, qty: int) -> int:
        """Take up to `qty` eaches out of a bin into a tub; return how many there were."""
        taken = min(qty, self.bins.get((location, sku), 0))
        if taken:
            self.bins[location, sku] -= taken
            self.in_tubs[sku] += taken
        return taken

    def put(self, sku: str, qty: int, *, at: datetime) -> int:
        """Fill the shelf from a tub with up to `qty` eaches; return how many fitted."""
        fits = min(qty, self.capacity[sku] - self.shelf[sku])
        self._leave_tub(sku, fits)
        if fits and not self.shelf[sku]:
            self.out_of_shelf += self.hours.overlap(self.empty_since.pop(sku), at)
        self.shelf[sku] += fits
        return fits

    def give_back(self, location: str, sku: str, qty: int) -> None:
        """Lay `qty` eaches of a tub back into a bin."""
        self._leave_tub(sku, qty)
        self.bins[location, sku] = self.bins.get((location, sku), 0) + qty

    def _leave_tub(self, sku: str, qty: int) -> None:
        if qty > self.in_tubs[sku]:
            raise ValueError(f"{qty} of {sku} cannot leave tubs that hold {self.in_tubs[sku]}")
        self.in_tubs[sku] -= qty

    def gaps(self, skus: Iterable[str]) -> list[str]:
        """Return those of the items whose shelf is empty, in the order given."""
        return [sku for sku in skus if not self.shelf[sku]]

    def out_of_shelf_until(self, now: datetime) -> timedelta:
        """Return the item-time with an empty shelf so far, gaps that still last included."""
        lasting = (self.hours.overlap(self.empty_since[sku], now) for sku in self.gaps(self.empty_since))
        return sum(lasting, self.out_of_shelf)


def open_world(store: DemoStore, hours: Hours) -> World:
    """Return the store as the night left it: shelves full, bins with what they really hold."""
    capacity = {placement.sku: placement.capacity for placement in store.placements}
    return World(
        hours=hours,
        capacity=capacity,
        shelf=dict(capacity),
        bins={(stock.bin_code, stock.sku): stock.true_qty for stock in store.bin_stocks},
    )
