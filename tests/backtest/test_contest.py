from pathlib import Path

import numpy as np
import pytest

from pullsvc.backtest import contest, runs
from pullsvc.backtest.contest import BEST, BOUND, Job, NoSuchRule, load_rule, play_all
from pullsvc.backtest.figures import CALIBRATION_EDGES, gap_closed, summarise
from pullsvc.backtest.model import days_of
from pullsvc.backtest.outcome import Outcome
from pullsvc.backtest.report import render
from pullsvc.backtest.store import shifts, worked_hours
from tests.backtest import shops


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    data = shops.busy_store()
    days = tuple(days_of(data.split.test))
    found = Outcome(data=data, seed=1, needed_h=4.0, days=days)
    todo = contest.jobs(["a", "c", "x", "o", BEST, BOUND], needed_h=4.0, days=days)
    for done in play_all(data, todo, seed=1, processes=1):
        found.take(done)
    return found


class TestTheContest:
    def test_ranks_bound_clairvoyant_and_the_rest(self, outcome: Outcome) -> None:
        for level in contest.LEVELS:
            lost = {rule: outcome.figures(rule, level).lost for rule in ("a", "c", "x", BEST)}

            assert outcome.least[level] <= lost[BEST] <= min(lost.values())
            assert lost["x"] < lost["c"] < lost["a"]

    def test_closes_no_gap_with_the_reference_and_all_of_it_with_the_best(self, outcome: Outcome) -> None:
        reference, best = outcome.gap("c", "tight"), outcome.gap(BEST, "tight")

        assert reference is not None
        assert (reference.closed, reference.low, reference.high) == (0, 0, 0)
        assert best is not None
        assert best.closed == 1

    def test_is_told_in_full(self, outcome: Outcome) -> None:
        page, told = render(outcome, order=list(contest.MEANINGS)), outcome.as_json()

        assert page.count("<svg") == page.count("</svg>") >= 6
        assert "nan" not in page
        assert {(row["rule"], row["level"]) for row in told["rules"]} == set(outcome.plain)  # type: ignore[attr-defined] # JSON

    def test_is_the_same_on_two_processes(self) -> None:
        data = shops.busy_store(n=10)
        todo = [Job(rule=rule, level="tight", hours=3.0, days=tuple(days_of(data.split.test))) for rule in ("c", "x")]
        alone = {done.job.rule: [day.lost for day in done.days] for done in play_all(data, todo, seed=1, processes=1)}
        both = {done.job.rule: [day.lost for day in done.days] for done in play_all(data, todo, seed=1, processes=2)}

        assert alone == both


class TestNeededHours:
    def test_are_what_plenty_of_hands_work(self) -> None:
        data = shops.busy_store()

        assert 0 < runs.needed_hours(data, seed=1) < worked_hours(shifts(300.0))


class TestLoadRule:
    def test_finds_a_class(self) -> None:
        assert load_rule("pullsvc.backtest.simple:MinMax").__name__ == "MinMax"

    @pytest.mark.parametrize("name", ["no_such_module:X", "pullsvc.backtest.simple:Nope", "pathlib:Path", "words"])
    def test_refuses_what_is_none(self, name: str) -> None:
        with pytest.raises(NoSuchRule, match="--rule"):
            load_rule(name)


class TestGapClosed:
    def test_has_an_interval_around_it(self) -> None:
        gap = gap_closed([50, 60, 70], reference=[100, 90, 110], best=[20, 30, 40], seed=1)

        assert gap.closed == pytest.approx(120 / 210)
        assert gap.low < gap.closed < gap.high

    def test_is_unknown_where_there_is_none(self) -> None:
        assert np.isnan(gap_closed([5, 5], reference=[9, 9], best=[9, 9], seed=1).closed)


def test_figures_of_the_calibration_add_up(outcome: Outcome) -> None:
    days = outcome.plain["x", "tight"]
    count, said, empty = np.sum([day.calibration for day in days], axis=0)

    assert len(count) == len(CALIBRATION_EDGES) - 1
    assert count.sum() == sum(day.lines for day in days)
    assert np.all(empty <= count)
    assert np.all(said <= count)
    assert empty.sum() == sum(day.found_empty for day in days)
    assert summarise(days).found_empty == pytest.approx(empty.sum() / count.sum())


def test_own_rules_are_played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine_for_a_test.py").write_text("from pullsvc.backtest.simple import MinMaxOften as Mine\n")
    monkeypatch.syspath_prepend(tmp_path)
    data = shops.busy_store(n=10)
    days = tuple(days_of(data.split.test))
    lost = [
        [day.lost for day in contest.do(data, Job(rule=rule, level="tight", hours=3.0, days=days), seed=1).days]
        for rule in ("mine_for_a_test:Mine", "c+")
    ]

    assert lost[0] == lost[1]
