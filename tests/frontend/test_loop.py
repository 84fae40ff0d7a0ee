"""The whole loop on two handhelds at once: ask, claim, pick, short, stage, put; by hand and by trigger alone."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page

from pullsvc.audit import audit
from pullsvc.db import Database
from tests.factories import all_rows
from tests.frontend.conftest import enrol, new_context, watched
from tests.frontend.hands import Device, show
from tests.frontend.shop import WARES, asked, stock_many, stock_shop
from tests.frontend.test_work import in_tub

LISTEN_JS = """
async () => {
  const { flash } = await import(`/app/${document.body.dataset.build}/core/feedback.js`);
  window.told = [];
  flash.subscribe((shown) => { if (shown) window.told.push(shown.word); });
}
"""


@pytest.fixture
async def shop(db: Database, store: int) -> Database:
    await stock_shop(db)
    return db


@pytest.fixture
async def ana(browser: Browser, service: str, db: Database, shop: Database) -> AsyncIterator[Device]:
    """Ana of the sales floor, with a handheld of her own."""
    async with await new_context(browser, service) as context:
        page = await context.new_page()
        complaints = watched(page)
        await enrol(page, service, db, badge="B-ANA")
        yield Device(page)
        assert complaints == []


class TestLoop:
    async def test_from_the_gap_to_the_shelf(
        self, signed_in: Page, device: Device, ana: Device, shop: Database, artifacts: Path
    ) -> None:
        ben = device
        await ana.open("ask")
        for sku in ("1001", "1004"):
            await ana.scan(WARES[sku][2])
            await ana.tap("Ask for it")
            await ana.sees("8 pieces are on the list")
            await ana.tap("Ask for the next")

        await ben.open("work")
        await ben.scan("TUB-0042")
        await ben.sees("Whole milk 1 l")
        await ben.scan("BR-C-01-1")
        await ben.scan(WARES["1001"][2])
        await ben.tap("The other 7")
        await ben.sees("Dishwasher tabs")
        await ben.scan(WARES["1004"][2])
        await ben.tap("Not enough")
        await ben.sees("Nobody is blamed")
        await show(ben.page, artifacts, "work-short")
        await ben.tap("Too few there")
        await ben.sees("Scan the lane")
        await show(ben.page, artifacts, "work-lane-short")
        await ben.scan("LANE-1")
        await ben.sees("TUB-0042 stands in LANE-1")
        await ben.all_sent()

        await ana.open(f"ask/{WARES['1001'][2]}")
        await ana.sees("8 pieces are on their way")
        await ana.open("put-away")
        await ana.tap("TUB-0042")
        await ana.scan("A07-1")
        await ana.sees("A11-2")
        await ana.tap("It is on the shelf")
        await ana.sees("TUB-0042 is empty")
        await ana.all_sent()

        shelves = {b["sku"]: b["qty"] for b in await all_rows(shop, "balances", kind="shelf") if b["qty"]}
        assert shelves == {"1001": 8, "1004": 1}
        assert await in_tub(shop) == {}
        assert (await audit(shop)).holds


class TestTriggerAlone:
    async def test_fills_a_tub_without_touching_the_screen(
        self, signed_in: Page, device: Device, shop: Database, service: str
    ) -> None:
        await asked(service, shop, "1001", "1003", "1004")
        await device.open("work")
        await device.sees("Take this job")
        for code, seen in [
            ("CMD:OK", "Scan the tub you fill"),
            ("TUB-0042", "BR-C-01-1"),
            ("CMD:+1", "The other 7"),
            ("CMD:-1", "All 8"),
            ("CMD:SKIP", "BR-D-02-1"),
            ("CMD:CASE", "BR-D-03-3"),
            ("CMD:SHORT", "Not enough: Dishwasher tabs"),
            ("CMD:+1", "Too few there"),
            ("CMD:OK", "BR-C-01-1"),
            ("CMD:UNDO", "BR-D-03-3"),
            ("CMD:DONE", "BR-C-01-1"),
            ("CMD:DONE", "Scan the lane"),
            ("LANE-2", "TUB-0042 stands in LANE-2"),
        ]:
            await device.scan(code)
            await device.sees(seen)

        await device.all_sent()
        assert await in_tub(shop) == {"1001": 8, "1003": 8, "1004": 8}
        assert device.taps == 0

    async def test_says_what_is_wrong_with_a_scan(
        self, signed_in: Page, device: Device, shop: Database, service: str
    ) -> None:
        await asked(service, shop, "1001")
        await device.open("work")
        await device.scan("TUB-0042")
        await device.sees("Whole milk 1 l")
        await signed_in.evaluate(LISTEN_JS)
        for code in ("BR-D-02-1", WARES["1002"][2], "TUB-0043", "BR-C-01-1"):
            await device.scan(code)

        told = (await signed_in.evaluate("window.told"))[-4:]
        assert told == ["Not on your list", "Not on your list", "Your tub is TUB-0042", "Right place"]


class TestTenLines:
    async def test_take_fewer_than_two_scans_a_line_and_four(
        self, signed_in: Page, device: Device, db: Database, store: int, service: str
    ) -> None:
        """Each line wants several pieces, so each takes its worst: a scan, and a tap for the rest."""
        skus = await stock_many(db, lines=10)
        await asked(service, db, *skus)
        await device.open("work")
        await device.scan("TUB-0042")
        for n, sku in enumerate(skus):
            await device.sees(f"BR-A-{n:02}")
            await device.scan(f"CODE-{sku}")
            await device.tap("The other 3")
        await device.sees("Scan the lane")
        await device.scan("LANE-1")
        await device.sees("TUB-0042 stands in LANE-1")
        await device.all_sent()

        assert sum((await in_tub(db)).values()) == 40
        assert device.taps + device.scans == 22
