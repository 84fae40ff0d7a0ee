"""Counting by scan: blind, at a place, offline too; the book is told only afterwards."""

from pathlib import Path

import pytest
from playwright.async_api import Page

from pullsvc.db import Database
from tests.factories import all_rows
from tests.frontend.goods import BREAD, MILK, MILK_CASE, books, goods, knows_the_range, stands, to_count, until_kept
from tests.frontend.hands import Device, expect, show


@pytest.fixture
async def counting(signed_in: Page, device: Device, db: Database) -> Page:
    """Ben at the list of what to count: milk and bread in one bin, rice further on."""
    await goods(db)
    await to_count(db, ("rice", "BR-B-07-1"), ("milk", "BR-A-03-2"), ("bread", "BR-A-03-2"))
    await device.open("count")
    await device.sees("3 to count")
    return signed_in


class TestCount:
    async def test_leads_from_place_to_place_and_tells_the_book_only_afterwards(
        self, counting: Page, device: Device, db: Database, artifacts: Path
    ) -> None:
        places = counting.locator(".row .place")
        assert await places.all_text_contents() == ["BR-A-03-2", "BR-B-07-1"]
        await show(counting, artifacts, "count-list")

        await device.scan("BR-A-03-2")
        await device.sees("Still to count", "Oat milk, unsweetened, 1 l")
        await device.scan(MILK)
        await device.scan(MILK_CASE)
        await device.scan(BREAD)
        await expect(counting.locator("main")).not_to_contain_text("9")
        await show(counting, artifacts, "count-items")
        await device.scan("CMD:DONE")

        await device.sees("4 more than the book (9)", "1 more than the book (0)", "The book is right now")
        await expect(counting.get_by_text("That is far off")).to_have_count(1)
        await show(counting, artifacts, "count-outcome")
        assert await books(db) == {("milk", "BR-A-03-2"): 13, ("bread", "BR-A-03-2"): 1}
        assert {row["state"] for row in await all_rows(db, "counts", location="BR-A-03-2")} == {"done"}

    async def test_by_trigger_alone_and_counts_again_what_is_far_off(
        self, counting: Page, device: Device, db: Database
    ) -> None:
        for code in ("BR-A-03-2", MILK, "CMD:+1", "CMD:-1", "CMD:DONE"):
            await device.scan(code)
        await device.sees("One item was not scanned")
        await device.scan("CMD:SKIP")
        await device.sees("8 fewer than the book (9)")
        assert device.taps == 0

        await device.tap("Count again")
        await device.scan(MILK)
        await device.tap("1: type another number")
        await counting.get_by_label("Pieces").fill("9")
        await device.tap("Take this number")
        await device.tap("BR-A-03-2 is counted")

        await device.sees("8 more than the book (1)")
        assert await books(db) == {("milk", "BR-A-03-2"): 9}

    async def test_what_was_not_scanned_is_asked_about(
        self, counting: Page, device: Device, db: Database, artifacts: Path
    ) -> None:
        await device.scan("BR-A-03-2")
        await device.scan(BREAD)
        await device.tap("BR-A-03-2 is counted")
        await device.sees("One item was not scanned. Is there none?")
        await show(counting, artifacts, "count-unseen")
        await device.tap("None there")

        await device.sees("9 fewer than the book (9)")
        assert await books(db) == {("bread", "BR-A-03-2"): 1}

    async def test_names_afterwards_what_the_book_has_besides(
        self, counting: Page, device: Device, db: Database
    ) -> None:
        await stands(db, "bread", "BR-B-07-1", 5)
        await device.scan("BR-B-07-1")
        await device.tap("BR-B-07-1 is counted")
        await device.tap("None there")
        await device.sees("The book has one more item here", "Rye bread, sliced")

        await device.tap("Count these, too")
        await device.scan(BREAD)
        await device.scan("CMD:OK")

        await device.sees("4 fewer than the book (5)")

    async def test_goes_on_without_a_network_and_after_a_reload(
        self, counting: Page, device: Device, db: Database, artifacts: Path
    ) -> None:
        await device.keeps_the_app()
        await knows_the_range(counting)
        await device.scan("BR-A-03-2")
        await device.scan(MILK)
        await device.goes_offline()
        await until_kept(counting, "notes", '"qty":1')
        await counting.reload()
        await device.is_ready()
        await device.sees("Oat milk, unsweetened, 1 l")
        await device.scan(MILK_CASE)
        await device.scan(BREAD)
        await device.tap("BR-A-03-2 is counted")
        await device.sees("Waits for the network", "Offline")
        await show(counting, artifacts, "count-offline")

        await device.comes_back()

        await device.sees("4 more than the book (9)")
        assert await books(db) == {("milk", "BR-A-03-2"): 13, ("bread", "BR-A-03-2"): 1}

    async def test_of_an_item_that_somebody_looked_up_begins_with_it(
        self, counting: Page, device: Device, db: Database
    ) -> None:
        await device.open("count/rice")
        await device.sees("Scan the bin or shelf of Basmati rice, 5 kg bag")
        await device.scan("BR-B-01-1")

        await device.sees("Still to count", "Basmati rice, 5 kg bag")

    async def test_a_place_is_finished_before_the_next(self, counting: Page, device: Device) -> None:
        await device.scan("BR-A-03-2")
        await device.scan(MILK)
        await device.scan("BR-B-07-1")

        await device.sees("Finish BR-A-03-2 first.")

    async def test_a_code_that_nobody_knows_is_said_at_once(self, counting: Page, device: Device) -> None:
        await device.scan("A1")
        await device.scan("5449000000996")
        await device.sees("05449000000996 is not known here")
        await device.scan("4006381333930")

        await device.sees("4006381333930 cannot be read")
