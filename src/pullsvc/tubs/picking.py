"""Compose a tub-fill task from the open pulls: the most urgent one seeds it, neighbours on the walk fill it up. Pure.

The same planner answers "what would I get?" and "give it to me", so that the preview never lies.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

# Seconds of work, as measured in stores: stacking time follows from the number of lines and of units
# (van Zelst 2009, Curseu 2009); the figures are those of the replenishment benchmark in docs/benchmark.md.
FETCH_TUB_S = 60
LINE_S = 25
UNIT_S = 1
TO_FLOOR_S = 90
URGENT_BAND = 10  # Pulls whose urgency differs by less than this are taken in the order of the walk.


@dataclass(frozen=True, slots=True)
class Bin:
    """Units of an item in a backroom location that no task has reserved.

    Attributes:
        location: The location.
        zone: Its backroom zone.
        walk_seq: Its place on the walk.
        available: Eaches; > 0.
    """

    location: str
    zone: str
    walk_seq: int
    available: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """An open pull that could go into the tub.

    Attributes:
        pull_id: The pull.
        sku: Its item.
        shelf: Where it goes.
        urgency: 0..100.
        qty: Eaches that nobody has planned yet; > 0.
        volume_ml: Of one each.
        weight_g: Of one each.
        bins: Where units are.
    """

    pull_id: int
    sku: str
    shelf: str
    urgency: int
    qty: int
    volume_ml: int
    weight_g: int
    bins: tuple[Bin, ...]


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


@dataclass(frozen=True, slots=True)
class PlannedLine:
    """One stop: take `qty` eaches from `location` for a pull."""

    pull_id: int
    sku: str
    shelf: str
    location: str
    walk_seq: int
    qty: int


@dataclass(frozen=True, slots=True)
class Plan:
    """A task before anybody has claimed it: lines in walk order, and the seconds it should take."""

    lines: tuple[PlannedLine, ...]
    estimated_s: int

    @property
    def pull_ids(self) -> list[int]:
        """The pulls it serves, ascending."""
        return sorted({line.pull_id for line in self.lines})


def work_s(lines: Iterable[PlannedLine]) -> int:
    """Return the seconds from fetching a tub to standing at the lane."""
    stops = list(lines)
    return FETCH_TUB_S + sum(LINE_S + UNIT_S * stop.qty for stop in stops) + TO_FLOOR_S


def compose(candidates: Sequence[Candidate], limits: Limits) -> Plan | None:
    """Return the task to hand out now, None when no candidate has units to pick.

    Args:
        candidates: Open pulls, most urgent first.
        limits: Of the tub and the trip; the first unit of the seed goes in even if it exceeds them alone.
    Returns:
        A plan that holds the most urgent pull that can be served; no bin gives more than it has, no pull gets more
        than its qty, and the limits hold for everything beyond the first unit.
    """
    seed = next((c for c in candidates if any(b.available > 0 for b in c.bins)), None)
    if seed is None:
        return None
    draft = _Draft(limits)
    draft.take(seed, must=True)
    start = draft.lines[0].walk_seq
    rest = [c for c in candidates if c.pull_id != seed.pull_id and c.bins]
    for candidate in sorted(rest, key=lambda c: (-(c.urgency // URGENT_BAND), _distance(c, start), c.pull_id)):
        if len(draft.lines) >= limits.lines:
            break
        draft.take(candidate)
    lines = tuple(sorted(draft.lines, key=lambda line: (line.walk_seq, line.location, line.sku)))
    return Plan(lines=lines, estimated_s=work_s(lines))


def preview(candidates: Sequence[Candidate], limits: Limits, *, tasks: int) -> list[Plan]:
    """Return the tasks that the next claims would get, one after the other, if nothing else happened."""
    plans: list[Plan] = []
    left = list(candidates)
    while len(plans) < tasks and (plan := compose(left, limits)):
        plans.append(plan)
        left = _without(left, plan)
    return plans


def _without(candidates: Sequence[Candidate], plan: Plan) -> list[Candidate]:
    taken: dict[tuple[str, str], int] = {}
    planned: dict[int, int] = {}
    for line in plan.lines:
        taken[line.sku, line.location] = taken.get((line.sku, line.location), 0) + line.qty
        planned[line.pull_id] = planned.get(line.pull_id, 0) + line.qty
    left = []
    for c in candidates:
        bins = tuple(replace(b, available=b.available - taken.get((c.sku, b.location), 0)) for b in c.bins)
        rest = c.qty - planned.get(c.pull_id, 0)
        if rest > 0:
            left.append(replace(c, qty=rest, bins=tuple(b for b in bins if b.available > 0)))
    return left


def _distance(candidate: Candidate, walk_seq: int) -> int:
    return min(abs(b.walk_seq - walk_seq) for b in candidate.bins)


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
        self._taken: dict[tuple[str, str], int] = {}

    def take(self, candidate: Candidate, *, must: bool = False) -> None:
        """Add as much of the candidate as fits, from as few bins as possible; `must`: at least one unit."""
        free = [
            replace(b, available=left)
            for b in candidate.bins
            if (left := b.available - self._taken.get((candidate.sku, b.location), 0)) > 0
        ]
        for stop, wanted in source(free, candidate.qty):
            qty = min(wanted, self._fits(candidate))
            if qty <= 0 and must and not self.lines:
                qty = 1
            if qty <= 0:
                return
            self._add(candidate, stop, qty)

    def _fits(self, candidate: Candidate) -> int:
        """How many more eaches of the candidate go in as one more line."""
        if len(self.lines) >= self.limits.lines:
            return 0
        room = [(self.limits.seconds - self._seconds - LINE_S) // UNIT_S]
        if candidate.volume_ml:
            room.append((self.limits.volume_ml - self._volume_ml) // candidate.volume_ml)
        if candidate.weight_g:
            room.append((self.limits.weight_g - self._weight_g) // candidate.weight_g)
        return min(room)

    def _add(self, candidate: Candidate, stop: Bin, qty: int) -> None:
        line = PlannedLine(candidate.pull_id, candidate.sku, candidate.shelf, stop.location, stop.walk_seq, qty)
        self.lines.append(line)
        self._volume_ml += qty * candidate.volume_ml
        self._weight_g += qty * candidate.weight_g
        self._seconds += LINE_S + UNIT_S * qty
        place = (candidate.sku, stop.location)
        self._taken[place] = self._taken.get(place, 0) + qty
