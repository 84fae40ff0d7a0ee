"""All rules at all labour levels over the same days, on all cores."""

import importlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

import numpy as np

from pullsvc.backtest import bound, runs, store
from pullsvc.backtest.bayes import Bayes, Oracle, Own
from pullsvc.backtest.clairvoyant import RECIPES, Clairvoyant
from pullsvc.backtest.disturb import Disturbance
from pullsvc.backtest.figures import DayFigures, figures_of
from pullsvc.backtest.model import Dataset, Floats
from pullsvc.backtest.replay import play_day
from pullsvc.backtest.rule import Rule, Setting
from pullsvc.backtest.simple import MinMax, MinMaxOften, MinMaxPacks, NightFill, OneForOne, SafetyTime

LEVELS = {"ample": 2.0, "tight": 1.0, "overloaded": 0.5}  # Of R, see `runs.needed_hours`.
RULES: dict[str, type[Rule]] = {
    "a": NightFill,
    "b1": OneForOne,
    "b2": MinMaxPacks,
    "c": MinMax,
    "c+": MinMaxOften,
    "d": SafetyTime,
    "e": Bayes,
    "x": Own,
}
MEANINGS = {
    "a": "night fill only",
    "b1": "hourly, one for one",
    "b2": "hourly, at 30 %, whole packs",
    "c": "hourly, at 50 %, the emptiest first",
    "c+": "as c, every 5 minutes",
    "d": "smoothed rate, safety time",
    "e": "chance of running empty",
    "x": "pullsvc",
    "o": "pullsvc, true mean rates given",
    "f": "clairvoyant",
    "bound": "no schedule can beat this",
}
REFERENCE, BEST, ORACLE, BOUND = "c", "f", "o", "bound"
ORACLE_HALF_WEEK = 3


class NoSuchRule(ValueError):
    """`--rule` names nothing that can be played."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A rule at a level: days in order with one rule that learns; or one day of the clairvoyant.

    Attributes:
        rule: A key of `RULES`, `o`, `f`, `bound`, or module:Class.
        level: A key of `LEVELS`.
        hours: Of labour a day.
        days: To play.
        disturbance: What goes wrong; None: nothing.
    """

    rule: str
    level: str
    hours: float
    days: tuple[int, ...]
    disturbance: Disturbance | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What a job gave: figures of its days; of the bound only the lost units."""

    job: Job
    days: tuple[DayFigures, ...]
    least_lost: tuple[float, ...] = ()


def load_rule(name: str) -> type[Rule]:
    """Return the class that `module:Class` names.

    Raises:
        NoSuchRule: there is none, or it is not a `Rule`.
    """
    module, _, attribute = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as missing:
        raise NoSuchRule(f"--rule {name}: {missing}") from missing
    if not (isinstance(found, type) and issubclass(found, Rule)):
        raise NoSuchRule(f"--rule {name} is not a class derived from pullsvc.backtest.rule.Rule")
    return found


def jobs(
    rules: Sequence[str], *, needed_h: float, days: Sequence[int], disturbance: Disturbance | None = None
) -> list[Job]:
    """Return the jobs, the slow ones first: each rule at each level; the clairvoyant and the bound day by day."""
    found = []
    for rule in sorted(rules, key=lambda key: key not in (BEST, ORACLE, "x", "e")):
        for level, factor in LEVELS.items():
            make = partial(Job, rule=rule, level=level, hours=factor * needed_h, disturbance=disturbance)
            spans = [(day,) for day in days] if rule == BEST else [tuple(days)]
            found += [make(days=span) for span in spans]
    return found


def play_all(data: Dataset, todo: Sequence[Job], *, seed: int, processes: int) -> Iterator[Done]:
    """Do the jobs and yield each as it is done; the results do not depend on the number of processes."""
    if processes <= 1:
        for job in todo:
            yield do(data, job, seed=seed)
        return
    # Spawned, not forked: a caller may have threads, such as the one of a progress bar.
    pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=_begin, initargs=(data, seed))
    with pool:
        waiting: list[Future[Done]] = [pool.submit(_do_here, job) for job in todo]
        for future in as_completed(waiting):
            yield future.result()


def do(data: Dataset, job: Job, *, seed: int) -> Done:
    """Do one job."""
    if job.rule == BEST:
        return Done(job, (best_of_day(data, job, seed=seed),))
    if job.rule == BOUND:
        return Done(job, (), tuple(_least(data, job, day, seed=seed) for day in job.days))
    make: Callable[[Setting], Rule]
    if job.rule == ORACLE:
        make = partial(Oracle, units_a_day={day: true_means(data, day) for day in job.days})
    else:
        make = RULES.get(job.rule) or load_rule(job.rule)
    results = runs.play(
        data, make, days=job.days, hours=job.hours, seed=seed, morning=job.disturbance or runs.ordinary_morning
    )
    return Done(job, tuple(figures_of(result, data.items) for result in results))


def best_of_day(data: Dataset, job: Job, *, seed: int) -> DayFigures:
    """Return the figures of the clairvoyant's best schedule for the job's only day."""
    (day,) = job.days
    lines, staff = data.log.of_day(day), store.shifts(job.hours)
    morning = runs.ordinary_morning(data.items, lines, day=day, seed=seed)
    results = []
    for recipe in RECIPES:
        rule = Clairvoyant(Setting(items=data.items, seed=seed), recipe)
        rule.foresee(lines, backroom=morning.backroom)
        results.append(play_day(data.items, morning, rule, staff, seed=seed)[0])
    return figures_of(min(results, key=lambda result: int(result.lost.sum())), data.items)


def true_means(data: Dataset, day: int) -> Floats:
    """Return each item's mean eaches a day over the week around `day`, which no rule could know."""
    near = (data.log.day >= day - ORACLE_HALF_WEEK) & (data.log.day <= day + ORACLE_HALF_WEEK)
    days = len(np.unique(data.log.day[near])) or 1
    units = np.bincount(data.log.item[near], weights=data.log.qty[near], minlength=len(data.items))
    return np.asarray(units / days, dtype=np.float64)


def _least(data: Dataset, job: Job, day: int, *, seed: int) -> float:
    lines = data.log.of_day(day)
    backroom = store.morning_backroom(data.items, seed=seed, day=day)
    return bound.least_lost(data.items, lines, backroom, store.shifts(job.hours))


_data: list[tuple[Dataset, int]] = []  # What this process plays; set once when it starts.


def _begin(data: Dataset, seed: int) -> None:
    _data[:] = [(data, seed)]


def _do_here(job: Job) -> Done:
    data, seed = _data[0]
    return do(data, job, seed=seed)
