"""What a receipt is: versions, their fingerprints, and that no order of arrival changes the end."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullsvc.sales import booking, rules
from pullsvc.sales.booking import Effect
from pullsvc.sales.rules import Key, LineKind, Receipt, Result, Standing, Status, Uom, make_receipt
from pullsvc.stock.rules import Flow
from tests.factories import NOON
from tests.sales.worlds import DAY, columns, effect, line, receipt, versions


class TestFingerprint:
    def test_is_equal_for_what_says_the_same(self) -> None:
        """Zeros, time zone and order of the lines are spelling."""
        first, second = line("milk", "2.0"), line("bread", "1.500")
        local = NOON.astimezone(timezone(timedelta(hours=2)))
        spelt = columns(first, second), columns(second, first, numbers=[2, 1])
        same = [
            make_receipt(Key(DAY, "4", 1), occurred_at=at, pos_revision=None, status=Status.COMPLETED, lines=lines)
            for at, lines in zip((NOON, local), spelt, strict=True)
        ]

        assert same[0].fingerprint == same[1].fingerprint

    @pytest.mark.parametrize(
        "other",
        [
            receipt(line("milk", 3)),
            receipt(line("bread", 2)),
            receipt(line("milk", 2, kind=LineKind.RETURN)),
            receipt(line("milk", 2, uom=Uom.KG)),
            receipt(line("milk", 2, place="A9")),
            receipt(line("milk", 2), line("milk", 2)),
            receipt(line("milk", 2), sequence=2),
            receipt(line("milk", 2), revision=1),
            receipt(line("milk", 2), at=NOON + timedelta(seconds=1)),
            receipt(line("milk", 2), status=Status.VOIDED),
        ],
    )
    def test_tells_any_other_version_apart(self, other: Receipt) -> None:
        assert other.fingerprint != receipt(line("milk", 2)).fingerprint


class TestOpposite:
    def test_is_what_a_line_of_less_than_nothing_means(self) -> None:
        assert list(map(rules.opposite, LineKind)) == [LineKind.RETURN, LineKind.SALE, LineKind.VOID]


class TestRefusal:
    def test_lets_late_receipts_pass_and_a_clock_that_is_a_little_ahead(self) -> None:
        late = NOON - timedelta(days=399)
        ahead = NOON + timedelta(minutes=10)

        assert rules.refusal(receipt(at=late, day=late.date()), now=NOON) is None
        assert rules.refusal(receipt(at=ahead), now=NOON) is None

    @pytest.mark.parametrize(
        ("at", "day", "code"),
        [
            (NOON + timedelta(minutes=11), DAY, "clock"),
            (NOON - timedelta(days=401), DAY - timedelta(days=401), "receipt-too-old"),
            (NOON, DAY + timedelta(days=2), "business-date"),
            (NOON, DAY - timedelta(days=3), "business-date"),
        ],
    )
    def test_refuses_times_that_cannot_be(self, at: datetime, day: date, code: str) -> None:
        refusal = rules.refusal(receipt(at=at, day=day), now=NOON)

        assert refusal is not None
        assert (refusal.code, refusal.facts) == (code, {"receipt": f"{day}/4/1"})

    def test_takes_the_business_date_of_any_store_on_earth(self) -> None:
        """Three in the morning of the same night: twelve hours behind, and fourteen ahead of UTC."""
        behind = datetime(2026, 3, 14, 15, tzinfo=UTC)
        ahead = datetime(2026, 3, 13, 11, tzinfo=UTC)

        assert rules.refusal(receipt(at=behind, day=date(2026, 3, 13)), now=behind) is None
        assert rules.refusal(receipt(at=ahead, day=date(2026, 3, 14)), now=ahead) is None


def take_all(versions: list[Receipt]) -> tuple[Standing, list[Result]]:
    standing: Standing | None = None
    results = []
    for version in versions:
        standing, result = rules.take(standing, version)
        results.append(result)
    assert standing is not None
    return standing, results


class TestTake:
    def test_lets_the_later_arrival_count_where_the_till_does_not_number(self) -> None:
        old, new = receipt(line("milk", 1)), receipt(line("milk", 2))
        standing, results = take_all([old, new, new])

        assert results == [Result.NEW, Result.CORRECTED, Result.REPEATED]
        assert (standing.receipt, standing.revision, standing.aside) == (new, 2, ((1, old),))

    def test_does_not_let_a_late_repeat_undo_a_correction(self) -> None:
        old, new = receipt(line("milk", 1)), receipt(line("milk", 2))
        standing, results = take_all([old, new, old])

        assert (standing.receipt, results[-1]) == (new, Result.REPEATED)

    def test_lets_the_higher_number_count_whatever_came_first(self) -> None:
        first, second = receipt(line("milk", 1), revision=1), receipt(line("milk", 2), revision=2)
        standing, results = take_all([second, first, first])

        assert results == [Result.NEW, Result.SUPERSEDED, Result.REPEATED]
        assert (standing.receipt, standing.revision, standing.aside) == (second, 2, ((1, first),))

    def test_lets_any_number_beat_none(self) -> None:
        plain, numbered = receipt(line("milk", 1)), receipt(line("milk", 2), revision=1)

        assert take_all([plain, numbered])[0].receipt == take_all([numbered, plain])[0].receipt == numbered

    def test_keeps_the_first_of_two_that_bear_the_same_number(self) -> None:
        first, other = receipt(line("milk", 1), revision=1), receipt(line("milk", 2), revision=1)

        assert take_all([first, other])[1] == [Result.NEW, Result.SUPERSEDED]


def end_of(arrivals: list[Receipt]) -> tuple[dict[Key, str], Effect]:
    """What counts after these arrivals, and the sum of all that they moved on the way."""
    standings: dict[Key, Standing] = {}
    moved: Counter[Flow] = Counter()
    for arrival in arrivals:
        before = standings.get(arrival.key)
        after, result = rules.take(before, arrival)
        standings[arrival.key] = after
        if result in (Result.NEW, Result.CORRECTED):
            change = booking.difference(effect(before.receipt) if before else {}, effect(after.receipt))
            for flow, qty in change.items():
                moved[flow] += qty
    return {key: one.receipt.fingerprint for key, one in standings.items()}, {f: q for f, q in moved.items() if q}


@given(
    sent=st.lists(versions, min_size=1, max_size=6, unique_by=lambda one: (one.key, one.pos_revision)),
    data=st.data(),
)
def test_no_order_and_no_repetition_changes_the_end(sent: list[Receipt], data: st.DataObject) -> None:
    repeated = sent + data.draw(st.lists(st.sampled_from(sent), max_size=4))
    arrivals = data.draw(st.permutations(repeated))
    standing, moved = end_of(arrivals)

    assert (standing, moved) == end_of(sent)
    newest = {one.key: one for one in sorted(sent, key=lambda one: one.pos_revision or 0)}
    assert standing == {key: one.fingerprint for key, one in newest.items()}
    total: Counter[Flow] = Counter()
    for one in newest.values():
        total.update(effect(one))
    assert moved == total
