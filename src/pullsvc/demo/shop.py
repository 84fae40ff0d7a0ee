"""One of the twin stores while its day is played: its truth, its time, and what is counted on the way."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from pullsvc.clock import Clock
from pullsvc.demo.model import DemoStore
from pullsvc.demo.people import Shift
from pullsvc.demo.staff import Staff
from pullsvc.demo.world import World


@dataclass(slots=True)
class StoreTime:
    """The clock that the service runs on, as the simulated people wait by it.

    Attributes:
        clock: Told to the service, too.
        lags_s: By how many store seconds each act came later than planned, as machine and service had not caught up.
    """

    clock: Clock
    lags_s: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        """Return the store's time."""
        return self.clock.now()

    async def wait_until(self, moment: datetime) -> None:
        """Wait; returns at once when the moment has passed."""
        await asyncio.sleep(max(0.0, self.clock.real_s((moment - self.now()).total_seconds())))
        self.lags_s.append(max(0.0, (self.now() - moment).total_seconds()))


@dataclass(slots=True)
class Tally:
    """What only the simulation can count of one store.

    Attributes:
        tills: What the tills were answered, by result: new, repeated, unknown_codes, and lines.
        late_receipts: Sent more than a minute of store time after they were rung up.
        gaps_seen: Empty shelves that associates scanned on their walks.
        customers_asked: Customers who told an associate.
        busy_s: Store seconds that workers spent on trips.
        trips: Tasks taken up to their end.
        lines_wanted: Lines that customers came for.
        lines_sold: Lines that were rung up, whole or in part.
        returned_qty: Eaches that customers brought back.
    """

    tills: Counter[str] = field(default_factory=Counter)
    late_receipts: int = 0
    gaps_seen: int = 0
    customers_asked: int = 0
    busy_s: float = 0.0
    trips: int = 0
    lines_wanted: int = 0
    lines_sold: int = 0
    returned_qty: int = 0


@dataclass(frozen=True, slots=True)
class Shop:
    """One of the twins.

    Attributes:
        label: What the summary calls it.
        store: What it is made of; the same for both.
        world: Its physical truth.
        time: The store's time, shared.
        staff: Who works there.
        day: When workers and associates are there.
        until: Customers come until then.
        seed: Of every draw; the same for both.
        tally: What is counted.
    """

    label: str
    store: DemoStore
    world: World
    time: StoreTime
    staff: Staff
    day: Shift
    until: datetime
    seed: int
    tally: Tally = field(default_factory=Tally)
