"""The engine on real receipts: against simpler forecasts, and whether its chances come true.

Two halves of a chain's stores, neither of which a constant here was fitted to alone; four weeks laid over one another.
Forty-two days to learn, three to judge: enough to tell the forecasts apart, and quick.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from pullsvc.backtest import half_panel
from pullsvc.demand.horizon import Floats, Ints, tail
from pullsvc.demand.levels import Events, Level, Levels, nanodays
from pullsvc.demand.profile import BIN_S, BINS, DayCurve, Profile, bins_of, traffic_factor, wall_curve
from pullsvc.demo.panel import to_date

LEARN_DAYS, JUDGE_DAYS = 42, 3
STARTS_S = 5 * 3600
HALF_HOURS = range(2, 34)  # Of the business day: from six to ten at night.
STOCKS = range(1, 7)
EDGES = (0.02, 0.05, 0.15, 0.3, 0.6)


@dataclass(frozen=True)
class Day:
    """Lines of a day in order of time; seconds since the business day began."""

    weekday: int
    second: Ints
    item: Ints
    qty: Ints

    def events(self, curve: DayCurve, start: int, end: int) -> Events:
        at = nanodays(curve.at(self.second[start:end].astype(np.float64)))
        return Events(self.item[start:end], np.zeros(end - start, dtype=np.int64), at, self.qty[start:end])

    @property
    def bins(self) -> Ints:
        return np.bincount(bins_of(self.second + STARTS_S), minlength=BINS)


@dataclass(frozen=True)
class Moment:
    """What was forecast for the half hour that begins, and what came."""

    level: Level
    days: float
    flat_days: float
    morning: Level
    sold_lines: Ints
    sold_qty: Ints


def days_of(half: str) -> tuple[list[Day], Ints]:
    data = half_panel.load(half=half)
    first = data.split.train[0]
    names = {name: number for number, name in enumerate(dict.fromkeys(data.items.category))}
    days = []
    for number in range(first, first + LEARN_DAYS + JUDGE_DAYS):
        rows = data.log.day == number
        second = data.log.second[rows] - STARTS_S
        days.append(Day(to_date(number).weekday(), second, data.log.item[rows], data.log.qty[rows]))
    return days, np.array([names[name] for name in data.items.category])


def moments(half: str) -> Iterator[Moment]:
    days, groups = days_of(half)
    state, profile = Levels.new(len(groups)), Profile.empty()
    for number, day in enumerate(days):
        curve, morning, count = wall_curve(profile, day.weekday, starts_s=STARTS_S), state.morning(), len(day.item)
        expected = float(morning.lines_a_day.sum()) if number else count / curve.total
        done = 0
        for half_hour in HALF_HOURS if number >= LEARN_DAYS else ():
            now_s = half_hour * BIN_S
            until, then = (int(n) for n in np.searchsorted(day.second, [now_s, now_s + BIN_S]))
            state.apply(day.events(curve, done, until))
            done, passed = until, float(curve.at(now_s))
            traffic = traffic_factor(lines_seen=until, lines_expected=expected * passed)
            yield Moment(
                level=state.now(int(nanodays(passed)), traffic=traffic, morning=morning),
                days=traffic * curve.between(now_s, now_s + BIN_S),
                flat_days=traffic * curve.total / len(HALF_HOURS),
                morning=morning,
                sold_lines=np.bincount(day.item[until:then], minlength=len(groups)),
                sold_qty=np.bincount(day.item[until:then], day.qty[until:then], len(groups)).astype(np.int64),
            )
        state.apply(day.events(curve, done, count))
        busy = count / (expected * curve.total)
        state.roll_over(int(nanodays(curve.total)), traffic=busy, groups=groups)
        profile = profile.after(day.weekday, day.bins, expected=expected)


def score(level: Level, days: float, lines: Ints) -> float:
    """Return minus the logarithm of the chance given to what came, without the part all forecasts share."""
    odds = days / level.exposure
    rising = sum(np.where(lines > n, np.log(level.shape + n), 0.0) for n in range(int(lines.max(initial=0))))
    return float(-(rising - (level.shape + lines) * np.log1p(odds) + lines * np.log(odds)).sum())


@pytest.fixture(scope="module", params=["development", "twin"])
def lived(request: pytest.FixtureRequest) -> list[Moment]:
    return list(moments(request.param))


class TestForecast:
    def test_beats_a_flat_profile(self, lived: list[Moment]) -> None:
        ours = sum(score(m.level, m.days, m.sold_lines) for m in lived)
        flat = sum(score(m.level, m.flat_days, m.sold_lines) for m in lived)

        assert ours < 0.97 * flat

    def test_beats_the_morning_forecast_kept_all_day(self, lived: list[Moment]) -> None:
        ours = sum(score(m.level, m.days, m.sold_lines) for m in lived)
        kept = sum(score(m.morning, m.days, m.sold_lines) for m in lived)

        assert ours < 0.9995 * kept

    def test_beats_a_level_taken_for_certain(self, lived: list[Moment]) -> None:
        """As an average of the past would be, however well it is smoothed."""
        ours = sum(score(m.level, m.days, m.sold_lines) for m in lived)
        certain = sum(
            score(Level(m.level.shape * 1e4, m.level.exposure * 1e4, m.level.units, m.level.phi), m.days, m.sold_lines)
            for m in lived
        )

        assert ours < 0.9999 * certain

    def test_expects_as_much_as_comes(self, lived: list[Moment]) -> None:
        expected = sum(float(m.level.units_a_day.sum()) * m.days for m in lived)

        assert expected == pytest.approx(sum(float(m.sold_qty.sum()) for m in lived), rel=0.08)

    def test_its_chances_come_true(self, lived: list[Moment]) -> None:
        """Of the stocks given a chance of about ten percent to be asked for to the end, one in ten is; and so on."""
        count, promised, came = (np.zeros(len(EDGES) + 1) for _ in range(3))
        for moment in lived:
            rows = np.flatnonzero(moment.level.units_a_day > 0.1)
            demand = moment.level.take(rows).demand(moment.days)
            for stock in STOCKS:
                p: Floats = tail(demand, np.full(len(rows), stock)).p_empty
                group = np.digitize(p, EDGES)
                count += np.bincount(group, minlength=len(count))
                promised += np.bincount(group, p, len(count))
                came += np.bincount(group, moment.sold_qty[rows] >= stock, len(count))
        kept = came / promised

        assert (count[1:4] > 300).all()
        assert kept[1:4] == pytest.approx(np.ones(3), abs=0.2)
