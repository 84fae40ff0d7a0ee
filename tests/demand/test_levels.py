"""The level of each item: what is learnt, what is forgotten, and that batches make no difference."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullsvc.demand.levels import (
    COLUMNS,
    KEEP_RECENT,
    LAYOUT,
    NANODAYS,
    PRIOR_DAYS,
    RECENT_MAX_LINES,
    SHAPE_MAX,
    Events,
    Kind,
    Levels,
    nanodays,
)

ITEMS = 4
GROUPS = np.array([0, 0, 1, 2])
DAY = NANODAYS

happening = st.tuples(st.integers(0, ITEMS - 1), st.sampled_from(Kind), st.integers(0, DAY), st.integers(1, 9))
days = st.lists(st.lists(happening, max_size=25), min_size=1, max_size=3)


def events(*rows: tuple[int, int, int, int]) -> Events:
    table = np.array(rows, dtype=np.int64).reshape(-1, 4)
    return Events(item=table[:, 0], kind=table[:, 1], at=table[:, 2], qty=table[:, 3])


def close(state: Levels, traffic: float = 1.0) -> None:
    state.roll_over(DAY, traffic=traffic, groups=GROUPS)


def day_of(state: Levels, *lines: int) -> None:
    """A day on which each item sells so many lines of one unit, at its start."""
    state.apply(events(*[(item, Kind.SOLD, 0, 1) for item, count in enumerate(lines) for _ in range(count)]))
    close(state)


class TestApply:
    @given(happened=days, cuts=st.lists(st.integers(0, 25), max_size=5))
    def test_makes_no_difference_between_one_batch_and_many(
        self, happened: list[list[tuple[int, int, int, int]]], cuts: list[int]
    ) -> None:
        whole, parts, single = Levels.new(ITEMS), Levels.new(ITEMS), Levels.new(ITEMS)
        for day in happened:
            rows = sorted(day, key=lambda row: row[2])
            whole.apply(events(*rows))
            edges = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
            for start, end in pairwise(edges):
                parts.apply(events(*rows[start:end]))
            for row in rows:
                single.apply(events(row))
            for state in (whole, parts, single):
                close(state, traffic=1.1)

        assert np.array_equal(whole.rows(), parts.rows())
        assert np.array_equal(whole.rows(), single.rows())

    @given(day=st.lists(happening, max_size=25))
    def test_makes_no_difference_how_items_lie_among_one_another(self, day: list[tuple[int, int, int, int]]) -> None:
        by_time, by_item = Levels.new(ITEMS), Levels.new(ITEMS)
        rows = sorted(day, key=lambda row: row[2])
        by_time.apply(events(*rows))
        by_item.apply(events(*sorted(rows, key=lambda row: row[0])))

        assert np.array_equal(by_time.rows(), by_item.rows())

    def test_leaves_out_the_time_at_an_empty_shelf(self) -> None:
        state = Levels.new(ITEMS)
        state.apply(
            events((0, Kind.EMPTIED, DAY // 4, 0), (0, Kind.STOCKED, DAY // 2, 0), (1, Kind.EMPTIED, DAY // 2, 0))
        )

        assert state.on_shelf(DAY).tolist() == [DAY * 3 // 4, DAY // 2, DAY, DAY]
        assert state.on_shelf(DAY * 3 // 4).tolist() == [DAY // 2, DAY // 2, DAY * 3 // 4, DAY * 3 // 4]

    def test_takes_a_shelf_emptied_twice_as_emptied_once(self) -> None:
        state = Levels.new(ITEMS)
        state.apply(events((0, Kind.EMPTIED, DAY // 4, 0), (0, Kind.EMPTIED, DAY // 2, 0)))

        assert state.on_shelf(DAY)[0] == DAY // 4

    def test_keeps_a_shelf_empty_over_night(self) -> None:
        state = Levels.new(ITEMS)
        state.apply(events((0, Kind.EMPTIED, DAY // 2, 0)))
        close(state)
        state.apply(events((0, Kind.STOCKED, DAY // 4, 0)))

        assert state.on_shelf(DAY)[0] == DAY * 3 // 4


class TestLearning:
    def test_an_empty_shelf_does_not_lower_the_level(self) -> None:
        stocked, censored = Levels.new(ITEMS), Levels.new(ITEMS)
        for _ in range(20):
            for state in (stocked, censored):
                state.apply(events(*[(0, Kind.SOLD, n, 1) for n in range(3)]))
            censored.apply(events((0, Kind.EMPTIED, DAY // 2, 0)))
            close(stocked)
            close(censored)
            censored.apply(events((0, Kind.STOCKED, 0, 0)))

        assert censored.morning().lines_a_day[0] > 1.7 * stocked.morning().lines_a_day[0]

    def test_forgets(self) -> None:
        state = Levels.new(ITEMS)
        day_of(state, 2, 0, 0, 0)
        day_of(state, 0, 0, 0, 0)

        assert state.lines[0] == pytest.approx(2 * KEEP_RECENT)
        assert state.exposure[0] == pytest.approx(1 + KEEP_RECENT)

    def test_a_fast_item_follows_this_week_and_a_slow_one_the_month(self) -> None:
        """Both double their sales; the fast one is believed within days."""
        state = Levels.new(ITEMS)
        for day in range(60):
            day_of(state, 10, int(day % 5 == 0), 0, 0)
        before = state.morning().lines_a_day
        for day in range(5):
            day_of(state, 20, 2 * int(day == 0), 0, 0)
        ratio = state.morning().lines_a_day / before

        assert 1.7 < ratio[0] < 2
        assert 1 < ratio[1] < 1.3
        assert state.lines[0] <= RECENT_MAX_LINES

    def test_a_new_item_is_taken_for_its_category(self) -> None:
        state = Levels.new(ITEMS)
        for _ in range(30):
            day_of(state, 6, 0, 0, 1)
        fresh = Levels.new(ITEMS)
        state.put(np.array([1]), fresh.take(np.array([1])))  # Beside the fast one.
        state.put(np.array([2]), fresh.take(np.array([2])))  # In a category of its own.
        close(state)
        level = state.morning().lines_a_day

        assert level[1] > 1.3 * level[2] > 0.4  # What the store's other items sell.
        assert level[1] < level[0]

    def test_a_busy_day_is_not_taken_for_a_better_item(self) -> None:
        calm, busy = Levels.new(ITEMS), Levels.new(ITEMS)
        for _ in range(30):
            day_of(calm, 2, 1, 0, 0)
            busy.apply(events(*[(0, Kind.SOLD, 0, 1)] * 4, *[(1, Kind.SOLD, 0, 1)] * 2))
            close(busy, traffic=2.0)

        assert busy.morning().lines_a_day[0] == pytest.approx(calm.morning().lines_a_day[0], rel=0.1)


class TestNow:
    def test_is_the_morning_and_what_today_has_shown(self) -> None:
        state = Levels.new(ITEMS)
        for _ in range(30):
            day_of(state, 3, 0, 0, 0)
        morning = state.morning()
        state.apply(events((0, Kind.SOLD, DAY // 8, 1), (0, Kind.SOLD, DAY // 8, 4)))
        now = state.now(DAY // 4, traffic=1.2)

        assert morning.shape[0] == SHAPE_MAX
        assert now.shape[0] == SHAPE_MAX + 2
        assert now.exposure[0] == pytest.approx(morning.exposure[0] + 0.25 * 1.2)
        assert now.lines_a_day[0] > morning.lines_a_day[0]
        assert now.lines_a_day[1] < morning.lines_a_day[1]

    def test_of_an_unknown_store_is_vague(self) -> None:
        level = Levels.new(1).morning()

        assert level.exposure[0] == PRIOR_DAYS
        assert level.demand(1.0).excess[0] > 0.3

    def test_units_of_a_line_are_learnt_and_drawn_to_the_category(self) -> None:
        state = Levels.new(ITEMS)
        for _ in range(60):
            state.apply(events(*[(0, Kind.SOLD, 0, 6)] * 3, *[(2, Kind.SOLD, 0, 1)] * 3))
            close(state)
        level = state.morning()

        assert level.units[0] > 5
        assert level.phi[0] > 5
        assert 2 < level.units[1] <= level.units[0]  # Never sold, beside the first.
        assert level.units[2] < 1.5


class TestSilence:
    def test_counts_the_time_on_the_shelf_since_the_item_was_last_known_to_be_there(self) -> None:
        state = Levels.new(ITEMS)
        state.apply(events((0, Kind.SOLD, DAY // 4, 1), (1, Kind.SEEN, DAY // 2, 0)))
        close(state, traffic=2.0)
        state.apply(events((2, Kind.STOCKED, DAY // 10, 0)))

        assert state.silence(DAY // 2, traffic=1.0) == pytest.approx([0.75 * 2 + 0.5, 0.5 * 2 + 0.5, 0.4, 2.5])

    def test_an_empty_shelf_is_not_silent(self) -> None:
        state = Levels.new(ITEMS)
        state.apply(events((0, Kind.SOLD, DAY // 4, 1), (0, Kind.EMPTIED, DAY // 4, 0)))

        assert state.silence(DAY, traffic=1.0)[0] == 0


class TestRows:
    @given(happened=days)
    def test_give_the_same_state_back(self, happened: list[list[tuple[int, int, int, int]]]) -> None:
        state = Levels.new(ITEMS)
        for day in happened:
            close(state)
            state.apply(events(*sorted(day, key=lambda row: row[2])))
        again = Levels.from_rows(state.rows(), layout=LAYOUT)

        assert all(np.array_equal(getattr(again, name), getattr(state, name)) for name in COLUMNS)
        assert all(getattr(again, name).dtype == getattr(state, name).dtype for name in COLUMNS)

    def test_of_another_layout_are_refused(self) -> None:
        with pytest.raises(ValueError, match="layout"):
            Levels.from_rows(Levels.new(1).rows(), layout=LAYOUT + 1)
        with pytest.raises(ValueError, match="columns"):
            Levels.from_rows(np.zeros((1, 3)), layout=LAYOUT)

    def test_parts_taken_changed_and_put_back_are_as_if_changed_in_place(self) -> None:
        there, apart = Levels.new(ITEMS), Levels.new(ITEMS)
        there.apply(events((2, Kind.SOLD, 5, 3)))
        rows = np.array([2])
        part = apart.take(rows)
        part.apply(events((0, Kind.SOLD, 5, 3)))
        apart.put(rows, part)

        assert np.array_equal(there.rows(), apart.rows())


def test_nanodays_are_whole() -> None:
    assert nanodays(np.array([0.25, 1 / 3])).tolist() == [250_000_000, 333_333_333]
