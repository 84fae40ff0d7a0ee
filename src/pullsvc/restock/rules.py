"""When an item must be pulled, how much of it, and how urgent that is. Pure.

The first simple rule. With d = rate * lead, the units expected to be sold while a pull is on its way:

    need    = ceil(d + safety * sqrt(d))                      Poisson: sqrt(d) is the standard deviation of d
    trigger = min(max(need, presentation_min), capacity - 1)
    pull when   on hand + in flight <= trigger
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from pullsvc.demand.hours import Calendar
from pullsvc.demand.rules import Rate, time_to_empty_s

HOUR_S = 3600
MIN_LEAD_S, MAX_LEAD_S = 60, 4 * HOUR_S

# Pulls of the watch rank from routine up to just below a waiting customer (90).
MIN_URGENCY, MAX_STOCKED_URGENCY, EMPTY_URGENCY, MAX_URGENCY = 30, 79, 60, 85
REPRICE_STEP = 3  # A change of urgency below this is not worth a write.

# The watch looks again halfway to the moment at which the trigger would be met, within these bounds. The trigger
# itself catches what sells faster; this look is for what changes without a sale.
MIN_CHECK_S, MAX_CHECK_S = 5 * 60, 4 * HOUR_S
WAITING_CHECK_S = 10 * 60  # The shelf is low: its urgency rises with time, pulls fail, the backroom gets goods.
MIN_DUE_S, MAX_DUE_S = 15 * 60, 4 * HOUR_S

# Automatic pulls begin before the doors open and end before they close: later ones the night fill does better.
BEFORE_OPENING = timedelta(minutes=30)
BEFORE_CLOSING = timedelta(minutes=30)

DEFAULT_LEAD_S = 45 * 60
DEFAULT_SAFETY = 1.65  # One shelf in twenty runs empty before its pull arrives, if the rate is right.
MAX_SAFETY = 10.0


@dataclass(frozen=True, slots=True)
class Settings:
    """How a store wants its watch.

    Attributes:
        enabled: False: no automatic pulls; people's asks go on.
        safety: Standard deviations of demand kept on the shelf beyond the expected demand; 0..MAX_SAFETY.
        lead_default_s: Time to shelf until the store has measured its own.
    """

    enabled: bool = True
    safety: float = DEFAULT_SAFETY
    lead_default_s: int = DEFAULT_LEAD_S


@dataclass(frozen=True, slots=True)
class Shelf:
    """An item at one of its shelves, as the books have it; eaches.

    Attributes:
        book: What stands there; below zero when oversold.
        capacity: What fits; >= 1.
        presentation_min: Below this the shelf looks empty; <= capacity.
        case_pack: In a case; >= 1.
        in_flight: Wanted by the live pull and not put on the shelf yet.
        unclaimed: That part of `in_flight` that nobody works on yet.
        backroom: In the backroom and not spoken for.
    """

    book: int
    capacity: int
    presentation_min: int = 0
    case_pack: int = 1
    in_flight: int = 0
    unclaimed: int = 0
    backroom: int = 0

    @property
    def on_hand(self) -> int:
        """What a customer finds: nothing on an oversold shelf."""
        return max(0, self.book)

    @property
    def position(self) -> int:
        """What is on the shelf and on its way to it."""
        return self.on_hand + self.in_flight

    @property
    def room(self) -> int:
        """What fits besides what is there and on its way."""
        return max(0, self.capacity - self.position)


class Verdict(StrEnum):
    """Why the watch pulls, or does not."""

    PULL = "pull"
    ENOUGH = "enough"
    FULL = "full"
    WAIT_FOR_CASE = "wait_for_case"
    BACKROOM_EMPTY = "backroom_empty"


@dataclass(frozen=True, slots=True)
class Decision:
    """What the watch makes of an item at a shelf.

    Attributes:
        verdict: Why.
        qty: Eaches to pull besides what is in flight; 0 unless the verdict is PULL.
        urgency: What a pull for this shelf is worth now, MIN_URGENCY..MAX_URGENCY, also when nothing is added to it.
        due_at: By when the goods are needed.
        next_check_at: When to look again, if no sale leads to that before.
        trigger_qty: The book at or below which the item is looked at again at once.
        lasts_s: Open seconds until the shelf is expected to be empty; None: never.
        need_vanished: A pull that nobody works on yet is not needed any more.
        explanation: The figures, and one plain sentence.
    """

    verdict: Verdict
    qty: int
    urgency: int
    due_at: datetime
    next_check_at: datetime
    trigger_qty: int
    lasts_s: float | None
    need_vanished: bool
    explanation: Mapping[str, object]


def decide(shelf: Shelf, *, rate: Rate, lead_s: int, settings: Settings, now: datetime) -> Decision:
    """Decide what to do for a shelf, and when to look at it again.

    Args:
        shelf: What is known of it.
        rate: How fast the item sells.
        lead_s: Time to shelf; MIN_LEAD_S..MAX_LEAD_S.
        settings: Of the store.
        now: Aware.
    Returns:
        qty <= backroom and on hand + in flight + qty <= capacity; asking again with qty moved from backroom to in
        flight gives 0, and more on the shelf never gives more.
    """
    need = need_qty(rate, lead_s=lead_s, safety=settings.safety)
    trigger = trigger_qty(need, presentation_min=shelf.presentation_min, capacity=shelf.capacity)
    verdict, qty = _pull(shelf, trigger=trigger, need=need)
    lasts_s = time_to_empty_s(shelf.on_hand, rate)
    due_s = _clamp(math.inf if lasts_s is None else lasts_s, MIN_DUE_S, MAX_DUE_S)
    return Decision(
        verdict=verdict,
        qty=qty,
        urgency=urgency_of(shelf, rate=rate, lasts_s=lasts_s, lead_s=lead_s),
        due_at=now + timedelta(seconds=due_s),
        next_check_at=now + timedelta(seconds=_check_s(shelf, rate=rate, trigger=trigger)),
        trigger_qty=trigger,
        lasts_s=lasts_s,
        need_vanished=need_vanished(shelf, trigger=trigger),
        explanation={
            "sentence": sentence(shelf, rate=rate, lasts_s=lasts_s, lead_s=lead_s),
            "verdict": verdict.value,
            "rate_per_h": round(rate.per_h, 3),
            "evidence_h": round(rate.hours, 1),
            "on_hand": shelf.on_hand,
            "in_flight": shelf.in_flight,
            "backroom": shelf.backroom,
            "capacity": shelf.capacity,
            "lasts_s": None if lasts_s is None else round(lasts_s),
            "lead_s": lead_s,
            "trigger_qty": trigger,
            "qty": qty,
        },
    )


def need_qty(rate: Rate, *, lead_s: int, safety: float) -> int:
    """Return how many must be on the shelf or on their way to last until a pull opened now arrives."""
    demand = rate.over(lead_s)
    return math.ceil(demand + safety * math.sqrt(demand))


def trigger_qty(need: int, *, presentation_min: int, capacity: int) -> int:
    """Return at which stock to pull: what is needed or presents well, but never a full shelf."""
    return min(max(need, presentation_min), capacity - 1)


def _pull(shelf: Shelf, *, trigger: int, need: int) -> tuple[Verdict, int]:
    """Return whether to pull now, and how much.

    Whole cases, as many as fit. Loose units besides only where the shelf would still stand at its trigger and no whole
    case comes in time: the backroom has less than a case left, or by the time that a whole case fits, the shelf holds
    less than it needs to last.
    """
    if shelf.position > trigger:
        return Verdict.ENOUGH, 0
    fits = min(shelf.room, max(0, shelf.backroom))
    if fits == 0:
        return (Verdict.BACKROOM_EMPTY if shelf.room else Verdict.FULL), 0
    whole = fits // shelf.case_pack * shelf.case_pack
    last_of_it = shelf.backroom - whole < shelf.case_pack
    too_late = shelf.capacity - shelf.case_pack < need
    if shelf.position + whole <= trigger and (last_of_it or too_late):
        return Verdict.PULL, fits
    return (Verdict.PULL, whole) if whole else (Verdict.WAIT_FOR_CASE, 0)


def need_vanished(shelf: Shelf, *, trigger: int) -> bool:
    """Tell whether a pull that nobody works on is not needed any more.

    The shelf is full without it, or holds half as much again as its trigger: the margin keeps a pull from coming and
    going with every look.
    """
    without = shelf.position - shelf.unclaimed
    return without >= shelf.capacity or without > trigger + math.ceil(trigger / 2)


def urgency_of(shelf: Shelf, *, rate: Rate, lasts_s: float | None, lead_s: int) -> int:
    """Return how urgent a pull for this shelf is.

    An empty shelf: EMPTY_URGENCY, and MAX_URGENCY once a unit would be sold while the pull is on its way. A stocked one
    rises from MIN_URGENCY, when it lasts two lead times, to MAX_STOCKED_URGENCY; it never passes an empty one of the
    same item.
    """
    if shelf.on_hand == 0:
        return EMPTY_URGENCY + round((MAX_URGENCY - EMPTY_URGENCY) * min(1.0, rate.over(lead_s)))
    if lasts_s is None:
        return MIN_URGENCY
    nearness = 1 - min(1.0, lasts_s / (2 * lead_s))
    return MIN_URGENCY + round((MAX_STOCKED_URGENCY - MIN_URGENCY) * nearness)


def _check_s(shelf: Shelf, *, rate: Rate, trigger: int) -> float:
    """Return in how many seconds to look again."""
    if shelf.on_hand <= trigger or shelf.unclaimed:
        return WAITING_CHECK_S
    to_trigger_s = time_to_empty_s(shelf.position - trigger, rate)
    return MAX_CHECK_S if to_trigger_s is None else _clamp(to_trigger_s / 2, MIN_CHECK_S, MAX_CHECK_S)


def _clamp(value: float, least: float, most: float) -> float:
    return min(max(value, least), most)


def bounded_lead_s(measured_s: int | None, *, default_s: int) -> int:
    """Return the time to shelf to reckon with: the measured one, else the default, within sense."""
    return int(_clamp(default_s if measured_s is None else measured_s, MIN_LEAD_S, MAX_LEAD_S))


def sentence(shelf: Shelf, *, rate: Rate, lasts_s: float | None, lead_s: int) -> str:
    """Return the reason in words: "Sells 6.2 an hour, 3 on the shelf, lasts 29 min; a pull takes 41 min."."""
    takes = f"a pull takes {_spoken(lead_s)}."
    sells = f"Sells {rate.per_h:.1f} an hour" if rate.per_h >= 0.05 else "Hardly sells"
    if shelf.on_hand == 0:
        there = "the shelf is empty"
    elif lasts_s is None:
        there = f"{shelf.on_hand} on the shelf"
    else:
        there = f"{shelf.on_hand} on the shelf, lasts {_spoken(lasts_s)}"
    coming = f", {shelf.in_flight} on the way" if shelf.in_flight else ""
    return f"{sells}, {there}{coming}; {takes}"


def _spoken(duration_s: float) -> str:
    minutes = round(duration_s / 60)
    if minutes < 120:
        return f"{minutes} min"
    hours = round(duration_s / HOUR_S)
    return f"{hours} h" if hours < 48 else f"{round(hours / 24)} days"


def watching(calendar: Calendar, *, now: datetime) -> bool:
    """Tell whether automatic pulls are opened at this moment."""
    return next_watch(calendar, now=now) == now


def next_watch(calendar: Calendar, *, now: datetime) -> datetime | None:
    """Return from when on automatic pulls are opened: now, or shortly before the next opening; None: never soon."""
    span = calendar.next_span(now + BEFORE_CLOSING)
    return None if span is None else max(now, span.start - BEFORE_OPENING)
