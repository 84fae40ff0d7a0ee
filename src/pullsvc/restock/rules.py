"""When a shelf is worth a pull, how much of it, how urgent that is, and when to look again. Pure, over many shelves.

The engine in `demand` says what a pull would avert, `compose` at which price of labour that is worth a worker's time.
Here both are laid over what the store knows of its shelves. Beside what is worth it, a shelf below its presentation
minimum, or empty, gets a routine pull of the lowest urgency: it looks bad, and of a new item nothing else is known.

The time to the shelf is uncertain: everything is averaged over LEAD_PROBS of the store's own times.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from pullsvc.demand.horizon import Floats, Ints, Mask
from pullsvc.demand.levels import Level
from pullsvc.demand.profile import DayCurve
from pullsvc.demand.value import CHECK_STEP_S, Ahead, Worth, next_check_s, trigger_qty, worth
from pullsvc.restock.compose import FILL_EASE, Offer
from pullsvc.restock.settings import Settings

HOUR_S = 3600
LEAD_PROBS = (1 / 6, 1 / 2, 5 / 6)  # The middle of each third.

WAITED_STEP_S = 30 * 60  # For each, an open pull rises as for twice the loss: none waits for ever.
REPRICE_STEP = 3  # A change of urgency below this is not worth a write.

JOIN_SHARE = 0.25  # Of the capacity: a live pull is not asked for less than that on top of it.
VANISH_EASE = 4.0  # A pull stays until it would not be worth a quarter of the price: so none comes and goes.
TRIGGER_EASE = FILL_EASE  # Triggers and looks find what may ride along, or would be a pull at a fourth of the price.

MIN_CHECK_S, MAX_CHECK_S = 5 * 60, 4 * HOUR_S
WAITING_CHECK_S = 10 * 60  # Something is to happen with the shelf, and its urgency rises with time.
SCARCE_P_EMPTY = 0.01
MIN_DUE_S, MAX_DUE_S = 15 * 60, 4 * HOUR_S


class Verdict(StrEnum):
    """Why the watch pulls, or does not."""

    PULL = "pull"
    PRESENTATION = "presentation"
    RIDES = "rides"
    ENOUGH = "enough"
    FULL = "full"
    BACKROOM_EMPTY = "backroom_empty"
    SWITCHED_OFF = "switched_off"


@dataclass(frozen=True, slots=True)
class Shelves:
    """Items at their shelves, as the books have them, one entry each; eaches.

    Attributes:
        book: What stands there; below zero when oversold.
        capacity: What fits; >= 1.
        presentation_min: Below this the shelf looks empty; <= capacity.
        case_pack: In a case; >= 1.
        in_flight: Wanted by the live pull and not put on the shelf yet.
        unclaimed: That part of `in_flight` that nobody works on yet.
        backroom: In the backroom and not spoken for.
        weight: What a lost unit counts for; 0: no automatic pulls.
        waited_s: Seconds since the live pull was opened; 0: there is none.
    """

    book: Ints
    capacity: Ints
    presentation_min: Ints
    case_pack: Ints
    in_flight: Ints
    unclaimed: Ints
    backroom: Ints
    weight: Floats
    waited_s: Floats

    def __len__(self) -> int:
        """Return the number of shelves."""
        return len(self.book)

    @property
    def on_hand(self) -> Ints:
        """What a customer finds: nothing on an oversold shelf."""
        return np.maximum(self.book, 0)

    @property
    def position(self) -> Ints:
        """What is on the shelf and on its way to it."""
        return np.asarray(self.on_hand + self.in_flight)

    @property
    def fits(self) -> Ints:
        """What has room besides what is there and on its way, as far as the backroom has it."""
        return np.asarray(np.maximum(np.minimum(self.capacity - self.position, self.backroom), 0))


@dataclass(frozen=True, slots=True)
class Moment:
    """What is the same for all shelves of a store at a moment.

    Attributes:
        curve: Of the business day.
        traffic: How busy it is.
        now_s: Seconds since the business day began.
        closes_s: When the store closes, or the business day ends.
        leads_s: Times to shelf at LEAD_PROBS, in seconds.
        price: Of labour: lost units that a second must avert.
        late: It is the last round before the night.
        settings: Of the store.
    """

    curve: DayCurve
    traffic: float
    now_s: float
    closes_s: float
    leads_s: Sequence[float]
    price: float
    late: bool
    settings: Settings

    @property
    def lead_s(self) -> float:
        """The median time to shelf."""
        return self.leads_s[len(self.leads_s) // 2]

    def until(self, end_s: float) -> float:
        """Return the demand from now until then, or until closing if that is earlier, in average days."""
        return self.traffic * self.curve.between(self.now_s, min(end_s, self.closes_s))

    def ahead(self, lead_s: float) -> Ahead:
        """Return what lies ahead if a tub takes so long."""
        return Ahead.of(landing=self.until(self.now_s + lead_s), closing=self.until(self.closes_s))

    def busiest(self) -> Ahead:
        """Return what lies ahead at the busiest moment until everything has been looked at again."""
        starts = self.now_s + CHECK_STEP_S * np.arange(MAX_CHECK_S // CHECK_STEP_S + 1)
        starts = starts[starts <= max(self.now_s, self.closes_s)]
        ends = np.minimum(starts + self.leads_s[-1], self.closes_s)
        landings = self.curve.at(ends) - self.curve.at(np.minimum(starts, ends))
        landing = self.traffic * float(landings.max(initial=0.0))
        return Ahead.of(landing=landing, closing=self.until(self.closes_s))

    def an_hour(self) -> float:
        """Return the demand of an hour at the present pace, in average days."""
        return self.traffic * self.curve.between(max(0.0, self.now_s - HOUR_S / 2), self.now_s + HOUR_S / 2)


@dataclass(frozen=True, slots=True)
class Decisions:
    """What the watch makes of each shelf.

    Attributes:
        verdicts: Why.
        qty: Eaches to pull besides what is in flight; 0 unless the verdict is PULL or PRESENTATION.
        rides: No pull of its own, but worth a place in a tub that goes anyway; the verdict is RIDES.
        urgency: What a pull for this shelf ranks as now, MIN_URGENCY..MAX_URGENCY, also when nothing is added to it.
        due_s: In how many seconds the goods are needed.
        check_s: In how many seconds to look again, if no sale leads to that before.
        trigger_qty: The book at or below which the item is looked at again at once.
        lasts_s: Seconds until the shelf is expected to be empty; infinite: not before the store closes.
        need_vanished: A pull that nobody works on yet is not needed any more.
        worth: What `qty`, or what is in flight unclaimed, would avert.
    """

    verdicts: list[Verdict]
    qty: Ints
    rides: Mask
    urgency: Ints
    due_s: Floats
    check_s: Floats
    trigger_qty: Ints
    lasts_s: Floats
    need_vanished: Mask
    worth: Worth


def decide(shelves: Shelves, level: Level, moment: Moment) -> Decisions:
    """Decide what to do for each shelf, and when to look at it again.

    Returns:
        qty <= backroom and on hand + in flight + qty <= capacity; asking again with qty moved from backroom to in
        flight gives 0.
    """
    could = pull_qty(shelves)
    offer, worth_of = _offer(shelves, level, moment, qty=could, coming=shelves.in_flight)
    admitted, poor = _wanted(offer, shelves, moment)
    qty = np.where(admitted | poor, could, 0)
    riding = offer.riding(moment.price, late=moment.late)
    rides = riding & (could > 0) & (qty == 0) & (shelves.in_flight == 0) & (shelves.weight > 0)
    unclaimed, worth_unclaimed = _offer(
        shelves, level, moment, qty=shelves.unclaimed, coming=shelves.in_flight - shelves.unclaimed
    )
    stands = (qty == 0) & (shelves.unclaimed > 0)
    shown = Worth(
        *(
            np.where(stands, there, here)
            for there, here in (
                (worth_unclaimed.p_empty, worth_of.p_empty),
                (worth_unclaimed.averted, worth_of.averted),
                (worth_unclaimed.labour_s, worth_of.labour_s),
            )
        )
    )
    lasts_s = time_to_empty_s(shelves, level, moment)
    trigger = _triggers(shelves, level, moment)
    due_s = np.clip(lasts_s, MIN_DUE_S, MAX_DUE_S)
    # Pulls fail, offers age, and what the backroom does not have may be received.
    waits = (qty > 0) | rides | (shelves.unclaimed > 0) | ((shelves.backroom <= 0) & (shown.p_empty >= SCARCE_P_EMPTY))
    check_s = np.where(waits, WAITING_CHECK_S, _check_s(shelves, level, moment))
    urgency = urgency_of(Offer(_weighted(shown, shelves), could, offer.pace), shelves, late=moment.late)
    return Decisions(
        verdicts=_verdicts(shelves, admitted=admitted, poor=poor, rides=rides),
        qty=qty,
        rides=rides,
        urgency=urgency,
        due_s=due_s,
        check_s=check_s,
        trigger_qty=trigger,
        lasts_s=lasts_s,
        need_vanished=_vanished(shelves, unclaimed, moment),
        worth=shown,
    )


def wanted(shelves: Shelves, level: Level, moment: Moment) -> tuple[Ints, Ints]:
    """Return only how many eaches to pull for each shelf, and how urgently; as `decide`."""
    could = pull_qty(shelves)
    offer, _ = _offer(shelves, level, moment, qty=could, coming=shelves.in_flight)
    admitted, poor = _wanted(offer, shelves, moment)
    return np.asarray(np.where(admitted | poor, could, 0)), urgency_of(offer, shelves, late=moment.late)


def _wanted(offer: Offer, shelves: Shelves, moment: Moment) -> tuple[Mask, Mask]:
    """Tell which shelves are worth a pull, and which others get one because they look bad."""
    admitted = offer.admitted(moment.price, late=moment.late) & (shelves.weight > 0) & (offer.qty > 0)
    poor = _looks_poor(shelves, moment.settings, shelves.position) & ~admitted & (offer.qty > 0)
    return np.asarray(admitted), np.asarray(poor)


def pull_qty(shelves: Shelves) -> Ints:
    """Return what a pull would bring: whole cases as many as fit, else what fits, or the last of the backroom.

    A live pull is only asked for more in whole cases that are a good part of the shelf, or every sale would ask for a
    unit.
    """
    fits = shelves.fits
    whole = fits // shelves.case_pack * shelves.case_pack
    last_of_it = shelves.backroom - whole < shelves.case_pack
    more = np.where(whole < JOIN_SHARE * shelves.capacity, 0, whole)
    return np.asarray(np.where(shelves.in_flight > 0, more, np.where((whole == 0) | last_of_it, fits, whole)))


def _offer(shelves: Shelves, level: Level, moment: Moment, *, qty: Ints, coming: Ints) -> tuple[Offer, Worth]:
    """Return what bringing `qty` is worth by the store's weights, and as it is."""
    parts = [
        worth(
            level,
            stock=shelves.on_hand,
            qty=qty,
            ahead=moment.ahead(lead_s),
            labour=moment.settings.labour,
            coming=coming,
        )
        for lead_s in moment.leads_s
    ]
    plain = Worth(
        np.mean([part.p_empty for part in parts], axis=0),
        np.mean([part.averted for part in parts], axis=0),
        parts[0].labour_s,
    )
    pace = level.units_a_day * moment.an_hour()
    return Offer(worth=_weighted(plain, shelves), qty=qty, pace=pace), plain


