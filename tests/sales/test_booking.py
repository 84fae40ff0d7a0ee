"""What a receipt does to the books: eaches, places and flows."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given

from pullsvc.catalog.model import BUILT_IN_PLACES
from pullsvc.sales import booking
from pullsvc.sales.booking import RETURNS, UNPLACED
from pullsvc.sales.rules import LineKind, Receipt, Status, Uom
from pullsvc.stock.rules import MAX_MOVE_QTY, Cause
from tests.factories import NOON
from tests.sales.worlds import Known, booked, effect, line, receipt, versions


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
        assert booking.eaches(int(Decimal(quantity) * 1_000), uom, ware.pack_qty, ware.weight_g) == qty


class TestBook:
    def test_takes_a_sale_from_the_home_shelf_or_the_shelf_that_the_till_names(self) -> None:
        lines = booked(receipt(line("milk"), line("milk", place="A9"), line("milk", place="typo"), line("apples")))

        assert lines.locations == ["A1", "A9", "A1", UNPLACED]

    def test_brings_a_return_to_the_cart_wherever_it_was_bought(self) -> None:
        lines = booked(receipt(line("case", 2, kind=LineKind.RETURN, place="A9")))

        assert (lines.locations, lines.sold_qtys) == ([RETURNS], [-12])

    def test_knows_places_that_every_store_has(self) -> None:
        assert {UNPLACED, RETURNS} <= set(BUILT_IN_PLACES)

    def test_keeps_the_tills_word_on_the_place_of_what_nobody_knows(self) -> None:
        lines = booked(receipt(line("what", 2, place="A9")))

        assert (lines.skus, lines.sold_qtys, lines.locations) == ([None], [0], ["A9"])

    @pytest.mark.parametrize("status", [Status.VOIDED, Status.TRAINING])
    def test_moves_nothing_on_a_receipt_that_does_not_count(self, status: Status) -> None:
        assert effect(receipt(line("milk", 2), line("milk", 1, kind=LineKind.RETURN), status=status)) == {}

    def test_moves_nothing_on_a_void_line(self) -> None:
        assert effect(receipt(line("milk", 2, kind=LineKind.VOID))) == {}


class TestKeep:
    WAS = receipt(line("milk", 2), line("case", 1))

    @pytest.mark.parametrize(
        ("now", "locations", "sold_qtys"),
        [
            (receipt(line("milk", 2), line("case", 1), line("milk", 1)), ["A1", "A1", "A2"], [2, 6, 1]),
            (receipt(line("milk", 3), line("case", 1)), ["A2", "A1"], [3, 6]),
            (receipt(line("milk", 2, place="A9"), line("case", 1, place="typo")), ["A9", "A1"], [2, 6]),
            (receipt(line("milk", 2), line("case", 1, kind=LineKind.RETURN)), ["A1", RETURNS], [2, -12]),
            (receipt(line("milk", 2), line("case", 1), status=Status.VOIDED), ["A2", "A2"], [0, 0]),
            (receipt(), [], []),
        ],
    )
    def test_leaves_a_line_booked_as_it_was_unless_the_till_says_otherwise(
        self, now: Receipt, locations: list[str], sold_qtys: list[int]
    ) -> None:
        """The home is another shelf since, and a case holds twelve."""
        wares = {"milk": Known(home="A2"), "case": Known(pack_qty=12, home="A2")}
        anew = booking.book(now, wares=wares, shelves={"A9": True})

        kept = booking.keep(now, anew, self.WAS, booked(self.WAS))

        assert (kept.codes, kept.locations, kept.sold_qtys) == (anew.codes, locations, sold_qtys)

    def test_knows_what_a_code_was_that_is_gone(self) -> None:
        gone = booking.book(self.WAS, wares={}, shelves={})

        assert booking.keep(self.WAS, gone, self.WAS, booked(self.WAS)) == booked(self.WAS)
        assert booking.keep(self.WAS, booked(self.WAS), self.WAS, gone) == booked(self.WAS)


class TestEffect:
    def test_adds_up_the_lines_of_an_item_and_keeps_returns_apart(self) -> None:
        moved = effect(receipt(line("milk", 2), line("case", 1), line("milk", 1, kind=LineKind.RETURN)))

        assert moved == {
            ("milk", Cause.SALE, "A1", NOON): 8,
            ("milk", Cause.CUSTOMER_RETURN, RETURNS, NOON): 1,
        }

    def test_moves_the_difference_back_the_way_it_came(self) -> None:
        old = effect(receipt(line("milk", 5), line("apples", 3, kind=LineKind.RETURN)))
        new = effect(receipt(line("milk", 2), line("apples", 1, kind=LineKind.RETURN)))
        moved = booking.difference(old, new)

        assert moved == {
            ("milk", Cause.SALE, "A1", NOON): -3,
            ("apples", Cause.CUSTOMER_RETURN, RETURNS, NOON): -2,
        }
        assert booking.book_changes(moved) == {("milk", "A1"): 3, ("apples", RETURNS): -2}

    def test_moves_all_of_it_when_the_time_is_corrected(self) -> None:
        """A count between the two times holds one of them and not the other."""
        later = NOON + timedelta(hours=1)
        old, new = effect(receipt(line("milk", 2))), effect(receipt(line("milk", 2), at=later))

        assert booking.difference(old, new) == {
            ("milk", Cause.SALE, "A1", NOON): -2,
            ("milk", Cause.SALE, "A1", later): 2,
        }

    def test_moves_nothing_when_nothing_changes(self) -> None:
        same = effect(receipt(line("milk", 2)))

        assert booking.difference(same, dict(same)) == {}


@given(old=versions, new=versions)
def test_a_difference_leads_from_one_effect_to_the_other(old: Receipt, new: Receipt) -> None:
    before, after = effect(old), effect(new)
    change = booking.difference(before, after)
    reached = {flow: before.get(flow, 0) + change.get(flow, 0) for flow in {**before, **change}}

    assert {flow: qty for flow, qty in reached.items() if qty} == after
    assert 0 not in change.values()
