"""How far claims look for work: the head of their queue, then further down, then what lies elsewhere. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pullsvc.catalog.model import NO_ZONE
from pullsvc.tubs.picking import Limits, neighbours_of

SPARE_PULLS = 4  # For those that cannot be served after all.
FURTHER = 4  # Each look goes so many times as far as the one before.
MAX_WALKED_PULLS = 10_000
MAX_STRAYS = 500


@dataclass(frozen=True, slots=True)
class Queue:
    """Open pulls in claim order: those of a zone, or all of a store that are in any.

    Attributes:
        store_id: The store.
        zone: Backroom zone; None: all.
        walk: How many to look at.
    """

    store_id: int
    zone: str | None
    walk: int


class Search:
    """Where claims of one store and the same zones look next, as long as they find nothing.

    A pull waits in the zone where most of its units are. When those queues are at an end, the most urgent pulls of the
    rest are looked through for units that lie in these zones as well, or that have only just arrived.

    Attributes:
        found: How many pulls the last look found in each queue.
        over: There is no further look.
        complete: Nothing that could be claimed was left out.
    """

    def __init__(self, store_id: int, zones: Collection[str] | None, limits: Sequence[Limits]) -> None:
        """Begin with as many pulls as these claims can want, one after the other."""
        lines = [one.lines for one in limits]
        self.found: Sequence[int] = ()
        self.over = self.complete = False
        self._store_id = store_id
        self._zones = zones
        self._walk = max(map(neighbours_of, limits)) + 1 + sum(lines) - max(lines) + SPARE_PULLS
        self._few = sum(lines) + SPARE_PULLS
        self._strays = False

    def queues(self) -> list[Queue]:
        """Return what to look at next."""
        if not self._strays:
            return [Queue(self._store_id, zone, self._walk) for zone in self._zones or (None,)]
        elsewhere = (None, NO_ZONE) if self._zones else (NO_ZONE,)
        return [Queue(self._store_id, zone, MAX_STRAYS) for zone in elsewhere]

    def narrow(self) -> None:
        """Look only for as much as the tubs can hold: what is found from now on, nobody else can have meanwhile."""
        self._walk = min(self._walk, self._few)

    def go_on(self) -> None:
        """Look further the next time: what the last look found was of no use."""
        if self._strays:
            self.over = self.complete = True
        elif all(count < self._walk for count in self.found):
            self._strays = True
        elif self._walk >= MAX_WALKED_PULLS:
            self.over = True
        else:
            self._walk = min(self._walk * FURTHER, MAX_WALKED_PULLS)
