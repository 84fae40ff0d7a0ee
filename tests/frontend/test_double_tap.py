"""A hand in a glove bounces: what the first touch brings up does not take the second one."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Page

from pullsvc.db import Database
from tests.factories import all_rows
from tests.frontend.goods import BREAD, MILK, expected, goods, to_count
from tests.frontend.hands import Device, expect
from tests.frontend.noon import Shop
from tests.frontend.shop import WARES, asked, stock_shop
from tests.frontend.test_offline import claim
from tests.frontend.test_receive import is_unloaded
from tests.frontend.test_work import fill, in_tub


@pytest.fixture
async def shop_(service: str, db: Database, store: int) -> Database:
    """The store with two shelves asked for, eight pieces each."""
    await stock_shop(db)
    await asked(service, db, "1001", "1003")
    return db


async def bounce(device: Device, name: str) -> None:
    """Two touches of one place, where one was meant."""
    button = device.named(name).first
    await device.reaches_for(button)
    await button.dblclick(delay=20)


class TestWhileATubIsFilled:
    async def test_all_of_a_line_leaves_the_next_line_alone(
        self, signed_in: Page, device: Device, shop_: Database
    ) -> None:
        await claim(device)
        await bounce(device, "All 8")
        await device.sees("BR-D-02-1")
        await device.all_sent()

        assert await in_tub(shop_) == {"1001": 8}

    async def test_cancel_takes_nothing(self, signed_in: Page, device: Device, shop_: Database) -> None:
        await claim(device)
        await device.tap("Not enough")
        await bounce(device, "Cancel")
        await expect(signed_in.get_by_role("dialog")).to_have_count(0)
        await device.all_sent()

        assert await in_tub(shop_) == {}

    async def test_one_more_goes_on_at_full_speed(self, signed_in: Page, device: Device, shop_: Database) -> None:
        await claim(device)
        await signed_in.get_by_role("button", name="One more").click(click_count=5, delay=5)
        await device.sees("The other 3")
        await signed_in.get_by_role("button", name="One less").click(click_count=2, delay=5)
        await device.sees("The other 5")
        await device.all_sent()

        assert await in_tub(shop_) == {"1001": 3}


class TestWhileATubIsEmptied:
    @pytest.fixture
    async def on_the_floor(self, signed_in: Page, device: Device, service: str, shop_: Database) -> Database:
        """A tub of three lines at its first shelf."""
        await asked(service, shop_, "1004", reason="customer_waiting", qty=1)
        await device.open("work")
        await fill(device)
        await device.open("put-away")
        await device.scan("TUB-0042")
        await device.sees("A03-4")
        return shop_

    async def test_all_on_the_shelf_leaves_the_next_shelf_alone(self, device: Device, on_the_floor: Database) -> None:
        await bounce(device, "All 8 on the shelf")
        await device.sees("A07-1")
        await device.all_sent()

        assert await in_tub(on_the_floor) == {"1001": 8, "1004": 1}

    async def test_cancel_puts_nothing(self, signed_in: Page, device: Device, on_the_floor: Database) -> None:
        await device.tap("Did not fit")
        await device.sees("How many did not fit?")
        await bounce(device, "Cancel")
        await expect(signed_in.get_by_role("dialog")).to_have_count(0)
        await device.all_sent()

        assert await in_tub(on_the_floor) == {"1001": 8, "1003": 8, "1004": 1}


class TestElsewhere:
    async def test_what_is_left_here_is_no_unloaded_delivery(
        self, signed_in: Page, device: Device, db: Database
    ) -> None:
        await goods(db)
        await expected(db, "DN-20931", datetime.now(UTC) + timedelta(hours=1))  # noqa: TID251 - as the service has it
        await device.open("receive")
        await device.tap("DN-20931")
        await device.scan(BREAD)
        await device.sees("Leave it here")
        await bounce(device, "Leave it here")
        await expect(device.named("Leave it here")).to_have_count(0)
        await device.all_sent()

        assert not await is_unloaded(db, "DN-20931")

    async def test_an_answer_stays_to_be_read(self, signed_in: Page, device: Device, shop_: Database) -> None:
        await device.open("ask")
        await device.scan(WARES["1002"][2])
        await device.sees("Butter")
        await bounce(device, "Ask for it")

        await device.sees("8 pieces are on the list")

    async def test_a_pull_is_not_given_up_without_a_reason(
        self, desk: Page, mia: Device, shop: Shop, db: Database
    ) -> None:
        await shop.ask("Tortilla")
        await mia.open("board")
        await desk.locator(".part.pulls").get_by_role("button", name="Tortilla").click()
        await mia.sees("Ana")
        told: list[str] = []
        desk.on("request", lambda request: told.append(request.url) if request.method == "POST" else None)
        await bounce(mia, "Not needed any more")
        await mia.sees("Asked for twice")
        assert told == []
        (pull,) = await all_rows(db, "pulls")
        assert (pull["state"], pull["ask_count"]) == ("open", 1)

    async def test_a_cross_takes_one_gap_off_the_walk(self, signed_in: Page, device: Device, shop_: Database) -> None:
        await device.open("walk")
        await device.sees("Scan every gap you see")
        for sku in ("1001", "1003", "1004"):
            await device.scan(WARES[sku][2])
        await device.sees("Whole milk 1 l", "Ground coffee", "Dishwasher")
        await bounce(device, "Take Dishwasher")

        await expect(signed_in.locator("li.row")).to_have_count(2)
        await device.sees("Ground coffee")

    async def test_what_came_of_a_count_stays_to_be_read(self, signed_in: Page, device: Device, db: Database) -> None:
        await goods(db)
        await to_count(db, ("milk", "BR-A-03-2"))
        await device.open("count")
        await device.sees("1 to count")
        await device.scan("BR-A-03-2")
        await device.sees("Still to count")
        await device.scan(MILK)
        await device.sees("BR-A-03-2 is counted")
        await bounce(device, "BR-A-03-2 is counted")

        await device.sees("8 fewer than the book (9)")
