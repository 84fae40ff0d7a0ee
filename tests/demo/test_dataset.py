"""The store as a whole: repeatable, honest about the day to come, and of a size worth playing."""

import json
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow.parquet as pq
import pytest

from pullsvc.demo import panel_folder
from pullsvc.demo.dataset import describe, load_store
from pullsvc.demo.model import ZONE, DemoStore, Item, Origin, Receipt, Zone
from pullsvc.demo.panel import QTY_MAX, Panel, to_day_number
from pullsvc.demo.receipts import RETURN_SHARE, SALES_REGISTERS, SERVICE_DESK_REGISTER

SATURDAY = date(2017, 10, 14)


def small_store(panel: Panel, *, seed: int = 1, day: date | None = SATURDAY) -> DemoStore:
    """One calendar week, 600 lines a day: a store that takes a moment to make."""
    return load_store(seed=seed, lines_per_day=600, history_days=7, day=day, range_size=800, panel=panel)


def all_receipts(store: DemoStore) -> tuple[Receipt, ...]:
    return store.history + store.receipts


def local(moment: datetime) -> datetime:
    return moment.astimezone(ZONE)


class TestDeterminism:
    def test_the_same_seed_makes_the_same_store(self, panel: Panel) -> None:
        assert small_store(panel, seed=7) == small_store(panel, seed=7)

    def test_another_seed_changes_draws_but_not_what_the_panel_tells(self, panel: Panel) -> None:
        one, other = small_store(panel, seed=7), small_store(panel, seed=8)
        both = one.item_by_sku.keys() & other.item_by_sku.keys()

        assert one.bin_stocks != other.bin_stocks
        assert any(one.item_by_sku[sku].case_pack != other.item_by_sku[sku].case_pack for sku in both)
        assert all(one.item_by_sku[sku].gtin == other.item_by_sku[sku].gtin for sku in both)
        assert all(one.item_by_sku[sku].price_cents == other.item_by_sku[sku].price_cents for sku in both)

    def test_the_played_day_is_chosen_without_the_seed(self, panel: Panel) -> None:
        days = {small_store(panel, seed=seed, day=None).played_on for seed in (1, 2)}

        assert len(days) == 1


class TestNoLeakage:
    @pytest.mark.parametrize("factor", [0, 30])
    def test_what_the_day_sells_changes_nothing_that_was_learnt(self, panel: Panel, factor: int) -> None:
        """The played day is left out of the year, or sells thirty times as much at another price."""
        as_it_was = small_store(panel)
        played = panel.lines.day == to_day_number(SATURDAY)
        if factor:
            qty = np.where(played, panel.lines.qty * factor, panel.lines.qty)
            prices = np.where(played, panel.lines.shelf_cents * 2, panel.lines.shelf_cents)
            otherwise = replace(panel, lines=replace(panel.lines, qty=qty, shelf_cents=prices))
        else:
            otherwise = replace(panel, lines=panel.lines.where(~played))

        changed = small_store(otherwise)

        assert changed.history == as_it_was.history
        known = [item for item in as_it_was.items if item.mean_qty_per_day > 0]
        assert len(known) > 500
        assert [changed.item_by_sku[item.sku] for item in known] == known
        for item in known:
            supplies = [sum(s.book_qty for s in each.stocks_by_sku[item.sku]) for each in (as_it_was, changed)]
            assert supplies[0] == supplies[1]

    def test_means_are_those_of_the_history(self, store: DemoStore) -> None:
        sold: Counter[str] = Counter()
        for receipt in store.history:
            sold.update({line.sku: line.qty for line in receipt.lines if receipt.origin is Origin.PANEL})

        assert {
            i.sku: round(i.mean_qty_per_day * store.history_days) for i in store.items if i.mean_qty_per_day
        } == sold


