"""Count, receive and put backstock away, each by scans alone or with taps."""

from pathlib import Path

import pytest
from playwright.async_api import Page

from pullsvc.db import Database
from tests.factories import all_rows
from tests.frontend.hands import Device, expect, show
from tests.frontend.shop import CASE_OF, WARES, stock_shop

MILK, COFFEE_CASE = WARES["1001"][2], CASE_OF["1003"][0]


@pytest.fixture
async def shop(db: Database, store: int) -> Database:
    await stock_shop(db)
    return db


async def book(db: Database, sku: str, location: str) -> int:
    rows = await all_rows(db, "balances", sku=sku, location=location)
    return int(rows[0]["qty"]) if rows else 0


class TestCount:
    async def test_by_place_and_item(self, signed_in: Page, device: Device, shop: Database, artifacts: Path) -> None:
        await device.open("count")
        await show(signed_in, artifacts, "count-start")
        await device.scan("BR-C-01-1")
        await device.sees("BR-C-01-1")
        await device.scan(MILK)
        await device.sees("Whole milk 1 l")
        for _ in range(2):
            await device.scan("CMD:+1")
        await show(signed_in, artifacts, "count-item")
        await device.tap("3 are there")

        await device.sees("3 counted")
        await device.all_sent()
        assert await book(shop, "1001", "BR-C-01-1") == 3

    async def test_of_an_unknown_place_says_what_to_do(self, signed_in: Page, device: Device, shop: Database) -> None:
        await device.open("count")
        await device.scan("NO-SUCH-BIN")

        await expect(signed_in.get_by_role("alert")).to_be_visible()


class TestReceive:
    async def test_cases_by_scanning_them(
        self, signed_in: Page, device: Device, shop: Database, artifacts: Path
    ) -> None:
        await device.open("receive")
        await show(signed_in, artifacts, "receive-start")
        await device.scan(COFFEE_CASE)
        await device.sees("Cases of 12")
        await device.scan(COFFEE_CASE)
        await device.sees("Book 24 pieces")
        await show(signed_in, artifacts, "receive-item")
        await device.scan("CMD:OK")

        await device.sees("Booked so far")
        await device.all_sent()
        assert await book(shop, "1003", "RECEIVING") == 24


class TestStow:
    async def test_from_the_dock_into_a_bin(
        self, signed_in: Page, device: Device, shop: Database, artifacts: Path
    ) -> None:
        await device.open("stow")
        await show(signed_in, artifacts, "stow-start")
        await device.scan(COFFEE_CASE)
        await device.sees("Already lies in", "BR-D-02-1")
        await show(signed_in, artifacts, "stow-item")
        await device.scan("BR-D-03-3")

        await device.sees("Scan what you put away")
        await device.all_sent()
        assert await book(shop, "1003", "BR-D-03-3") == 12
        assert await book(shop, "1003", "RECEIVING") == -12


class TestHome:
    async def test_leads_a_scan_to_where_it_belongs(self, signed_in: Page, device: Device, shop: Database) -> None:
        await device.open()
        await device.scan(MILK)
        await device.sees("Where it is", "BR-C-01-1")
        await device.open()
        await device.scan("TUB-0042")
        await device.sees("Nothing to pull")
