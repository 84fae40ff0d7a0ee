"""Silence: an item that the books have on the shelf and that improbably long has sold nothing. Pure, over many items.

With the level believed before the silence, Gamma of shape a and exposure b, the chance to sell nothing over an
exposure e on the shelf is, the uncertain level averaged out,

    p = (b / (b + e)) ^ a

Units vanish unseen (theft, a wrong count, goods put in another place): with the chance `loss_a_day` for each day that
the item was not seen, and p for an item that is there, Bayes' rule gives the chance that it is gone (DeHoratius,
Mersereau, Schrage: Retail inventory management when records are inaccurate, 2008; the simplest case of it)

    P(gone) = l / (l + (1 - l) p)        l = 1 - (1 - loss_a_day) ^ e

A look at the shelf takes CHECK_S. It is worth P(gone) times the units that a filled shelf would sell until closing.
Only items below SILENT_P are looked at: above it there are more false alarms than a shelf that is found empty is worth.
The answers grade the detector: the share of hits, and how many more or fewer there were than promised; P(gone) is told
accordingly. On real receipts with losses laid in (two items in a thousand a day, two halves of a chain's stores) some
eight looks a day found the shelf empty in 27 %, as field checks of such alarms do, and saved a fifth to a third of the
lost units. Ungraded, the model promised 88 %: slow sellers fall silent by themselves, too.
"""

import math
from dataclasses import dataclass

import numpy as np

from pullsvc.demand.horizon import Floats, Ints
from pullsvc.demand.levels import Level, Levels

SILENT_P = 1e-3
CHECK_S = 10.0
LOSS_A_DAY = 0.002
MIN_GRADE, MAX_GRADE = 0.05, 5.0
GRADE_PSEUDO_HITS = 2.0  # The detector is taken at its word until some answers are in.
PRECISION_PRIOR = (1.0, 3.0)  # Hits and misses: field checks of such alarms find one in four or fewer.


@dataclass(frozen=True, slots=True)
class Grade:
    """How the detector has done in one store; older answers may be discounted.

    Attributes:
        hits: Looks that found the shelf empty.
        looks: All looks that were answered.
        promised: The sum of `Silence.p_model` of those.
    """

    hits: float = 0.0
    looks: float = 0.0
    promised: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.hits <= self.looks or self.promised < 0:
            raise ValueError("there cannot be more hits than looks")

    def answered(self, *, was_empty: bool, p_model: float) -> "Grade":
        """Return the grade with one more answer."""
        return Grade(self.hits + was_empty, self.looks + 1, self.promised + p_model)

    @property
    def precision(self) -> float:
        """Mean of the Beta posterior of the share of hits."""
        hits, misses = PRECISION_PRIOR
        return (hits + self.hits) / (hits + misses + self.looks)

    @property
    def precision_sd(self) -> float:
        """Standard deviation of that posterior."""
        count = sum(PRECISION_PRIOR) + self.looks
        return math.sqrt(self.precision * (1 - self.precision) / (count + 1))

    @property
    def factor(self) -> float:
        """How much more often the shelf was empty than promised; P(gone) is the promise times this."""
        factor = (GRADE_PSEUDO_HITS + self.hits) / (GRADE_PSEUDO_HITS + self.promised)
        return min(max(factor, MIN_GRADE), MAX_GRADE)


@dataclass(frozen=True, slots=True)
class Silence:
    """What the silence of each item says.

    Attributes:
        p_silent: Chance of so long a silence if the item is on the shelf.
        p_model: Chance that it is not, as Bayes' rule has it.
        p_gone: The same, corrected by what became of such promises in this store.
        days: Average days on the shelf without a sign of it.
    """

    p_silent: Floats
    p_model: Floats
    p_gone: Floats
    days: Floats


def level_before(levels: Levels) -> Level:
    """Return the level believed when each item's silence began: what it did not sell since is taken out again."""
    return levels.believed(np.maximum(levels.exposure - levels.silent_recent, 0.0))


def silence_of(levels: Levels, at: int, *, traffic: float, grade: Grade, loss_a_day: float = LOSS_A_DAY) -> Silence:
    """Return what the silence of each item says at a moment of the day.

    Args:
        levels: Of the items.
        at: What of the day has passed, in nanodays.
        traffic: How busy the day is.
        grade: What answers have taught of earlier alarms.
        loss_a_day: Chance that an item vanishes in a day, 0..1 exclusive.
    """
    if not 0 < loss_a_day < 1:
        raise ValueError("a chance between 0 and 1 is needed")
    before = level_before(levels)
    days = np.maximum(levels.silence(at, traffic=traffic), 0.0)
    p_silent = np.exp(-before.shape * np.log1p(days / before.exposure))
    lost = -np.expm1(days * math.log1p(-loss_a_day))
    p_model = lost / np.maximum(lost + (1 - lost) * p_silent, 1e-300)
    return Silence(p_silent, p_model, np.minimum(p_model * grade.factor, 1.0), days)


def best_checks(
    found: Silence, level: Level, *, stock: Ints, capacity: Ints, until_close: float, price: float, k: int
) -> Ints:
    """Return the rows of at most `k` items worth a look, the most valuable first.

    Args:
        found: Their silence.
        level: What they would sell; of `level_before`, as the present one already half believes the silence.
        stock: On the shelf by the books; items without are no silence.
        capacity: Of the shelf: no more than that can be sold by one filling.
        until_close: Demand until the store closes, in average days, times the traffic factor.
        price: Lost units that a second of labour must avert.
        k: How many looks there may be.
    """
    sold = np.minimum(level.units_a_day * until_close, capacity)
    value = found.p_gone * sold - price * CHECK_S
    rows = np.flatnonzero((found.p_silent <= SILENT_P) & (stock > 0) & (value > 0))
    return rows[np.argsort(-value[rows], kind="stable")][: max(k, 0)]