class TestVolume:
    def test_the_store_is_of_the_size_of_a_small_supermarket(self, store: DemoStore) -> None:
        figures = describe(store)

        assert json.loads(json.dumps(figures)) == figures
        assert isinstance(figures["history_lines_per_day"], int)
        assert abs(figures["history_lines_per_day"] - 5_000) <= 100
        assert isinstance(figures["lines"], int)
        assert 4_500 <= figures["lines"] <= 7_000
        assert 3_000 <= len(store.items) <= 6_003
        assert isinstance(figures["fast_movers"], int)
        assert figures["fast_movers"] >= 400
        assert 400 <= len(store.receipts) <= 1_000

    def test_every_item_was_sold_and_every_line_names_an_item(self, store: DemoStore) -> None:
        sold = {line.sku for receipt in all_receipts(store) for line in receipt.lines if line.qty > 0}

        assert sold == store.item_by_sku.keys()
        assert all(
            store.sku_by_gtin[line.gtin] == line.sku for receipt in all_receipts(store) for line in receipt.lines
        )

    @pytest.mark.parametrize("lines_per_day", [300, 2_000, 9_000])
    def test_lines_per_day_is_met_within_a_tenth(self, panel: Panel, lines_per_day: int) -> None:
        made = load_store(seed=1, lines_per_day=lines_per_day, history_days=7, day=SATURDAY, panel=panel)
        lines = sum(len(receipt.lines) for receipt in made.history)

        assert lines / 7 == pytest.approx(lines_per_day, rel=0.1)


class TestReceipts:
    def test_stand_in_order_of_time_with_unique_natural_keys(self, store: DemoStore) -> None:
        receipts = all_receipts(store)
        keys = {(receipt.business_date, receipt.register, receipt.sequence) for receipt in receipts}

        assert list(receipts) == sorted(receipts, key=lambda receipt: receipt.occurred_at)
        assert len(keys) == len(receipts)

    def test_sequences_rise_by_one_per_register_and_day(self, store: DemoStore) -> None:
        sequences: dict[tuple[date, int], list[int]] = defaultdict(list)
        for receipt in all_receipts(store):
            sequences[receipt.business_date, receipt.register].append(receipt.sequence)

        assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in sequences.values())
        assert {register for _, register in sequences} == {*range(1, SALES_REGISTERS + 1), SERVICE_DESK_REGISTER}

    def test_lines_are_numbered_and_in_range(self, store: DemoStore) -> None:
        for receipt in all_receipts(store):
            assert [line.line_no for line in receipt.lines] == list(range(1, len(receipt.lines) + 1))
            assert all(1 <= abs(line.qty) <= QTY_MAX for line in receipt.lines)

    def test_fall_into_their_business_day_in_local_time(self, store: DemoStore) -> None:
        for receipt in all_receipts(store):
            assert receipt.occurred_at.utcoffset() == timedelta(0)
            assert (local(receipt.occurred_at) - timedelta(hours=5)).date() == receipt.business_date
        assert all(store.day_starts_at <= receipt.occurred_at < store.day_ends_at for receipt in store.receipts)

    def test_have_the_rhythm_of_a_local_saturday(self, store: DemoStore) -> None:
        """Read as anything but UTC the peak would be in the evening or the night."""
        hours = Counter(local(receipt.occurred_at).hour for receipt in store.receipts)

        assert store.played_on.weekday() == 5
        assert local(store.receipts[0].occurred_at).hour in (5, 6)
        assert local(store.receipts[-1].occurred_at).hour in (23, 0, 1, 2, 3, 4)
        assert sum(hours[hour] for hour in range(10, 20)) >= 0.7 * len(store.receipts)
        assert sum(hours[hour] for hour in (0, 1, 2, 3, 4)) <= 0.05 * len(store.receipts)

    @pytest.mark.parametrize("day", [SATURDAY, date(2017, 1, 28)])
    def test_one_week_unfolded_keeps_the_panels_own_times(self, panel: Panel, day: date) -> None:
        """In summer time and in winter time."""
        made = small_store(panel, day=day)
        column = pq.ParquetFile(panel_folder() / "transactions.parquet").read(columns=["transaction_timestamp"])
        recorded = set(column["transaction_timestamp"].to_numpy().astype("datetime64[s]").astype(np.int64).tolist())

        assert made.folded_weeks == 1
        assert {int(r.occurred_at.timestamp()) for r in made.receipts if r.origin is Origin.PANEL} <= recorded

    def test_a_history_over_the_clock_change_stays_in_order(self, panel: Panel) -> None:
        receipts = all_receipts(small_store(panel, day=date(2017, 11, 8)))

        assert list(receipts) == sorted(receipts, key=lambda receipt: receipt.occurred_at)


