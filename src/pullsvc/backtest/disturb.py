"""What goes wrong in real stores, done to a day on purpose: late and doubled events, wrong records, outages, losses."""

from dataclasses import dataclass, replace

import numpy as np

from pullsvc.backtest.model import CLOSES_S, HOUR_S, OPENS_S, Floats, Ints, Items, Log, Mask
from pullsvc.backtest.runs import ordinary_morning
from pullsvc.backtest.shop import Feed, Morning

LATE_MEAN_S = 30 * 60.0
DOUBLED_AFTER_S = 60.0
OUTAGE_FROM_S, OUTAGE_UNTIL_S = 16.5 * HOUR_S, 17 * HOUR_S
PURPOSE = 3  # Of the random streams of this file.


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbance:
    """Shares of what is disturbed; picklable, so that it goes to other processes.

    Attributes:
        doubled: Of lines, reported twice and not recognised as one.
        late: Of lines, reported 30 minutes late on the mean.
        wrong_backroom: Of items: half of them ghosts (recorded, not there), half hidden (there, not recorded).
        outage: The tills report nothing for half an hour, then everything.
        stolen: Of shelves, each loses half or all of its stock at some moment, unseen.
    """

    doubled: float = 0.0
    late: float = 0.0
    wrong_backroom: float = 0.0
    outage: bool = False
    stolen: float = 0.0

    def __call__(self, items: Items, lines: Log, *, day: int, seed: int) -> Morning:
        """Return the disturbed morning of the day."""
        morning = ordinary_morning(items, lines, day=day, seed=seed)
        rng = np.random.default_rng([seed, day, PURPOSE])
        # All is always drawn, so that one disturbance does not change the luck of another.
        late, doubled, wrong = rng.random(len(lines)), rng.random(len(lines)), rng.random(len(items))
        delay_s = rng.exponential(LATE_MEAN_S, len(lines))
        robbed, when, share = rng.random(len(items)), rng.random(len(items)), rng.random(len(items))
        return replace(
            morning,
            recorded=self._records(morning.backroom, wrong),
            backroom=self._backroom(morning.backroom, wrong),
            feed=self._feed(lines, delay_s=np.where(late < self.late, delay_s, 0.0), doubled=doubled < self.doubled),
            thefts=self._thefts(np.flatnonzero(robbed < self.stolen), when, share),
        )

    def _backroom(self, there: Ints, wrong: Floats) -> Ints:
        return np.where(wrong < self.wrong_backroom / 2, 0, there)

    def _records(self, there: Ints, wrong: Floats) -> Ints:
        hidden = (wrong >= self.wrong_backroom / 2) & (wrong < self.wrong_backroom)
        return np.where(hidden, 0, there)

    def _feed(self, lines: Log, *, delay_s: Floats, doubled: Mask) -> Feed:
        at_s = lines.second + delay_s
        line = np.arange(len(lines))
        again = np.flatnonzero(doubled)
        line, at_s = np.append(line, again), np.append(at_s, at_s[again] + DOUBLED_AFTER_S)
        if self.outage:
            at_s = np.where((at_s >= OUTAGE_FROM_S) & (at_s < OUTAGE_UNTIL_S), OUTAGE_UNTIL_S, at_s)
        order = np.argsort(at_s, kind="stable")
        return Feed(line=line[order], at_s=np.minimum(at_s[order], float(CLOSES_S)))

    @staticmethod
    def _thefts(item: Ints, when: Floats, share: Floats) -> Floats:
        second = OPENS_S + when[item] * (CLOSES_S - OPENS_S)
        rows = np.column_stack([second, item, np.where(share[item] < 0.5, 0.5, 1.0)])
        return rows[np.argsort(second, kind="stable")]


DISTURBANCES = {
    "late events 2 %": Disturbance(late=0.02),
    "doubled events 2 %": Disturbance(doubled=0.02),
    "wrong backroom 5 %": Disturbance(wrong_backroom=0.05),
    "outage of the tills": Disturbance(outage=True),
    "unseen losses 3 %": Disturbance(stolen=0.03),
    "all together": Disturbance(doubled=0.02, late=0.02, wrong_backroom=0.05, outage=True, stolen=0.03),
}