def _weighted(plain: Worth, shelves: Shelves) -> Worth:
    return Worth(plain.p_empty * shelves.weight, plain.averted * shelves.weight, plain.labour_s)


def _looks_poor(shelves: Shelves, settings: Settings, position: Ints) -> Mask:
    """Tell which shelves look bad: empty, or below their presentation minimum."""
    least = np.maximum(shelves.presentation_min, 1) if settings.presentation else 1
    return np.asarray((position < np.minimum(least, shelves.capacity)) & (shelves.weight > 0))


def _vanished(shelves: Shelves, unclaimed: Offer, moment: Moment) -> Mask:
    """Tell which unclaimed pulls are not needed any more: the shelf is full without, or they are hardly worth it."""
    without = shelves.position - shelves.unclaimed
    worthless = ~unclaimed.admitted(moment.price / VANISH_EASE, late=moment.late)
    return np.asarray(
        (shelves.unclaimed > 0)
        & ((without >= shelves.capacity) | (worthless & ~_looks_poor(shelves, moment.settings, without)))
    )


def urgency_of(offer: Offer, shelves: Shelves, *, late: bool) -> Ints:
    """Return how urgent a pull for each shelf is, with what its patience adds."""
    return offer.urgency(late=late, waited_steps=shelves.waited_s // WAITED_STEP_S)


def time_to_empty_s(shelves: Shelves, level: Level, moment: Moment) -> Floats:
    """Return in how many seconds each shelf is expected to be empty; infinite: not before the store closes."""
    needed = shelves.on_hand / np.maximum(level.units_a_day * moment.traffic, 1e-12)
    passed = float(moment.curve.at(moment.now_s))
    lasts = np.maximum(moment.curve.when(passed + needed) - moment.now_s, 0.0)
    left = moment.curve.between(moment.now_s, moment.closes_s)
    return np.where(shelves.on_hand == 0, 0.0, np.where(needed > left, np.inf, lasts))


def _triggers(shelves: Shelves, level: Level, moment: Moment) -> Ints:
    """Return the largest book at which each shelf could be worth a pull before it is looked at again; -1: none."""
    found = np.full(len(shelves), -1, dtype=np.int64)
    for weight in np.unique(shelves.weight[shelves.weight > 0]).tolist():
        rows = np.flatnonzero(shelves.weight == weight)
        found[rows] = trigger_qty(
            level.take(rows),
            capacity=shelves.capacity[rows],
            backroom=shelves.backroom[rows] + shelves.unclaimed[rows],
            ahead=moment.busiest(),
            labour=moment.settings.labour,
            price=moment.price / TRIGGER_EASE / weight,
        )
    least = np.maximum(shelves.presentation_min, 1) if moment.settings.presentation else np.ones_like(found)
    poor = np.where(shelves.weight > 0, np.minimum(least, shelves.capacity) - 1, -1)
    return np.asarray(np.maximum(found, poor))


def _check_s(shelves: Shelves, level: Level, moment: Moment) -> Floats:
    """Return in how many seconds each shelf could first be worth a pull if nothing is sold, within bounds."""
    first = next_check_s(
        level,
        stock=shelves.position,
        qty=shelves.fits,
        curve=moment.curve,
        traffic=moment.traffic,
        now_s=moment.now_s,
        closes_s=moment.closes_s,
        lead_s=moment.leads_s[-1],
        labour=moment.settings.labour,
        price=moment.price / TRIGGER_EASE / max(float(shelves.weight.max(initial=1.0)), 1.0),
    )
    return np.clip(first - moment.now_s, MIN_CHECK_S, MAX_CHECK_S)


def _verdicts(shelves: Shelves, *, admitted: Mask, poor: Mask, rides: Mask) -> list[Verdict]:
    room = shelves.capacity > shelves.position
    cases = (
        (shelves.weight == 0, Verdict.SWITCHED_OFF),
        (admitted, Verdict.PULL),
        (poor, Verdict.PRESENTATION),
        (rides, Verdict.RIDES),
        (~room, Verdict.FULL),
        (shelves.backroom <= 0, Verdict.BACKROOM_EMPTY),
    )
    chosen = np.select([mask for mask, _ in cases], list(range(len(cases))), default=len(cases))
    names = [*(verdict for _, verdict in cases), Verdict.ENOUGH]
    return [names[n] for n in chosen.tolist()]
