"""The simulated people: repeatable, as fast as the benchmark says, and the same for both stores."""

import math
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from statistics import median

import pytest

from pullsvc.demo import people
from pullsvc.demo.backroom import next_line
from pullsvc.demo.loading import receipt_body
from pullsvc.demo.model import DemoStore
from pullsvc.demo.people import Hands, Shift
from tests.factories import NOON

DAY = Shift(NOON, NOON + timedelta(hours=15))


class TestHands:
    def test_take_the_usual_time_in_the_median(self) -> None:
        hands = Hands(seed=1, who="worker 0")
        taken = [hands.takes(60).total_seconds() for _ in range(2_000)]

        assert median(taken) == pytest.approx(60, rel=0.03)
        assert sorted(taken)[320] == pytest.approx(60 * math.exp(-0.25), rel=0.04)  # One sigma below.

    def test_are_the_same_for_the_same_person_only(self) -> None:
        one, same, other = (Hands(seed=1, who=who) for who in ("worker 0", "worker 0", "worker 1"))

        assert [one.takes(60) for _ in range(5)] == [same.takes(60) for _ in range(5)]
        assert one.takes(60) != other.takes(60)


class TestStaffing:
    def test_there_is_always_one_worker(self) -> None:
        assert people.positions(0.0) == 1

    def test_more_work_takes_more_workers(self, store: DemoStore) -> None:
        hours = people.labour_h(store.items)
        busier = [replace(item, mean_qty_per_day=item.mean_qty_per_day * 20) for item in store.items]

        assert 0 < hours < people.FULL_SHIFT_H
        assert people.positions(people.labour_h(busier)) > people.positions(hours)

    def test_what_half_a_shelf_covers_is_no_work(self, store: DemoStore) -> None:
        slow = [replace(item, mean_qty_per_day=item.capacity / 3) for item in store.items]

        assert people.labour_h(slow) == 0

    @pytest.mark.parametrize(("hours", "workers"), [(12.0, 1), (12.1, 2), (24.0, 2), (30.0, 3)])
    def test_workers_are_busy_four_fifths_of_the_day(self, hours: float, workers: int) -> None:
        assert people.positions(hours) == workers


class TestAisles:
    def test_hold_every_item_once(self, store: DemoStore) -> None:
        aisles = people.aisles_of(store.placements)

        assert Counter(sku for skus in aisles.values() for sku in skus) == Counter(store.item_by_sku.keys())
        assert all(store.placement_by_sku[sku].location_code.startswith(f"{a}-") for a in aisles for sku in aisles[a])

    @pytest.mark.parametrize("number", [1, 2, 3, 18])
    def test_are_shared_side_by_side(self, number: int) -> None:
        aisles = [f"A{n:02d}" for n in range(1, 19)]
        beats = people.beats(aisles, number)

        assert len(beats) == number
        assert [aisle for beat in beats for aisle in beat] == aisles


class TestGapWalks:
    def test_begin_every_two_hours_inside_the_day(self) -> None:
        hours = [(at - NOON) / timedelta(hours=1) for at in people.gap_walks(DAY)]

        assert hours == [1, 3, 5, 7, 9, 11, 13]

    def test_there_is_none_in_a_day_too_short(self) -> None:
        assert list(people.gap_walks(Shift(NOON, NOON + timedelta(minutes=90)))) == []


class TestCustomers:
    def test_one_in_ten_asks(self, store: DemoStore) -> None:
        asks = [people.customer_asks(receipt, line, seed=1) for receipt in store.receipts for line in receipt.lines]

        assert sum(asks) / len(asks) == pytest.approx(people.ASK_SHARE, abs=0.015)

    def test_the_same_customer_always_does_the_same(self, store: DemoStore) -> None:
        receipt = next(receipt for receipt in store.receipts if len(receipt.lines) > 5)
        first, again = ([people.customer_asks(receipt, line, seed=1) for line in receipt.lines] for _ in range(2))

        assert first == again

    def test_come_until_the_doors_close(self, store: DemoStore) -> None:
        until = store.day_starts_at + timedelta(hours=9)
        came = people.in_window(store, until=until)

        assert came == tuple(receipt for receipt in store.receipts if receipt.occurred_at < until)
        assert 0 < len(came) < len(store.receipts)


class TestTills:
    def test_send_most_receipts_at_once_and_some_late_or_twice(self, store: DemoStore) -> None:
        receipts = store.history[:6_000]
        sent = [(receipt, people.sends(receipt, seed=1)) for receipt in receipts]
        late = sum(times[0] > receipt.occurred_at for receipt, times in sent)
        twice = sum(len(times) == 2 for _, times in sent)

        assert late / len(sent) == pytest.approx(people.LATE_SHARE, abs=0.008)
        assert twice / len(sent) == pytest.approx(people.REPEAT_SHARE, abs=0.008)
        assert all(receipt.occurred_at <= times[0] <= times[-1] for receipt, times in sent)

    def test_ring_up_only_what_there_was(self, store: DemoStore) -> None:
        receipt = next(receipt for receipt in store.receipts if len(receipt.lines) >= 3)
        sold = {line.line_no: line.qty for line in receipt.lines} | {1: 0}
        body = receipt_body(receipt, sold)

        assert [line["line_no"] for line in body["lines"]] == [line.line_no for line in receipt.lines[1:]]
        assert len(receipt_body(receipt)["lines"]) == len(receipt.lines)


class TestNextLine:
    def test_is_the_first_that_is_not_done(self) -> None:
        states = ["picked", "short", "dropped", "skipped", "planned"]
        task = {"lines": [{"line_no": n, "state": state} for n, state in enumerate(states, start=1)]}

        assert next_line(task) == {"line_no": 4, "state": "skipped"}
        assert next_line({"lines": task["lines"][:3]}) is None