class TestReturns:
    def test_are_few_labelled_and_alone_at_the_service_desk(self, store: DemoStore) -> None:
        for receipt in all_receipts(store):
            is_return = receipt.origin is Origin.SYNTHETIC_RETURN
            assert is_return == (receipt.register == SERVICE_DESK_REGISTER)
            assert all((line.qty < 0) == is_return for line in receipt.lines)
        returned = sum(receipt.origin is Origin.SYNTHETIC_RETURN for receipt in store.receipts)
        assert 1 <= returned <= RETURN_SHARE * sum(len(receipt.lines) for receipt in store.receipts)

    def test_bring_back_what_was_bought_the_day_before(self, store: DemoStore) -> None:
        bought = {
            (receipt.business_date, line.sku, line.qty) for receipt in all_receipts(store) for line in receipt.lines
        }
        for receipt in all_receipts(store):
            if receipt.origin is Origin.SYNTHETIC_RETURN:
                line = receipt.lines[0]
                assert (receipt.business_date - timedelta(days=1), line.sku, -line.qty) in bought
                assert store.item_by_sku[line.sku].zone is Zone.AMBIENT


class TestLateItems:
    def test_sell_first_on_the_played_day(self, store: DemoStore) -> None:
        before = {line.sku for receipt in store.history for line in receipt.lines}
        today = Counter(line.sku for receipt in store.receipts for line in receipt.lines)

        assert len(store.late_skus) == 3
        assert not before & set(store.late_skus)
        assert all(today[sku] >= 1 for sku in store.late_skus)
        assert sum(today[sku] for sku in store.late_skus) <= 30

    def test_have_a_home_and_are_listed(self, store: DemoStore) -> None:
        late: list[Item] = [store.item_by_sku[sku] for sku in store.late_skus]

        assert all(item.mean_qty_per_day == 0 for item in late)
        assert all(store.placement_by_sku[item.sku].capacity == item.capacity for item in late)


class TestArguments:
    @pytest.mark.parametrize("day", [date(2017, 1, 10), date(2018, 1, 6), date(2016, 12, 31)])
    def test_refuse_a_day_without_its_history(self, panel: Panel, day: date) -> None:
        with pytest.raises(ValueError, match="day must be from 2017-01-14 to 2017-12-31"):
            small_store(panel, day=day)

    def test_take_the_first_and_the_last_day_that_has_its_history(self, panel: Panel) -> None:
        for day in (date(2017, 1, 14), date(2017, 12, 31)):
            made = small_store(panel, day=day)
            assert {receipt.business_date for receipt in made.history} >= {day - timedelta(days=7)}
            assert made.day_starts_at == datetime(day.year, day.month, day.day, 10, tzinfo=UTC)

    @pytest.mark.parametrize(
        "wrong", [{"lines_per_day": 99}, {"lines_per_day": 20_001}, {"history_days": 6}, {"range_size": 0}]
    )
    def test_refuse_what_is_out_of_range(self, panel: Panel, wrong: dict[str, int]) -> None:
        with pytest.raises(ValueError, match=next(iter(wrong))):
            load_store(seed=1, panel=panel, **wrong)  # type: ignore[arg-type] # one keyword at a time

    def test_refuse_more_history_than_the_year_has(self, panel: Panel) -> None:
        with pytest.raises(ValueError, match="no Saturday with 56 days"):
            load_store(seed=1, lines_per_day=20_000, history_days=56, panel=panel)
