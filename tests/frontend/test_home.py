"""The first screen leads a scan to where it belongs."""

import pytest
from playwright.async_api import Page

from pullsvc.db import Database
from tests.frontend.hands import Device
from tests.frontend.shop import WARES, stock_shop

MILK = WARES["1001"][2]


@pytest.fixture
async def shop(db: Database, store: int) -> Database:
    await stock_shop(db)
    return db


class TestHome:
    async def test_leads_a_scan_to_where_it_belongs(self, signed_in: Page, device: Device, shop: Database) -> None:
        await device.open()
        await device.scan(MILK)
        await device.sees("Where it is", "BR-C-01-1")
        await device.open()
        await device.scan("TUB-0042")
        await device.sees("Nothing to pull")
