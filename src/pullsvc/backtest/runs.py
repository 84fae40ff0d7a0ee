"""Run rules over spans of days: one run is a rule at a labour level, its days in order."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from pullsvc.backtest import store
from pullsvc.backtest.model import Dataset, Items, Log, days_of
from pullsvc.backtest.replay import play_day
from pullsvc.backtest.results import DayResult
from pullsvc.backtest.rule import Rule, Setting
from pullsvc.backtest.shop import Morning, prompt_feed, trading_record
from pullsvc.backtest.simple import MinMaxLow

AMPLE_WORKERS = 20  # Never short of hands.
RuleMaker = Callable[[Setting], Rule]


def ordinary_morning(items: Items, lines: Log, *, day: int, seed: int) -> Morning:
    """Return the morning of an undisturbed day: records are right, tills report at once, nothing vanishes."""
    backroom = store.morning_backroom(items, seed=seed, day=day)
    return Morning(
        day=day,
        lines=lines,
        backroom=backroom,
        recorded=backroom,
        feed=prompt_feed(lines),
        thefts=np.zeros((0, 3)),
    )


def learnt(rule: Rule, data: Dataset, *, before: int) -> Rule:
    """Let the rule learn every day of the log before `before`, and return it."""
    for day in range(data.split.train[0], before):
        rule.learn(trading_record(data.log.of_day(day), day=day))
    return rule


def play(
    data: Dataset,
    make: RuleMaker,
    *,
    days: Iterable[int],
    hours: float,
    seed: int,
    morning: Callable[..., Morning] = ordinary_morning,
) -> list[DayResult]:
    """Play days in order with one rule that learnt the log before the first of them."""
    span = list(days)
    rule = learnt(make(Setting(items=data.items, seed=seed)), data, before=span[0])
    staff = store.shifts(hours)
    results = []
    for day in span:
        begins = morning(data.items, data.log.of_day(day), day=day, seed=seed)
        results.append(play_day(data.items, begins, rule, staff, seed=seed)[0])
    return results


def needed_hours(data: Dataset, *, seed: int) -> float:
    """Return R: the mean hours a day that the hourly 30 % rule works on the validation days when hands are plenty."""
    results = play(
        data,
        MinMaxLow,
        days=days_of(data.split.validate),
        hours=AMPLE_WORKERS * store.SHIFT_H,
        seed=seed,
    )
    return float(np.mean([result.worked_s for result in results])) / 3600


def lost_units(results: Sequence[DayResult]) -> float:
    """Return the mean lost units a day."""
    return float(np.mean([result.lost.sum() for result in results]))
