"""A world made by bulk is one that the service could have made."""

import pytest

from pullsvc.bench.cluster import column
from pullsvc.bench.history import add_history
from pullsvc.bench.stand import Stand
from pullsvc.bench.till import FORMATS, MODES, TEMPLATES, Seat, batches_of
from pullsvc.bench.world import World, barcode_of
from pullsvc.catalog.rules import normal_code
from pullsvc.clock import wall_clock
from tests.factories import NOON


class TestBarcodeOf:
    @pytest.mark.parametrize("item", [0, 1, 9, 123, 99_999])
    def test_has_the_right_check_digit(self, item: int) -> None:
        assert normal_code(barcode_of(item)) == f"0{barcode_of(item)}"

    def test_is_refused_with_another_one(self) -> None:
        wrong = barcode_of(1)[:-1] + str((int(barcode_of(1)[-1]) + 1) % 10)

        with pytest.raises(Exception, match="check digit"):
            normal_code(wrong)


class TestBuild:
    async def test_keeps_the_laws(self, stand: Stand) -> None:
        world = World(stores=3, items=30, zones=6, shelf_qty=5, bin_qty=7, pulls=70, flags=10)
        url = await stand.make_world(world)

        assert await stand.prove(url) == 3
        assert await column(url, "SELECT count(*) FROM pulls GROUP BY store_id") == [70] * 3
        assert await column(url, "SELECT sum(qty) FROM balances") == [3 * 30 * 12]
        assert await column(url, "SELECT count(*) FROM balances WHERE qty = trigger_qty") == [3 * 3]
        assert (
            await column(url, "SELECT count(DISTINCT sku) FROM pulls WHERE urgency = 90 GROUP BY store_id") == [30] * 3
        )

    async def test_keeps_them_with_days_of_history(self, stand: Stand) -> None:
        world = World(stores=2, items=30, zones=6, shelf_qty=5)
        url = await stand.make_world(world)
        await add_history(url, world, lines=1_800, now=wall_clock().now())

        assert await stand.prove(url) == 2
        assert await column(url, "SELECT count(*) FROM sale_lines") == [1_800]
        assert await column(url, "SELECT sum(line_count) FROM receipts") == [1_800]
        assert await column(url, "SELECT count(DISTINCT day) FROM movements WHERE cause = 'sale'") == [90]


class TestBatchesOf:
    @pytest.mark.parametrize("mode", MODES)
    def test_sells_as_many_lines_as_asked_for_and_the_same_each_time(self, mode: str) -> None:
        seat = Seat(3, 1, "t", "rows", mode, 23, 50, NOON, seed=7)
        batches = batches_of(seat)

        assert batches == batches_of(seat)
        assert len(batches) == TEMPLATES
        assert {sum(len(receipt.codes) for receipt in batch) for batch in batches} == {23}
        assert {len(batch) for batch in batches} == {seat.receipts}

    def test_late_ones_are_days_old(self) -> None:
        late = batches_of(Seat(3, 1, "t", "rows", "late", 50, 50, NOON, seed=7))

        assert all((NOON - receipt.occurred_at).days >= 2 for batch in late for receipt in batch)

    def test_every_format_has_a_place_for_each_number(self) -> None:
        (batch, *_) = batches_of(Seat(3, 1, "t", "rows", "new", 23, 50, NOON, seed=7))

        assert all(str(form.body(batch)).count("987654321012345") == len(batch) for form in FORMATS.values())
