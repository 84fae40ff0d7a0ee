"""Finding items and places by code, and the acts that the other rooms call."""

import asyncio

import pytest

from pullsvc.catalog import actions, queries
from pullsvc.catalog.actions import KindIsFixed, NoSuchItem, NoSuchPlace, PlaceHoldsUnits, WrongKindOfPlace
from pullsvc.catalog.model import LocationData, PlaceKind, PlacementData
from pullsvc.db import Database, sql
from pullsvc.errors import Busy
from tests.conftest import Statements
from tests.factories import NOON, all_rows, item, location, placement, stamp, store

EACH = "09521234543213"
CASE = "19521234543210"


async def find(db: Database, *codes: str, store_id: int = 1) -> dict[str, queries.FoundItem]:
    async with db.read() as tx:
        return await queries.find_items(tx, store_id=store_id, codes=codes)


async def hold(db: Database, *, sku: str, place: str, qty: int, kind: str = "shelf") -> None:
    async with db.begin() as tx:
        await tx.run(
            sql("""
                INSERT INTO balances (store_id, sku, location, kind, qty, updated_at)
                VALUES (1, :sku, :place, :kind, :qty, :now)
            """),
            sku=sku, place=place, kind=kind, qty=qty, now=NOON,
        )  # fmt: skip


class TestFindItems:
    async def test_finds_each_and_case_with_their_pack_quantity(self, db: Database, statements: Statements) -> None:
        await store(db)
        await item(db, sku="milk", codes={EACH: 1, CASE: 12}, attributes=["chilled"])
        await placement(db, sku="milk", shelf="A1", capacity=30)
        statements.clear()

        found = await find(db, EACH, CASE, "milk", "nothing", EACH)

        assert len(statements) == 1
        assert {code: hit.pack_qty for code, hit in found.items()} == {EACH: 1, CASE: 12, "milk": 1}
        assert {hit.sku for hit in found.values()} == {"milk"}
        assert (found[EACH].home, found[EACH].home_capacity, found[EACH].attributes) == ("A1", 30, ("chilled",))

    async def test_a_barcode_leads_over_a_sku(self, db: Database) -> None:
        await store(db)
        await item(db, sku="4011")
        await item(db, sku="bananas", codes={"4011": 1})

        assert (await find(db, "4011"))["4011"].sku == "bananas"

    @pytest.mark.parametrize("sku", ["96385074", "036000291452", "4006381333931", EACH])
    async def test_a_sku_that_is_a_gtin_is_found_by_its_scan(self, db: Database, sku: str) -> None:
        await store(db)
        await item(db, sku=sku)

        async with db.read() as tx:
            assert (await actions.require_item(tx, store_id=1, code=sku)).sku == sku

    async def test_an_item_without_a_home_is_found(self, db: Database) -> None:
        await store(db)
        await item(db, sku="milk")
        await placement(db, sku="milk", shelf="END-1", is_home=False)

        assert (await find(db, "milk"))["milk"].home is None

    async def test_sees_no_other_store(self, db: Database) -> None:
        await store(db)
        await store(db, store_id=2)
        await item(db, sku="milk", codes={EACH: 1}, store_id=2)
        await placement(db, sku="milk", store_id=2)

        assert await find(db, EACH, "milk") == {}

    async def test_a_thousand_codes_are_looked_up_by_key(self, db: Database) -> None:
        """No scan of all items, barcodes or placements, however many codes there are."""
        await store(db)
        async with db.begin() as tx:
            await tx.run(
                sql("""
                    INSERT INTO items (store_id, sku, description, department, case_pack, volume_ml, weight_g, sold_by,
                                       attributes, updated_at)
                    SELECT 1, 'sku' || n, 'Thing', 'grocery', 1, 0, 0, 'each', '{}', :now
                    FROM generate_series(1, 2000) AS n
                """),
                now=NOON,
            )
            await tx.run(sql("ANALYZE items"))
            plan = await tx.rows(
                queries.FIND_ITEMS.explained(), stores=[1] * 1000, codes=[f"{n:014d}" for n in range(1000)]
            )
        text = "\n".join(row[0] for row in plan)

        assert "Seq Scan on items" not in text
        assert "Hash" not in text


class TestRequireItem:
    async def test_says_what_to_do_when_nothing_has_the_code(self, db: Database) -> None:
        await store(db)

        async with db.read() as tx:
            with pytest.raises(NoSuchItem, match="Scan the shelf label") as refused:
                await actions.require_item(tx, store_id=1, code="9521234543213")

        assert refused.value.facts == {"item_code": EACH}


