"""What a replayed day leaves behind, as columns; the figures are computed from these and nothing else."""

from dataclasses import dataclass

from pullsvc.backtest.model import Floats, Ints, Log

DELIVERY = (
    "item",
    "asked_s",
    "claimed_s",
    "put_s",
    "wanted",
    "picked",
    "put",
    "stock_before",
    "p_empty",
)
TRIP = ("worker", "starts_s", "ends_s", "lines", "units")


@dataclass(frozen=True, slots=True, kw_only=True)
class DayResult:
    """One day under one rule.

    Attributes:
        day: In days since 1970-01-01.
        lines: What customers asked for.
        sold: Eaches of each line that the shelf had.
        deliveries: One row a line of a tub, columns as in `DELIVERY`; `p_empty` is NaN where the rule had none.
        trips: One row a trip, columns as in `TRIP`.
        stolen: Eaches that vanished from shelves unseen.
        staffed_s: Seconds of all shifts.
        cpu_s: What the replay took.
    """

    day: int
    lines: Log
    sold: Ints
    deliveries: Floats
    trips: Floats
    stolen: int
    staffed_s: float
    cpu_s: float

    @property
    def lost(self) -> Ints:
        """Eaches of each line that the shelf did not have."""
        return self.lines.qty - self.sold

    @property
    def worked_s(self) -> float:
        """Seconds spent on trips."""
        return float((self.trips[:, 2] - self.trips[:, 1]).sum())

    def delivery(self, name: str) -> Floats:
        """Return one column of the deliveries."""
        return self.deliveries[:, DELIVERY.index(name)]
