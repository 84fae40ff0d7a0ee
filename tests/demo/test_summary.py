"""The figures of the day: what they count, and when the demo must not pass."""

import json
from datetime import timedelta

import pytest

from pullsvc.audit import Breach, Finding
from pullsvc.demo.summary import (
    LAG_MAX_S,
    DayFigures,
    Outcome,
    ServiceFigures,
    percentile,
    remarks,
    rows,
    times_to_shelf,
)
from tests.factories import NOON


def a_day(label: str = "with the watch", *, lost: int = 10, books_off: int = 0) -> DayFigures:
    return DayFigures(
        label=label,
        lines_sold=90,
        units_wanted=100,
        units_sold=100 - lost,
        units_lost=lost,
        out_of_shelf_min=lost * 10,
        gaps_seen=3,
        customers_asked=1,
        pulls={"watch": 4, "gap": 2, "customer_waiting": 1},
        pulls_unfillable=0,
        tubs=2,
        lines=6,
        units_put=60,
        units_returned=1,
        shorts=1,
        to_shelf_p50_s=900,
        to_shelf_p90_s=None,
        workers=1,
        labour_h=15.0,
        busy_share=0.5,
        receipts_repeated=1,
        receipts_late=1,
        unknown_lines=1,
        books_off=books_off,
    )


def an_outcome(
    *, breaches: list[Breach] | None = None, books_off: int = 0, errors: tuple[str, ...] = (), lag_s: float = 1.0
) -> Outcome:
    service = ServiceFigures(
        requests=100, per_s=10.0, p50_s=0.01, p99_s=0.1, busy=0, speed=800.0, lag_p99_s=lag_s, errors=errors
    )
    days = [a_day(lost=4, books_off=books_off), a_day("without", lost=10)]
    finding = Finding(stores=2, checks=7, breaches=breaches or [])
    return Outcome(store={}, played="Sat", days=days, service=service, audit=finding, phases_s={"playing": 1.0})


class TestOutcome:
    def test_nothing_failed_when_all_laws_hold(self) -> None:
        assert an_outcome().failures == []

    @pytest.mark.parametrize(
        ("outcome", "told"),
        [
            (an_outcome(breaches=[Breach(1, "law-1-books", "oats", 3, 4)]), "store 1 breaks law-1-books: oats"),
            (an_outcome(books_off=2), "with the watch: 2 shelves differ from their books"),
            (an_outcome(errors=("loop failed watch",)), "logged by the service: loop failed watch"),
        ],
    )
    def test_a_broken_law_a_wrong_book_and_an_error_fail_it(self, outcome: Outcome, told: str) -> None:
        assert outcome.failures == [told]

    def test_is_plain_json(self) -> None:
        told = json.loads(json.dumps(an_outcome().as_json()))

        assert told["people"] == "simulated"
        assert [day["units_lost"] for day in told["days"]] == [4, 10]
        assert told["audit"]["holds"] is True


class TestWords:
    def test_each_row_has_a_value_of_each_twin(self) -> None:
        told = dict(rows(an_outcome()))

        assert told["units lost at empty shelves"] == ["4 (4.0%)", "10 (10.0%)"]
        assert told["time to shelf p50 / p90"] == ["15 min / -"] * 2
        assert told["pulls by watch"] == ["4", "4"]
        assert told["pulls by gap scan"] == ["2", "2"]

    def test_the_watch_is_compared_with_the_same_day_without(self) -> None:
        assert remarks(an_outcome())[0] == "The watch: 60% less units lost, 60% less time with empty shelves."

    def test_figures_that_the_machine_distorted_say_so(self) -> None:
        assert "TOO LATE" not in " ".join(remarks(an_outcome(lag_s=LAG_MAX_S)))
        assert "TOO LATE" in " ".join(remarks(an_outcome(lag_s=LAG_MAX_S + 1)))


class TestPercentile:
    def test_is_the_least_value_that_the_share_does_not_exceed(self) -> None:
        assert percentile([4, 1, 3, 2], 0.5) == 2
        assert percentile(list(range(1, 101)), 0.99) == 99
        assert percentile([7], 0.9) == 7
        assert percentile([], 0.9) is None


class TestTimesToShelf:
    def test_are_those_of_pulls_that_brought_something(self) -> None:
        opened, ended = NOON.isoformat(), (NOON + timedelta(minutes=10)).isoformat()
        pull = {"opened_at": opened, "ended_at": ended, "state": "closed", "qty_put": 3}
        others = [{**pull, "qty_put": 0}, {**pull, "state": "unfillable"}, {**pull, "state": "open", "ended_at": None}]

        assert times_to_shelf([pull, *others]) == [600.0]