class TestRequireLocation:
    async def test_takes_the_label_as_scanned(self, db: Database) -> None:
        await store(db)
        await location(db, code="BR-1", zone="dairy", walk_seq=7)

        async with db.read() as tx:
            found = await actions.require_location(
                tx, store_id=1, location="]C0BR-1\r", kinds=frozenset({"backroom", "shelf"})
            )

        assert (found.location, found.kind, found.zone, found.walk_seq) == ("BR-1", "backroom", "dairy", 7)

    async def test_refuses_another_kind(self, db: Database) -> None:
        await store(db)

        async with db.read() as tx:
            with pytest.raises(WrongKindOfPlace, match="RECEIVING is a receiving; this needs: backroom"):
                await actions.require_location(tx, store_id=1, location="RECEIVING", kinds=frozenset({"backroom"}))

    async def test_refuses_one_out_of_use_and_one_of_another_store(self, db: Database) -> None:
        await store(db)
        await store(db, store_id=2)
        await location(db, code="ELSEWHERE", store_id=2)
        await location(db, code="OLD")
        async with db.begin() as tx:
            current = await actions.lock_location(tx, store_id=1, location="OLD")
            await actions.retire_location(tx, stamp(), location="OLD", current=current)

        async with db.read() as tx:
            for gone in ("OLD", "ELSEWHERE"):
                with pytest.raises(NoSuchPlace):
                    await actions.require_location(tx, store_id=1, location=gone)


class TestPutLocation:
    async def test_gives_the_tubs_room_a_place_for_a_tub(self, db: Database) -> None:
        await store(db)
        tub = LocationData(location="106141412345678908", kind=PlaceKind.TUB, zone="tubs", walk_seq=0)
        async with db.begin() as tx:
            made = await actions.put_location(tx, stamp(), tub, current=None)

        assert (made.kind, made.version, made.active) == ("tub", 1, True)
        assert [event["kind"] for event in await all_rows(db, "events")] == ["location.changed"]

    async def test_never_changes_the_kind(self, db: Database) -> None:
        await store(db)
        await location(db, code="BR-1", kind="backroom")
        shelf = LocationData(location="BR-1", kind=PlaceKind.SHELF, zone="x", walk_seq=0)
        async with db.begin() as tx:
            current = await actions.lock_location(tx, store_id=1, location="BR-1")
            with pytest.raises(KindIsFixed):
                await actions.put_location(tx, stamp(), shelf, current=current)

    async def test_of_two_who_create_the_same_place_one_is_told_to_look_again(self, db: Database) -> None:
        await store(db)
        place = LocationData(location="BR-1", kind=PlaceKind.BACKROOM, zone="x", walk_seq=0)

        async def create() -> str:
            try:
                async with db.begin() as tx:
                    await actions.put_location(tx, stamp(), place, current=None)
            except Busy:
                return "busy"
            return "made"

        assert sorted(await asyncio.gather(*(create() for _ in range(5)))) == ["busy"] * 4 + ["made"]


class TestRetireLocation:
    @pytest.mark.parametrize("qty", [5, -5])
    async def test_refuses_while_the_books_have_or_owe_units(self, db: Database, qty: int) -> None:
        await store(db)
        await item(db, sku="milk")
        await placement(db, sku="milk", shelf="A1")
        await hold(db, sku="milk", place="A1", qty=qty)

        async with db.begin() as tx:
            current = await actions.lock_location(tx, store_id=1, location="A1")
            with pytest.raises(PlaceHoldsUnits):
                await actions.retire_location(tx, stamp(), location="A1", current=current)

        assert len(await all_rows(db, "placements")) == 1

    async def test_takes_an_empty_shelf_off_the_planogram(self, db: Database) -> None:
        await store(db)
        await item(db, sku="milk")
        await placement(db, sku="milk", shelf="A1")
        await hold(db, sku="milk", place="A1", qty=0)

        async with db.begin() as tx:
            current = await actions.lock_location(tx, store_id=1, location="A1")
            await actions.retire_location(tx, stamp(), location="A1", current=current)

        assert await all_rows(db, "placements") == []
        assert (await find(db, "milk"))["milk"].home is None


class TestPutPlacement:
    async def test_two_new_homes_at_once_leave_one_home(self, db: Database) -> None:
        await store(db)
        await item(db, sku="milk")
        shelves = [await location(db, code=f"A{n}", kind="shelf") for n in range(6)]

        async def make_home(shelf: str) -> None:
            line = PlacementData(location=shelf, sku="milk", capacity=9, presentation_min=0, facings=1, is_home=True)
            async with db.begin() as tx:
                based_on = await actions.lock_placement(tx, store_id=1, location=shelf, sku="milk")
                await actions.put_placement(tx, stamp(), line, based_on=based_on)

        await asyncio.gather(*map(make_home, shelves))

        rows = await all_rows(db, "placements")
        assert len(rows) == 6
        assert sum(row["is_home"] for row in rows) == 1
