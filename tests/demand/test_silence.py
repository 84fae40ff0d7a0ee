"""An item that the books have on the shelf and that sells nothing."""

import numpy as np
import pytest

from pullsvc.demand.levels import NANODAYS, Events, Kind, Levels
from pullsvc.demand.silence import SILENT_P, Grade, Silence, best_checks, level_before, silence_of

GROUPS = np.array([0, 1, 2])


def sold(*items: int) -> Events:
    item = np.array(items, dtype=np.int64)
    return Events(item, np.full(len(item), Kind.SOLD), np.full(len(item), NANODAYS // 2), np.ones(len(item), np.int64))


def after(days: int, *items: int, state: Levels | None = None) -> Levels:
    """A store in which these items sell each day, at noon; one item may stand several times."""
    state = Levels.new(3) if state is None else state
    for _ in range(days):
        state.apply(sold(*items))
        state.roll_over(NANODAYS, traffic=1.0, groups=GROUPS)
    return state


def heard(state: Levels, grade: Grade | None = None) -> Silence:
    return silence_of(state, 0, traffic=1.0, grade=grade or Grade())


class TestLevelBefore:
    def test_does_not_hold_the_silence_against_the_item(self) -> None:
        state = after(40, 0, 0, 0, 1)
        before = state.morning().lines_a_day[0]
        after(6, 1, state=state)

        assert state.morning().lines_a_day[0] < 0.5 * before
        assert 0.75 * before < level_before(state).lines_a_day[0] < 1.1 * before


class TestSilenceOf:
    def test_is_improbable_for_a_fast_item_and_natural_for_a_slow_one(self) -> None:
        state = after(60, *[0] * 8, *[1] * 8)
        for day in range(10):
            after(1, *[1] * 8, *([2] if day == 0 else []), state=state)
        found = heard(state)

        assert found.p_silent[0] < SILENT_P < found.p_silent[2]
        assert found.p_gone[0] > 0.9
        assert found.p_silent[1] > 10 * SILENT_P
        assert found.days[0] == pytest.approx(10.5)

    def test_is_the_chance_to_sell_nothing_at_an_uncertain_level(self) -> None:
        state = after(60, *[0] * 3)
        after(2, 1, state=state)
        before = level_before(state)
        a, b = float(before.shape[0]), float(before.exposure[0])

        assert heard(state).p_silent[0] == pytest.approx((b / (b + 2.5)) ** a)

    def test_grows_with_time(self) -> None:
        state = after(60, *[0] * 8)
        chances = []
        for _ in range(5):
            after(1, 1, state=state)
            chances.append(float(heard(state).p_gone[0]))

        assert chances == sorted(chances)

    def test_is_over_once_the_item_sells_or_is_seen(self) -> None:
        state = after(60, *[0] * 8)
        after(10, 1, state=state)
        state.apply(Events(np.array([0]), np.array([Kind.SEEN]), np.array([0]), np.array([0])))
        found = heard(state)

        assert (found.days[0], found.p_silent[0]) == (0, 1)
        assert found.p_gone[0] == 0

    def test_believes_the_answers_of_the_store(self) -> None:
        state = after(60, *[0] * 3)
        after(2, 1, state=state)
        doubted = heard(state, Grade(hits=1, looks=40, promised=20)).p_gone[0]
        proven = heard(state, Grade(hits=30, looks=40, promised=10)).p_gone[0]

        assert doubted < heard(state).p_gone[0] < proven

    def test_refuses_a_loss_that_is_no_chance(self) -> None:
        with pytest.raises(ValueError, match="between 0 and 1"):
            silence_of(Levels.new(1), 0, traffic=1.0, grade=Grade(), loss_a_day=1.0)


class TestBestChecks:
    def ask(self, state: Levels, *, stock: tuple[int, ...] = (5, 5, 5), k: int = 9, price: float = 1e-3) -> list[int]:
        rows: list[int] = best_checks(
            heard(state),
            level_before(state),
            stock=np.array(stock),
            capacity=np.array([12, 12, 12]),
            until_close=0.5,
            price=price,
            k=k,
        ).tolist()
        return rows

    def test_are_the_most_valuable_first_and_no_more_than_asked(self) -> None:
        state = after(60, *[0] * 6, *[1] * 12)
        after(14, 2, state=state)

        assert self.ask(state) == [1, 0]
        assert self.ask(state, k=1) == [1]
        assert self.ask(state, k=0) == []

    def test_leave_out_what_the_books_have_not(self) -> None:
        state = after(60, *[0] * 6, *[1] * 12)
        after(14, 2, state=state)

        assert self.ask(state, stock=(5, 0, 5)) == [0]

    def test_leave_out_what_is_not_worth_the_walk(self) -> None:
        state = after(60, *[0] * 6, *[1] * 12)
        after(14, 2, state=state)

        assert self.ask(state, price=10.0) == []


class TestGrade:
    def test_counts_answers(self) -> None:
        grade = Grade().answered(was_empty=True, p_model=0.5).answered(was_empty=False, p_model=0.3)

        assert (grade.hits, grade.looks) == (1, 2)
        assert grade.promised == pytest.approx(0.8)
        assert grade.precision == pytest.approx(2 / 6)

    def test_grows_surer(self) -> None:
        assert Grade(hits=50, looks=100, promised=50).precision_sd < Grade(hits=5, looks=10, promised=5).precision_sd

    def test_is_bounded(self) -> None:
        assert Grade(hits=1000, looks=1000, promised=1).factor <= 5
        assert Grade(hits=0, looks=1000, promised=1000).factor >= 0.05

    def test_refuses_more_hits_than_looks(self) -> None:
        with pytest.raises(ValueError, match="more hits"):
            Grade(hits=2, looks=1)
