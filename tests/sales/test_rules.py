"""What a receipt means: versions, eaches, flows, and that no order of arrival changes the end."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pullsvc.catalog.model import BUILT_IN_PLACES
from pullsvc.sales import rules
from pullsvc.sales.rules import (
    RETURNS,
    UNPLACED,
    BookedLine,
    Effect,
    Flow,
    Key,
    LineKind,
    Receipt,
    Result,
    Standing,
    Status,
    Uom,
    make_receipt,
)
from pullsvc.stock.rules import MAX_MOVE_QTY, Cause
from tests.factories import NOON
from tests.sales.worlds import DAY, line, receipt


@dataclass(frozen=True)
class Known:
    sku: str = "milk"
    pack_qty: int = 1
    weight_g: int = 150
    home: str | None = "A1"


WARES = {"milk": Known(), "case": Known(pack_qty=6), "apples": Known(sku="apples", home=None)}


def booked(version: Receipt) -> list[BookedLine]:
    return rules.book_lines(version, wares=WARES, shelves={"A9": True, "typo": False})


def effect(version: Receipt) -> Effect:
    return rules.effect_of(booked(version), occurred_at=version.occurred_at)


class TestFingerprint:
    def test_is_equal_for_what_says_the_same(self) -> None:
        """Zeros, time zone and order of the lines are spelling."""
        first, second = line("milk", 2, no=1), line("bread", "1.5", no=2)
        local = NOON.astimezone(timezone(timedelta(hours=2)))
        same = [
            make_receipt(Key(DAY, "4", 1), occurred_at=at, pos_revision=None, status=Status.COMPLETED, lines=lines)
            for at, lines in ((NOON, [first, second]), (local, [line("bread", "1.500", no=2), line("milk", "2.0")]))
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


class TestEaches:
    @pytest.mark.parametrize(
        ("quantity", "uom", "ware", "qty"),
        [
            ("2", Uom.EACH, Known(), 2),
            ("2", Uom.EACH, Known(pack_qty=6), 12),
            ("0.5", Uom.EACH, Known(pack_qty=6), 3),
            ("1.5", Uom.EACH, Known(), 2),
            ("1.4", Uom.EACH, Known(), 1),
            ("0.2", Uom.EACH, Known(), 1),
            ("0.42", Uom.KG, Known(), 3),
            ("0.375", Uom.KG, Known(), 3),
            ("420", Uom.G, Known(), 3),
            ("1", Uom.LB, Known(), 3),
            ("0.001", Uom.KG, Known(), 1),
            ("7.3", Uom.KG, Known(weight_g=0), 1),
            ("0.9", Uom.KG, Known(pack_qty=6), 6),
            ("100000", Uom.EACH, Known(pack_qty=10_000), MAX_MOVE_QTY),
        ],
    )
    def test_counts_packs_and_divides_weights(self, quantity: str, uom: Uom, ware: Known, qty: int) -> None:
        assert rules.eaches(Decimal(quantity), uom, ware) == qty


class TestSigned:
    def test_reads_less_than_nothing_as_the_opposite(self) -> None:
        said = [rules.signed(kind, Decimal(-2))[0] for kind in LineKind]

        assert said == [LineKind.RETURN, LineKind.SALE, LineKind.VOID]
        assert rules.signed(LineKind.SALE, Decimal(3)) == (LineKind.SALE, Decimal(3))


class TestBookLines:
    def test_takes_a_sale_from_the_home_shelf_or_the_shelf_that_the_till_names(self) -> None:
        lines = booked(receipt(line("milk"), line("milk", place="A9"), line("milk", place="typo"), line("apples")))

        assert [one.location for one in lines] == ["A1", "A9", "A1", UNPLACED]

    def test_brings_a_return_to_the_cart_wherever_it_was_bought(self) -> None:
        (one,) = booked(receipt(line("case", 2, kind=LineKind.RETURN, place="A9")))

        assert (one.location, one.sold_qty) == (RETURNS, -12)

    def test_knows_places_that_every_store_has(self) -> None:
        assert {UNPLACED, RETURNS} <= set(BUILT_IN_PLACES)

    def test_keeps_the_tills_word_on_the_place_of_what_nobody_knows(self) -> None:
        (one,) = booked(receipt(line("what", 2, place="A9")))

        assert (one.sku, one.sold_qty, one.location) == (None, 0, "A9")

    @pytest.mark.parametrize("status", [Status.VOIDED, Status.TRAINING])
    def test_moves_nothing_on_a_receipt_that_does_not_count(self, status: Status) -> None:
        assert effect(receipt(line("milk", 2), line("milk", 1, kind=LineKind.RETURN), status=status)) == {}

    def test_moves_nothing_on_a_void_line(self) -> None:
        assert effect(receipt(line("milk", 2, kind=LineKind.VOID))) == {}


class TestEffect:
    def test_adds_up_the_lines_of_an_item_and_keeps_returns_apart(self) -> None:
        moved = effect(receipt(line("milk", 2), line("case", 1), line("milk", 1, kind=LineKind.RETURN)))

        assert moved == {
            Flow("milk", Cause.SALE, "A1", NOON): 8,
            Flow("milk", Cause.CUSTOMER_RETURN, RETURNS, NOON): 1,
        }

    def test_moves_the_difference_back_the_way_it_came(self) -> None:
        old = effect(receipt(line("milk", 5), line("apples", 3, kind=LineKind.RETURN)))
        new = effect(receipt(line("milk", 2), line("apples", 1, kind=LineKind.RETURN)))
        legs = rules.legs_of(rules.difference(old, new), key=Key(DAY, "4", 1))

        assert [(leg.sku, leg.location, leg.change, leg.cause, leg.cause_id) for leg in legs] == [
            ("milk", "A1", 3, Cause.SALE, "2026-03-14/4/1"),
            ("apples", RETURNS, -2, Cause.CUSTOMER_RETURN, "2026-03-14/4/1"),
        ]
        assert rules.book_changes(legs) == {("milk", "A1"): 3, ("apples", RETURNS): -2}

    def test_moves_all_of_it_when_the_time_is_corrected(self) -> None:
        """A count between the two times holds one of them and not the other."""
        later = NOON + timedelta(hours=1)
        old, new = effect(receipt(line("milk", 2))), effect(receipt(line("milk", 2), at=later))

        assert rules.difference(old, new) == {
            Flow("milk", Cause.SALE, "A1", NOON): -2,
            Flow("milk", Cause.SALE, "A1", later): 2,
        }

    def test_moves_nothing_when_nothing_changes(self) -> None:
        same = effect(receipt(line("milk", 2)))

        assert rules.difference(same, dict(same)) == {}


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


codes = st.sampled_from(["milk", "case", "apples", "what"])
lines = st.builds(
    line,
    codes,
    st.decimals(min_value="0.001", max_value=50, places=3),
    kind=st.sampled_from(LineKind),
    uom=st.sampled_from(Uom),
    place=st.sampled_from([None, "A9", "typo"]),
)
versions = st.builds(
    lambda given, status, minute, sequence, revision: receipt(
        *given, status=status, at=NOON + timedelta(minutes=minute), sequence=sequence, revision=revision
    ),
    st.lists(lines, max_size=4),
    st.sampled_from(Status),
    st.integers(0, 2),
    st.integers(1, 2),
    st.integers(1, 4),
)


def end_of(arrivals: list[Receipt]) -> tuple[dict[Key, str], Effect]:
    """What counts after these arrivals, and the sum of all that they moved on the way."""
    standings: dict[Key, Standing] = {}
    moved: Counter[Flow] = Counter()
    for arrival in arrivals:
        before = standings.get(arrival.key)
        after, result = rules.take(before, arrival)
        standings[arrival.key] = after
        if result in (Result.NEW, Result.CORRECTED):
            change = rules.difference(effect(before.receipt) if before else {}, effect(after.receipt))
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


@given(old=versions, new=versions)
def test_a_difference_leads_from_one_effect_to_the_other(old: Receipt, new: Receipt) -> None:
    before, after = effect(old), effect(new)
    change = rules.difference(before, after)
    reached = {flow: before.get(flow, 0) + change.get(flow, 0) for flow in {**before, **change}}

    assert {flow: qty for flow, qty in reached.items() if qty} == after
    assert 0 not in change.values()
