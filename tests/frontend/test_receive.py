"""Receiving by scan: a delivery, its items, their bins; what was booked by mistake is taken back in the open."""

from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from playwright.async_api import Page

from pullsvc.db import Database
from tests.factories import all_rows
from tests.frontend.goods import BREAD, MILK, MILK_CASE, books_become, expected, goods, knows_the_range, until_kept
from tests.frontend.hands import Device, expect, show
from tests.waiting import until

START = {("milk", "BR-A-03-2"): 9}


@pytest.fixture
async def receiving(signed_in: Page, device: Device, db: Database) -> Page:
    """Ben at the list of deliveries: one late, one due in an hour."""
    await goods(db)
    now = datetime.now(UTC)  # noqa: TID251 - the service of these tests lives in real time
    await expected(db, "DN-20931", now - timedelta(hours=1))
    await expected(db, "DN-20944", now + timedelta(hours=1))
    await device.open("receive")
    await device.sees("Expected")
    return signed_in


async def is_unloaded(db: Database, reference: str) -> bool:
    (delivery,) = await all_rows(db, "expected_deliveries", reference=reference)
    return delivery["arrived_at"] is not None


class TestReceive:
    async def test_item_by_item_into_their_bins(
        self, receiving: Page, device: Device, db: Database, artifacts: Path
    ) -> None:
        await show(receiving, artifacts, "receive-list")
        await device.tap("DN-20931")
        await device.scan(MILK_CASE)
        await device.scan(MILK_CASE)
        await device.sees("Scan its bin", "9 there")
        await show(receiving, artifacts, "receive-item")
        await device.scan("BR-A-03-2")
        await device.scan(BREAD)
        await device.tap("Case of 6")
        await device.tap("Leave it here")
        await device.sees("24 × Oat milk", "7 × Rye bread")
        await show(receiving, artifacts, "receive-booked")
        await device.tap("All unloaded")
        await device.sees("DN-20931 is unloaded")

        await books_become(db, {("milk", "BR-A-03-2"): 33, ("bread", "RECEIVING"): 7})
        booked = [row for row in await all_rows(db, "movements", cause="receive") if row["cause_id"] == "DN-20931"]
        assert sorted((row["sku"], row["qty"]) for row in booked) == [("bread", 7), ("milk", 24)]
        await until(partial(is_unloaded, db, "DN-20931"))

    async def test_by_trigger_alone(self, receiving: Page, device: Device, db: Database) -> None:
        for code in ("DN-20944", MILK_CASE, "CMD:-1", BREAD, "CMD:CASE", "BR-B-01-1", MILK, "CMD:OK", "CMD:UNDO"):
            await device.scan(code)

        assert device.taps == 0
        await device.sees("Taken back: booked as a correction")
        await device.all_sent()
        await books_become(db, {**START, ("milk", "RECEIVING"): 11, ("bread", "BR-B-01-1"): 7})

    async def test_undo_is_a_correction_that_the_ledger_shows(
        self, receiving: Page, device: Device, db: Database, artifacts: Path
    ) -> None:
        await device.tap("No delivery note")
        await device.scan(MILK)
        await device.scan("BR-B-01-1")
        await device.tap("Undo Oat milk, unsweetened, 1 l")
        await device.sees("Taken back: booked as a correction")
        await show(receiving, artifacts, "receive-undone")

        await device.all_sent()
        await books_become(db, START)
        (back,) = await all_rows(db, "movements", cause="adjust")
        assert (back["qty"], back["from_location"], back["reason"]) == (1, "BR-B-01-1", "received by mistake")

    async def test_without_a_network_and_after_a_reload_each_line_is_booked_once(
        self, receiving: Page, device: Device, db: Database, artifacts: Path
    ) -> None:
        await device.keeps_the_app()
        await knows_the_range(receiving)
        await device.tap("DN-20931")
        await device.scan(MILK)
        await device.sees("9 there")
        await device.goes_offline()
        await device.scan("BR-A-03-2")
        await device.scan(BREAD)
        await until_kept(receiving, "notes", "Rye bread")
        await receiving.reload()
        await device.is_ready()
        await expect(receiving.get_by_role("heading", name="Rye bread, sliced")).to_be_visible()
        await show(receiving, artifacts, "receive-offline")
        await device.scan("BR-B-01-1")
        await until_kept(receiving, "outbox", "BR-B-01-1")
        await receiving.reload()
        await device.is_ready()
        await device.sees("1 × Oat milk")

        await device.comes_back()

        await books_become(db, {("milk", "BR-A-03-2"): 10, ("bread", "BR-B-01-1"): 1})

    async def test_a_place_before_the_item_says_what_to_do(self, receiving: Page, device: Device) -> None:
        await device.tap("No delivery note")
        await device.scan("BR-B-01-1")

        await device.sees("Scan the item first.")
