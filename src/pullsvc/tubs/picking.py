"""Compose a tub-fill task: the most urgent pull seeds it, neighbours on the walk fill it up. Pure.

Room that no pull wants is taken by what rides along, which the watch would ask for soon. The same planner answers
"what would I get?" and "give it to me", so that the preview never lies; and it fills the tubs of the backtest, so that
what is measured is what is done.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import NamedTuple

# Seconds of work, as measured in stores: stacking time follows from the number of lines and of units
# (van Zelst 2009, Curseu 2009); the figures are those of the replenishment benchmark in docs/benchmark.md.
FETCH_TUB_S = 60
LINE_S = 25
UNIT_S = 1
TO_FLOOR_S = 90
MAX_NEIGHBOURS = 60  # Open pulls next in urgency, among which the walk chooses.
URGENT_BAND = 5  # Pulls of one such band, which is twice the loss a second of work, are taken in the order of the walk.
NOTHING_RIDES_FROM = 90  # Urgency of a pull for which a customer waits: each stop more keeps her waiting.

Given = dict[str, dict[str, int]]


class Bin(NamedTuple):
    """Units of an item in a backroom location.

    Attributes:
        location: The location.
        zone: Its backroom zone.
        walk_seq: Its place on the walk.
        available: Eaches that no task has reserved.
        book: Eaches by the books.
    """

    location: str
    zone: str
    walk_seq: int
    available: int
    book: int = 0


class Candidate(NamedTuple):
    """An open pull that could go into the tub, or what may ride along.

    Attributes:
        pull_id: The pull; of what rides along any number that is no pull's.
        sku: Its item.
        shelf: Where it goes.
        zone: Backroom zone in which claims look for it.
        urgency: 0..100.
        due_at: By when it is wanted, aware; the earlier of two equally urgent ones comes first.
        qty: Eaches that nobody has planned yet; > 0.
        volume_ml: Of one each.
        weight_g: Of one each.
        bins: Where units are.
        rides: No pull, but an offer: it only takes room that no pull wants, and seeds no tub.
    """

    pull_id: int
    sku: str
    shelf: str
    zone: str
    urgency: int
    due_at: datetime
    qty: int
    volume_ml: int
    weight_g: int
    bins: tuple[Bin, ...]
    rides: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """What a tub and a trip may hold.

    Attributes:
        lines: Stops on the walk.
        volume_ml: Of the tub.
        weight_g: That one may lift.
        seconds: Of work until the tub is staged.
    """

    lines: int = 10
    volume_ml: int = 60_000
    weight_g: int = 20_000
    seconds: int = 15 * 60


class PlannedLine(NamedTuple):
    """One stop: take `qty` eaches from `location` for a pull, or for what rides along."""

    pull_id: int
    sku: str
    shelf: str
    location: str
    walk_seq: int
    qty: int
    rides: bool = False
    zone: str = ""
    urgency: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """A task before anybody has claimed it: lines in walk order, and the seconds it should take."""

    lines: tuple[PlannedLine, ...]
    estimated_s: int

    @property
    def pull_ids(self) -> list[int]:
        """The pulls it serves, ascending."""
        return sorted({line.pull_id for line in self.lines})

    def qty_of_pulls(self) -> Mapping[int, int]:
        """Return how many eaches each pull gets, in the order of their first stops."""
        qty = Counter[int]()
        for line in self.lines:
            qty[line.pull_id] += line.qty
        return qty


def work_s(lines: Iterable[PlannedLine]) -> int:
    """Return the seconds from fetching a tub to standing at the lane."""
    stops = list(lines)
    return FETCH_TUB_S + sum(LINE_S + UNIT_S * stop.qty for stop in stops) + TO_FLOOR_S


class Pool:
    """Open pulls of a store, and what may ride along, with the free units of their items.

    What one task is given, the next one cannot have.

    All claims of a moment are composed from one pool, one after the other, and so is the preview of the next ones.

    Attributes:
        given: Eaches given out, by item and location.
    """

    def __init__(self, candidates: Iterable[Candidate] = (), *, given: Given | None = None) -> None:
        """Make a pool of these pulls, less the units that were given out of another one."""
        self.given: Given = {sku: dict(places) for sku, places in (given or {}).items()}
        self._candidates: dict[int, Candidate] = {}
        self.add(candidates)

    def add(self, candidates: Iterable[Candidate]) -> None:
        """Add pulls that are not in it yet."""
        both = [*self._candidates.values(), *candidates]
        self._candidates = {c.pull_id: c for c in sorted(both, key=_claim_order)}

    def serves(self, zones: Collection[str] | None = None) -> bool:
        """Tell whether there is a task for somebody who walks these zones."""
        seed = next(self._servable(zones), None)
        return seed is not None and not seed.rides

    def compose(self, limits: Limits, zones: Collection[str] | None = None) -> Plan | None:
        """Return the task to hand out next and take its units out of the pool; None: no pull can be served.

        Args:
            limits: Of the tub and the trip; the first unit of the seed goes in even if it exceeds them alone.
            zones: Backroom zones to walk; None: all.
        Returns:
            A plan that holds the most urgent pull that can be served; no bin gives more than it has, no pull gets more
            than its qty, and the limits hold for everything beyond the first unit. What rides along displaces nothing:
            without it the rest of the plan would be the same.
        """
        servable = self._servable(zones)
        seed = next(servable, None)
        if seed is None or seed.rides:
            return None
        may_ride = seed.urgency < NOTHING_RIDES_FROM
        draft = _Draft(limits)
        draft.take(seed, must=True)
        start = draft.lines[0].walk_seq
        near = [c for c in islice(servable, neighbours_of(limits)) if may_ride or not c.rides]
        for candidate in sorted(near, key=lambda c: (c.rides, -(c.urgency // URGENT_BAND), _distance(c, start))):
            if not draft.has_room:
                break
            draft.take(candidate)
        lines = tuple(sorted(draft.lines, key=lambda line: (line.walk_seq, line.location, line.sku)))
        plan = Plan(lines=lines, estimated_s=work_s(lines))
        self._give(plan)
        return plan

    def _servable(self, zones: Collection[str] | None) -> Iterator[Candidate]:
        """Yield what can still be served in these zones, most urgent first, with the bins that still have units."""
        for candidate in self._candidates.values():
            bins = candidate.bins
            if zones is not None:
                bins = tuple(b for b in bins if b.zone in zones)
            if given := self.given.get(candidate.sku):
                bins = _without(bins, given)
            if bins:
                yield candidate if bins == candidate.bins else candidate._replace(bins=bins)

    def _give(self, plan: Plan) -> None:
        """Take its units out; of what rides along nothing is left for the next tub, whatever this one had room for."""
        for line in plan.lines:
            places = self.given.setdefault(line.sku, {})
            places[line.location] = places.get(line.location, 0) + line.qty
        for pull_id, qty in plan.qty_of_pulls().items():
            pull = self._candidates[pull_id]
            if pull.qty > qty and not pull.rides:
                self._candidates[pull_id] = pull._replace(qty=pull.qty - qty)
            else:
                del self._candidates[pull_id]


def _without(bins: Iterable[Bin], given: Mapping[str, int]) -> tuple[Bin, ...]:
    """Return the bins that still have units when these were given."""
    left = (b._replace(available=b.available - given[b.location]) if b.location in given else b for b in bins)
    return tuple(b for b in left if b.available > 0)


def neighbours_of(limits: Limits) -> int:
    """Return how many pulls beside the seed are looked at to fill a tub; none for a tub of one stop."""
    return MAX_NEIGHBOURS if limits.lines > 1 else 0


def _claim_order(candidate: Candidate) -> tuple[bool, int, datetime, int, str, str]:
    """Order candidates; what rides along gets the number of a pull only when it is taken, so its place decides."""
    number = 0 if candidate.rides else candidate.pull_id
    return candidate.rides, -candidate.urgency, candidate.due_at, number, candidate.sku, candidate.shelf


def _distance(candidate: Candidate, walk_seq: int) -> int:
    return min([abs(b.walk_seq - walk_seq) for b in candidate.bins])


def source(bins: Sequence[Bin], qty: int) -> list[tuple[Bin, int]]:
    """Return which bins give how much, with the fewest stops: the smallest bin that has enough, else the fullest."""
    enough = [b for b in bins if b.available >= qty]
    if enough:
        return [(min(enough, key=lambda b: (b.available, b.walk_seq, b.location)), qty)]
    stops: list[tuple[Bin, int]] = []
    for b in sorted(bins, key=lambda b: (-b.available, b.walk_seq, b.location)):
        part = min(b.available, qty - sum(n for _, n in stops))
        if part > 0:
            stops.append((b, part))
    return stops


class _Draft:
    """A tub being filled in thought."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.lines: list[PlannedLine] = []
        self._volume_ml = 0
        self._weight_g = 0
        self._seconds = FETCH_TUB_S + TO_FLOOR_S
        self._given: Given = {}  # Into this tub: two of its pulls may want the same item.

    @property
    def has_room(self) -> bool:
        """Whether the tub takes another stop."""
        return len(self.lines) < self.limits.lines

    def take(self, candidate: Candidate, *, must: bool = False) -> None:
        """Add as much of the candidate as fits, from as few bins as possible; `must`: at least one unit."""
        for stop, wanted in source(_without(candidate.bins, self._given.get(candidate.sku, {})), candidate.qty):
            qty = min(wanted, self._fits(candidate))
            if qty <= 0 and must and not self.lines:
                qty = 1
            if qty <= 0:
                return
            self._add(candidate, stop, qty)

    def _fits(self, candidate: Candidate) -> int:
        """How many more eaches of the candidate go in as one more line."""
        if not self.has_room:
            return 0
        room = [(self.limits.seconds - self._seconds - LINE_S) // UNIT_S]
        if candidate.volume_ml:
            room.append((self.limits.volume_ml - self._volume_ml) // candidate.volume_ml)
        if candidate.weight_g:
            room.append((self.limits.weight_g - self._weight_g) // candidate.weight_g)
        return min(room)

    def _add(self, candidate: Candidate, stop: Bin, qty: int) -> None:
        stopped = (candidate.pull_id, candidate.sku, candidate.shelf, stop.location, stop.walk_seq, qty)
        self.lines.append(PlannedLine(*stopped, candidate.rides, stop.zone, candidate.urgency))
        self._volume_ml += qty * candidate.volume_ml
        self._weight_g += qty * candidate.weight_g
        self._seconds += LINE_S + UNIT_S * qty
        places = self._given.setdefault(candidate.sku, {})
        places[stop.location] = places.get(stop.location, 0) + qty
