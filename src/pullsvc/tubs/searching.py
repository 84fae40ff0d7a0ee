"""How far claims look for work: the head of their queue, then further down, then what lies elsewhere. Pure."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
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
        riders: How many offers beside them, as may ride along.
    """

    store_id: int
    zone: str | None
    walk: int
    riders: int


class Search:
    """Where claims of one store and the same zones look next, as long as they find nothing.

    A pull waits in the zone where most of its units are. When those queues are at an end, the most urgent pulls of the
    rest are looked through for units that lie in these zones as well, or that have only just arrived.

    Attributes:
        found: How many pulls the last look found in each queue, without offers.
        over: There is no further look.
        complete: Nothing that could be claimed was left out.
    """

    def __init__(
        self, store_id: int, zones: Collection[str] | None, limits: Sequence[Limits], *, riders: int | None = None
    ) -> None:
        """Begin with as many pulls as these claims can want, one after the other, and as many offers.

        Others of the same batch may want the same offers: then `riders` is what all want.
        """
        lines = [one.lines for one in limits]
        self.found: Sequence[int] = ()
        self.over = self.complete = False
        self._store_id = store_id
        self._zones = zones
        self._walk = max(map(neighbours_of, limits)) + 1 + sum(lines) - max(lines) + SPARE_PULLS
        self._few = sum(lines) + SPARE_PULLS
        self._riders = riders_of(limits) if riders is None else riders
        self._strays = False

    def queues(self) -> list[Queue]:
        """Return what to look at next."""
        if not self._strays:
            return [Queue(self._store_id, zone, self._walk, self._riders) for zone in self._zones or (None,)]
        elsewhere = (None, NO_ZONE) if self._zones else (NO_ZONE,)
        return [Queue(self._store_id, zone, MAX_STRAYS, 0) for zone in elsewhere]

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


def riders_of(limits: Sequence[Limits]) -> int:
    """Return how many offers these claims can take along, as the first line of each tub is a pull."""
    return sum(one.lines - 1 for one in limits)


class Searches:
    """The searches of a batch of claims: those of one store and the same zones look together."""

    def __init__(self, wishes: Sequence[tuple[int, Sequence[str] | None, Limits]]) -> None:
        """Begin a search for each claim: its store, its zones, its limits."""
        kinds = [(store_id, tuple(zones or ())) for store_id, zones, _ in wishes]
        limits: dict[tuple[int, tuple[str, ...]], list[Limits]] = {}
        for kind, (_, _, its) in zip(kinds, wishes, strict=True):
            limits.setdefault(kind, []).append(its)
        riders = Counter[int]()
        for kind, all_of_kind in limits.items():
            riders[kind[0]] += riders_of(all_of_kind)
        searches = {kind: Search(kind[0], kind[1] or None, its, riders=riders[kind[0]]) for kind, its in limits.items()}
        self._of = [searches[kind] for kind in kinds]

    def of(self, waiting: Iterable[int]) -> list[Search]:
        """Return the searches of these claims that are not over."""
        return [search for search in dict.fromkeys(self._of[n] for n in waiting) if not search.over]

    def narrow(self) -> None:
        """Have all of them look for no more than they need."""
        for search in self._of:
            search.narrow()

    def complete(self, n: int) -> bool:
        """Tell whether the search for this claim went to the end of its queue."""
        return self._of[n].complete
