"""Ask for items, walk an aisle, find things: with a network and without."""

from pathlib import Path

import pytest
from playwright.async_api import Page

from pullsvc.db import Database
from tests.factories import all_rows
from tests.frontend.hands import Device, expect, show, sign_in
from tests.frontend.shop import WARES, asked, stock_shop

MILK, COFFEE = WARES["1001"][2], WARES["1003"][2]


@pytest.fixture
async def shop(db: Database, store: int) -> Database:
    await stock_shop(db)
    return db


class TestAsk:
    async def test_takes_one_tap_and_says_when_it_comes(
        self, signed_in: Page, device: Device, shop: Database, artifacts: Path
    ) -> None:
        await device.open("ask")
        await show(signed_in, artifacts, "ask-start")
        await device.scan(MILK)
        await device.sees("Whole milk 1 l", "A07-1", "In the back")
        await show(signed_in, artifacts, "ask-item")
        await device.tap("Ask for it")

        await device.sees("8 pieces are on the list", "Here at about")
        await show(signed_in, artifacts, "ask-answer")
        assert (device.scans, device.taps) == (1, 1)

    async def test_for_a_customer_takes_one_tap_too(self, signed_in: Page, device: Device, shop: Database) -> None:
        await device.open("ask")
        await device.scan(MILK)
        await device.tap("A customer is waiting")
        await device.sees("on the list")

        assert [a["reason"] for a in await all_rows(shop, "asks")] == ["customer_waiting"]

    async def test_shows_what_is_on_its_way_already(
        self, signed_in: Page, device: Device, shop: Database, service: str, artifacts: Path
    ) -> None:
        await asked(service, shop, "1001")
        await device.open(f"ask/{MILK}")

        await device.sees("8 pieces are asked for")
        await show(signed_in, artifacts, "ask-on-its-way")

    async def test_of_an_unknown_code_says_what_to_do(
        self, signed_in: Page, device: Device, shop: Database, artifacts: Path
    ) -> None:
        await device.open("ask")
        await device.scan("5000000000005")

        await expect(signed_in.get_by_role("alert")).to_contain_text("Scan the shelf label")
        await show(signed_in, artifacts, "ask-unknown")

    async def test_without_a_network_is_kept_and_sent_later_once(
        self, signed_in: Page, device: Device, shop: Database, artifacts: Path
    ) -> None:
        await device.open("ask")
        await device.keeps_the_app()
        await device.goes_offline()
        await device.scan(MILK)
        await device.sees("What is in the back cannot be seen now")
        await device.tap("Ask for it")
        await device.sees("Kept on this device")
        await show(signed_in, artifacts, "ask-kept")
        await signed_in.reload()
        await device.open("tray")
        await show(signed_in, artifacts, "tray-offline")
        await device.comes_back()

        await device.sees("All sent")
        assert [p["sku"] for p in await all_rows(shop, "pulls")] == ["1001"]


class TestWalk:
    async def test_keeps_a_running_list_with_undo_and_asks_for_all(
        self, signed_in: Page, device: Device, shop: Database, artifacts: Path
    ) -> None:
        await device.open("walk")
        await show(signed_in, artifacts, "walk-start")
        for code in (MILK, COFFEE, "5000000000005", WARES["1004"][2]):
            await device.scan(code)
        await device.sees("Whole milk 1 l", "Ground coffee", "Unknown here")
        await device.scan("CMD:UNDO")
        await expect(signed_in.get_by_text("Dishwasher")).to_have_count(0)
        await signed_in.reload()
        await device.sees("Whole milk 1 l")
        await show(signed_in, artifacts, "walk")
        await device.tap("Ask for 2")

        await device.sees("2 new, 0 asked for already")
        await show(signed_in, artifacts, "walk-sent")
        assert {p["sku"] for p in await all_rows(shop, "pulls")} == {"1001", "1003"}

    async def test_is_asked_for_once_however_often_the_button_is_hit(
        self, signed_in: Page, device: Device, shop: Database
    ) -> None:
        await device.open("walk")
        await device.scan(MILK)
        await device.sees("Whole milk 1 l")
        await device.named("Ask for 1").evaluate("(button) => { button.click(); button.click(); }")

        await device.sees("1 new, 0 asked for already")
        await device.all_sent()
        assert len(await all_rows(shop, "asks")) == 1

    async def test_waits_for_whoever_began_it(self, signed_in: Page, device: Device, shop: Database) -> None:
        await device.open("walk")
        await device.scan(MILK)
        await device.sees("Whole milk 1 l")
        begin = "Scan every gap you see"
        for badge, sees in (("B-CID", begin), ("B-BEN", "Whole milk 1 l"), ("B-CID", "Ground coffee")):
            await sign_in(signed_in, badge)
            await signed_in.reload()
            await device.is_ready()
            await device.sees(sees)
            if sees == begin:
                await device.scan(COFFEE)
                await device.sees("Ground coffee")


class TestFind:
    async def test_by_a_few_letters(self, signed_in: Page, device: Device, shop: Database, artifacts: Path) -> None:
        await device.open("find")
        await signed_in.get_by_role("searchbox").fill("coff")
        await device.sees("Ground coffee")
        await show(signed_in, artifacts, "find")
        await device.tap("Ground coffee")

        await device.sees("A03-4", "BR-D-02-1")
        await show(signed_in, artifacts, "find-item")

    async def test_by_a_scan_also_from_the_text_field(self, signed_in: Page, device: Device, shop: Database) -> None:
        await device.open("find")
        await signed_in.get_by_role("searchbox").focus()
        await device.scan(MILK)

        await device.sees("A07-1")
