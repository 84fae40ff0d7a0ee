"""At one line of the walk: what is taken back, what a scan under a sheet is told, and what may be a lane."""

import pytest
from playwright.async_api import Page

from pullsvc.db import Database
from tests.factories import all_rows
from tests.frontend.goods import knows_the_range
from tests.frontend.hands import Device, expect
from tests.frontend.shop import WARES, asked, stock_shop
from tests.frontend.test_offline import claim
from tests.frontend.test_work import in_tub

MILK, BUTTER = (WARES[sku][2] for sku in ("1001", "1002"))
SOON_MS = 2_000  # A word at the bottom goes by itself, but later.


@pytest.fixture
async def shop_(service: str, db: Database, store: int) -> Database:
    """The store with two shelves asked for, eight pieces each."""
    await stock_shop(db)
    await asked(service, db, "1001", "1003")
    return db


class TestUndo:
    async def test_after_one_less_gives_that_one_back(self, signed_in: Page, device: Device, shop_: Database) -> None:
        await claim(device)
        for code in (MILK, "CMD:+1", MILK):
            await device.scan(code)
        await device.sees("The other 5")
        await device.scan("CMD:-1")
        await device.sees("The other 6")
        await device.scan("CMD:UNDO")
        await device.sees("The other 5")
        await device.all_sent()

        assert await in_tub(shop_) == {"1001": 3}

    async def test_after_later_comes_back_to_the_line(self, signed_in: Page, device: Device, shop_: Database) -> None:
        await claim(device)
        await device.scan(MILK)
        await device.sees("The other 7")
        await device.scan("CMD:SKIP")
        await device.sees("BR-D-02-1")
        await device.scan("CMD:UNDO")
        await device.sees("BR-C-01-1", "The other 7")
        await device.all_sent()

        assert await in_tub(shop_) == {"1001": 1}

    async def test_by_card_and_by_word_is_one(self, signed_in: Page, device: Device, shop_: Database) -> None:
        await claim(device)
        for left in (7, 6, 5, 4):
            await device.scan(MILK)
            await device.sees(f"The other {left}")
        await device.tap("The other 4")
        await device.sees("BR-D-02-1")
        await expect(device.named("Undo", exact=True)).to_have_count(1)
        await device.scan("CMD:UNDO")
        await device.sees("The other 4")
        await expect(device.named("Undo", exact=True)).to_have_count(0, timeout=SOON_MS)
        await device.all_sent()

        assert await in_tub(shop_) == {"1001": 4}

    async def test_by_word_leaves_nothing_to_the_card(self, signed_in: Page, device: Device, shop_: Database) -> None:
        await claim(device)
        await device.tap("All 8")
        await device.sees("BR-D-02-1")
        await device.tap("Undo", exact=True)
        await device.sees("All 8", "BR-C-01-1")
        await device.scan("CMD:UNDO")
        await device.sees("Nothing to undo")
        await device.all_sent()

        assert await in_tub(shop_) == {}

    async def test_of_what_is_missing_is_one_at_the_lane_too(
        self, signed_in: Page, device: Device, service: str, db: Database, store: int
    ) -> None:
        await stock_shop(db)
        await asked(service, db, "1001")
        await claim(device)
        await device.scan(MILK)
        await device.scan("CMD:SHORT")
        await device.scan("CMD:OK")
        await device.sees("Scan the lane")
        await device.scan("CMD:UNDO")
        await device.sees("The other 7")
        await expect(device.named("Undo", exact=True)).to_have_count(0, timeout=SOON_MS)
        await device.all_sent()

        assert [row["state"] for row in await all_rows(db, "task_lines")] == ["planned"]


class TestSheet:
    @pytest.mark.parametrize("opens", ["Why this one?", "Back"])
    async def test_says_no_to_a_scan(self, signed_in: Page, device: Device, shop_: Database, opens: str) -> None:
        await claim(device)
        await device.tap(opens, exact=True)
        await expect(signed_in.locator(".flash")).to_have_count(0)
        await device.scan(MILK)
        await expect(signed_in.locator(".flash.bad")).to_be_visible()
        await device.scan("CMD:BACK")
        await device.sees("All 8")
        await expect(signed_in.get_by_role("dialog")).to_have_count(0)
        await device.all_sent()

        assert await in_tub(shop_) == {}


class TestLane:
    @pytest.mark.parametrize("scanned", [BUTTER, "1002", "96385074"])
    async def test_is_no_item_without_a_network(
        self, signed_in: Page, device: Device, service: str, db: Database, store: int, scanned: str
    ) -> None:
        """Of the range, by its number, and one that nobody knows but that can only be a package's."""
        await stock_shop(db)
        await asked(service, db, "1001")
        await claim(device)
        await knows_the_range(signed_in)
        await device.goes_offline()
        await device.tap("All 8")
        await device.sees("Scan the lane")
        await device.scan(scanned)
        await device.sees("Not a lane")
        await expect(signed_in.get_by_text("stands in")).to_have_count(0)
        await device.scan("LANE-NEW")
        await device.sees("TUB-0042 stands in LANE-NEW")
