"""Badges, PINs and waits, without a database."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullsvc.access import pins
from pullsvc.access.pins import MAX_LOCK, MIN_LOCK, OF_BADGE, OF_DEVICE, Guard, Standing
from tests.factories import NOON

guards = st.sampled_from([OF_BADGE, OF_DEVICE])


def failed(guard: Guard, times: int, *, at: timedelta = timedelta(0)) -> Standing:
    """What is remembered after so many wrong PINs, each as soon as it was allowed."""
    now, standing = NOON + at, None
    for _ in range(times):
        standing = pins.count_attempt(guard, before=standing, now=now, where="badge")
        now = standing.locked_until or now
    assert standing
    return standing


class TestBadgeOf:
    @pytest.mark.parametrize(
        ("scanned", "badge"),
        [
            ("B-40170223", "B-40170223"),
            (" b-40170223\r\n", "B-40170223"),
            ("]C1B-40170223", "B-40170223"),
            ("]C1801812345678901234567", "801812345678901234567"),
            ("(8018)123456789012345675", "8018123456789012345675"),
            ("8018123456789012345675\x1d", "8018123456789012345675"),
            ("ANA 7", "ANA7"),
        ],
    )
    def test_reads_it_however_it_was_scanned_or_typed(self, scanned: str, badge: str) -> None:
        assert pins.badge_of(scanned) == badge

    @pytest.mark.parametrize("scanned", ["", "  ", "]C1", "()", "x" * 41, "a\x00b"])
    def test_refuses_what_cannot_stand_on_a_badge(self, scanned: str) -> None:
        with pytest.raises(pins.NotABadge):
            pins.badge_of(scanned)

    @given(st.text(max_size=60))
    def test_reads_what_it_read_the_same_again(self, scanned: str) -> None:
        try:
            badge = pins.badge_of(scanned)
        except pins.NotABadge:
            return
        assert pins.badge_of(badge) == badge or badge.startswith("]")

    def test_reads_the_badges_that_we_make(self) -> None:
        assert all(pins.badge_of(badge) == badge for badge in (pins.new_badge() for _ in range(50)))


class TestCheckPin:
    @pytest.mark.parametrize(
        "pin",
        ["111111", "123456", "654321", "890123", "135791", "121212", "123123", "112233", "159753", "12345", "1234567",
         "12345a", "", "４８０２１３"],
    )  # fmt: skip
    def test_refuses_what_others_would_try_first(self, pin: str) -> None:
        with pytest.raises(pins.WeakPin):
            pins.check_pin(pin, badge="B-1")

    def test_refuses_what_stands_on_the_badge(self) -> None:
        with pytest.raises(pins.WeakPin):
            pins.check_pin("480213", badge="B-94802137")

    def test_lets_nearly_all_others_pass(self) -> None:
        def passes(pin: str) -> bool:
            try:
                pins.check_pin(pin, badge="B-1")
            except pins.WeakPin:
                return False
            return True

        assert sum(passes(f"{n:06}") for n in range(0, 1_000_000, 97)) > 0.99 * 1_000_000 / 97

    def test_lets_the_pins_pass_that_we_make(self) -> None:
        made = {pins.new_pin(badge="B-1") for _ in range(50)}

        assert len(made) > 45
        for pin in made:
            pins.check_pin(pin, badge="B-1")


class TestCountAttempt:
    def test_asks_for_no_wait_before_the_fifth_wrong_pin_of_a_badge(self) -> None:
        assert failed(OF_BADGE, 4).locked_until is None
        assert failed(OF_BADGE, 5).locked_until == NOON + MIN_LOCK

    def test_doubles_the_wait_each_time_up_to_an_hour(self) -> None:
        waits = []
        for times in range(5, 13):
            standing = failed(OF_BADGE, times)
            assert standing.locked_until
            waits.append((standing.locked_until - standing.failed_at) / timedelta(minutes=1))

        assert waits == [1, 2, 4, 8, 16, 32, 60, 60]

    @given(guard=guards, times=st.integers(5, 40))
    def test_refuses_whoever_does_not_wait_and_counts_nothing(self, guard: Guard, times: int) -> None:
        standing = failed(guard, max(times, guard.free))
        assert standing.locked_until
        early = standing.locked_until - timedelta(seconds=1)

        with pytest.raises(pins.LockedOut) as refused:
            pins.count_attempt(guard, before=standing, now=early, where="badge")

        assert refused.value.facts["retry_after_s"] == 1
        assert standing.locked_until - standing.failed_at <= MAX_LOCK

    @given(guard=guards, times=st.integers(1, 40))
    def test_forgets_after_a_while(self, guard: Guard, times: int) -> None:
        standing = failed(guard, times)
        later = max(standing.locked_until or NOON, standing.failed_at) + guard.forget + timedelta(seconds=1)

        assert pins.count_attempt(guard, before=standing, now=later, where="badge").failures == 1

    @given(guard=guards, times=st.integers(1, 40))
    def test_taken_back_leaves_what_was_before(self, guard: Guard, times: int) -> None:
        counted = failed(guard, times)

        left = pins.take_back(guard, counted)

        assert left.failures == times - 1
        assert (left.locked_until is not None) == (times - 1 >= guard.free)

    def test_lets_nobody_try_more_than_a_few_dozen_pins_a_day(self) -> None:
        """Of a million, on a badge whose person never signs in."""
        now, standing, tries = NOON, None, 0
        while now < NOON + timedelta(days=1):
            standing = pins.count_attempt(OF_BADGE, before=standing, now=now, where="badge")
            tries += 1
            now = standing.locked_until or now

        assert tries < 40


class TestCountLift:
    def test_counts_up_to_the_bound_and_no_further(self) -> None:
        lifts = pins.Lifts(count=0, since=None)
        for n in range(pins.OF_ONE_WAIT.most):
            lifts = pins.count_lift(pins.OF_ONE_WAIT, before=lifts, now=NOON + timedelta(hours=n))

        assert lifts == pins.Lifts(count=3, since=NOON)
        with pytest.raises(pins.LiftedTooOften):
            pins.count_lift(pins.OF_ONE_WAIT, before=lifts, now=NOON + timedelta(hours=23, minutes=59))

    def test_begins_anew_when_its_time_is_over(self) -> None:
        full = pins.Lifts(count=6, since=NOON)

        later = pins.count_lift(pins.BY_ONE_LEAD, before=full, now=NOON + timedelta(hours=1))

        assert later == pins.Lifts(count=1, since=NOON + timedelta(hours=1))
