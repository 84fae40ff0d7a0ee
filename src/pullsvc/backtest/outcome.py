"""The outcome of a contest: figures by rule and level, gaps closed, disturbances; as rows for people and as JSON."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import numpy as np

from pullsvc.backtest.contest import BEST, BOUND, LEVELS, REFERENCE, Done
from pullsvc.backtest.figures import DayFigures, Figures, Gap, gap_closed, summarise
from pullsvc.backtest.model import Dataset, to_date


@dataclass(slots=True)
class Outcome:
    """What came out; filled job by job.

    Attributes:
        data: The store.
        seed: Of every draw.
        needed_h: R, in hours a day.
        days: Replayed.
        plain: Figures by (rule, level), days in order.
        least: Lost units of the bound by level, a day.
        disturbed: Figures by (disturbance, rule, level).
    """

    data: Dataset
    seed: int
    needed_h: float
    days: tuple[int, ...]
    plain: dict[tuple[str, str], list[DayFigures]] = field(default_factory=dict)
    least: dict[str, float] = field(default_factory=dict)
    disturbed: dict[tuple[str, str, str], list[DayFigures]] = field(default_factory=dict)

    def take(self, done: Done, *, disturbance: str | None = None) -> None:
        """Take in what a job gave; jobs may come in any order."""
        rule, level = done.job.rule, done.job.level
        if rule == BOUND:
            self.least[level] = float(np.mean(done.least_lost))
            return
        found = (
            self.plain.setdefault((rule, level), [])
            if disturbance is None
            else self.disturbed.setdefault((disturbance, rule, level), [])
        )
        found.extend(done.days)
        found.sort(key=lambda day: day.day)

    def figures(self, rule: str, level: str) -> Figures:
        """Return the figures of a rule that was played."""
        return summarise(self.plain[rule, level])

    def gap(self, rule: str, level: str) -> Gap | None:
        """Return the gap closed; None unless c and f were played too."""
        if (REFERENCE, level) not in self.plain or (BEST, level) not in self.plain:
            return None
        return gap_closed(
            _lost(self.plain[rule, level]),
            reference=_lost(self.plain[REFERENCE, level]),
            best=_lost(self.plain[BEST, level]),
            seed=self.seed,
        )

    def rules(self, order: Sequence[str]) -> list[str]:
        """Return the rules that were played, in this order."""
        played = {rule for rule, _ in self.plain}
        return [rule for rule in order if rule in played]

    def advantage_kept(self, disturbance: str, rule: str, level: str) -> float | None:
        """Return the advantage over c under the disturbance as a share of the undisturbed one; None: not known."""
        keys = ((disturbance, REFERENCE, level), (disturbance, rule, level))
        if any(key not in self.disturbed for key in keys) or (REFERENCE, level) not in self.plain:
            return None
        c, mine = (sum(_lost(self.disturbed[key])) for key in keys)
        plain = sum(_lost(self.plain[REFERENCE, level])) - sum(_lost(self.plain[rule, level]))
        return (c - mine) / plain if plain else None

    def as_json(self) -> dict[str, object]:
        """Return everything, fit for JSON; NaN becomes null."""
        rows = [
            {"rule": rule, "level": level, **asdict(summarise(days)), "gap": self._gap_json(rule, level)}
            for (rule, level), days in sorted(self.plain.items())
        ]
        disturbed = [
            {
                "disturbance": name,
                "rule": rule,
                "level": level,
                "lost": summarise(days).lost,
                "overfill": summarise(days).overfill,
                "advantage_kept": self.advantage_kept(name, rule, level),
            }
            for (name, rule, level), days in sorted(self.disturbed.items())
        ]
        return {
            "store": self.data.name,
            "seed": self.seed,
            "needed_hours_a_day": self.needed_h,
            "levels": {name: factor * self.needed_h for name, factor in LEVELS.items()},
            "days": [to_date(day).isoformat() for day in self.days],
            "items": len(self.data.items),
            "lines_a_day": len(self.data.log) / max(1, self.data.split.test[1] - self.data.split.train[0] + 1),
            "notes": list(self.data.notes),
            "rules": rows,
            "bound": self.least,
            "disturbed": disturbed,
            "calibration": {
                f"{rule}/{level}": np.sum([day.calibration for day in days], axis=0).tolist()
                for (rule, level), days in sorted(self.plain.items())
                if np.sum([day.calibration for day in days]) > 0
            },
        }

    def _gap_json(self, rule: str, level: str) -> dict[str, float] | None:
        gap = self.gap(rule, level)
        return None if gap is None or math.isnan(gap.closed) else asdict(gap)


def _lost(days: Sequence[DayFigures]) -> list[float]:
    return [float(day.lost) for day in days]
