"""Whose tub it is and whose list: two people on one device, two tabs of one person, an answer that comes late."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Page, Route

from pullsvc.db import Database, sql
from tests.factories import all_rows
from tests.frontend.conftest import watched
from tests.frontend.hands import Device, expect
from tests.frontend.shop import WARES, asked, stock_shop
from tests.frontend.test_offline import claim
from tests.frontend.test_sign_in import type_pin
from tests.frontend.test_work import in_tub
from tests.waiting import until

MILK = WARES["1001"][2]
KEPT_AND_SHOWN_JS = """
async () => {
  const { database } = await import(`/app/${document.body.dataset.build}/core/store.js`);
  for (const _ of "twice") {
    await (await database).count("cache");
    await new Promise((shown) => requestAnimationFrame(() => setTimeout(shown)));
  }
}
"""
PATIENCE_S = 40  # Longer than the app ever waits between two tries.
NOT_YOURS = "This tub is not yours any more"
GIVEN_TO_CID = sql("""
    UPDATE tasks SET fence = fence + 1, claimed_by = (SELECT principal_id FROM principals WHERE name = 'Cid')
""")


@pytest.fixture
async def shop(service: str, db: Database, store: int) -> Database:
    """The store with two shelves asked for."""
    await stock_shop(db)
    await asked(service, db, "1001", "1003")
    return db


async def goes_to(page: Page, path: str) -> None:
    """To another screen of the app, without a reload."""
    await page.evaluate("(path) => { location.hash = `#/${path}`; }", path)


async def another_comes(device: Device, badge: str, name: str) -> None:
    """On the same device, by its own screens, without a reload."""
    await goes_to(device.page, "settings")
    await device.tap("Lock")
    await device.tap("Somebody else")
    await device.sees("Scan your badge")
    await device.scan(badge)
    await type_pin(device)
    await device.sees("You and this device")
    await expect(device.page.get_by_text(name, exact=True).first).to_be_visible()


def holds(shop: Database, what: dict[str, int]) -> Callable[[], Awaitable[bool]]:
    """Whether that is what the service knows to be in the tub."""

    async def is_so() -> bool:
        return await in_tub(shop) == what

    return is_so


async def all_settled(page: Page) -> None:
    """Wait until what the page has just been answered is shown."""
    await page.wait_for_load_state("networkidle")
    await page.evaluate(KEPT_AND_SHOWN_JS)


class TestTub:
    async def test_that_was_given_to_somebody_else_takes_no_scan_any_more(
        self, signed_in: Page, device: Device, shop: Database
    ) -> None:
        """The lead gives Ben's tub to Cid: Ben's next scan is refused, and none may be booked in Cid's tub after it."""
        await claim(device)
        await device.scan(MILK)
        await device.sees("The other 7")
        await device.all_sent()
        async with shop.begin() as tx:
            await tx.run(GIVEN_TO_CID)
        await device.scan(MILK)
        await expect(signed_in.locator(".badge.attention")).to_be_visible()
        await device.sees(NOT_YOURS, "Somebody else goes on with it.")
        await device.scan(MILK)
        await device.tap("Continue")

        await device.sees("Nothing to pull")
        await all_settled(signed_in)
        assert await in_tub(shop) == {"1001": 1}

    async def test_is_not_in_the_hands_of_who_comes_next_and_still_there_for_who_comes_back(
        self, signed_in: Page, device: Device, shop: Database
    ) -> None:
        await claim(device)
        await device.scan(MILK)
        await device.sees("The other 7")
        await device.all_sent()
        await another_comes(device, "B-CID", "Cid")
        await goes_to(signed_in, "work")
        await device.sees("Nothing to pull")
        await device.scan(MILK)
        await another_comes(device, "B-BEN", "Ben")
        await signed_in.reload()
        await device.goes_offline()
        await goes_to(signed_in, "work")

        await device.sees("The other 7")
        await device.comes_back()
        await device.all_sent()
        assert await in_tub(shop) == {"1001": 1}

    async def test_shows_what_another_tab_was_answered(
        self, signed_in: Page, device: Device, service: str, shop: Database
    ) -> None:
        """The other tab has another screen open, and sends what was scanned here."""
        await claim(device)
        other = await signed_in.context.new_page()
        complaints = watched(other)
        await Device(other, service).open()
        await device.goes_offline()
        for left in (7, 6, 5):
            await device.scan(MILK)
            await device.sees(f"The other {left}")
        await signed_in.route("**/picks", lambda route: route.abort())
        await device.comes_back()

        async with asyncio.timeout(PATIENCE_S):
            await until(holds(shop, {"1001": 3}))
        await device.all_sent()
        await device.sees("The other 5")
        assert complaints == []

    async def test_keeps_what_was_picked_before_somebody_else_had_the_device_for_a_moment(
        self, signed_in: Page, device: Device, shop: Database
    ) -> None:
        await claim(device)
        await signed_in.route("**/picks", lambda route: route.fulfill(status=503, body=""))
        for left in (7, 6, 5):
            await device.scan(MILK)
            await device.sees(f"The other {left}")
        await another_comes(device, "B-CID", "Cid")
        await another_comes(device, "B-BEN", "Ben")
        await goes_to(signed_in, "work")
        await device.sees("The other 5")
        await signed_in.unroute("**/picks")

        async with asyncio.timeout(PATIENCE_S):
            await until(holds(shop, {"1001": 3}))
        await device.all_sent()
        await device.sees("The other 5")


class TestLateAnswer:
    async def test_to_a_scan_at_home_leads_nobody_away_from_where_they_went(
        self, signed_in: Page, device: Device, shop: Database
    ) -> None:
        """Nor does it claim a tub for somebody who went to count."""
        go_on = asyncio.Event()

        async def slow(route: Route) -> None:
            await go_on.wait()
            await route.continue_()

        await device.open()
        await signed_in.route("**/lookup?**", slow)
        async with signed_in.expect_request("**/lookup?**"):
            await device.scan("TUB-0042")
        await device.tap("Count")
        await device.sees("Scan a bin or shelf")
        async with signed_in.expect_response("**/tubs/TUB-0042"):
            go_on.set()
        await all_settled(signed_in)

        await device.sees("Scan a bin or shelf")
        assert await all_rows(shop, "tasks") == []

    async def test_about_a_gap_leaves_the_walk_to_who_began_it(
        self, signed_in: Page, device: Device, shop: Database
    ) -> None:
        go_on = asyncio.Event()

        async def slow(route: Route) -> None:
            answer = await route.fetch()
            await go_on.wait()
            await route.fulfill(response=answer)

        await device.open("walk")
        await signed_in.route("**/balances?**", slow)
        async with signed_in.expect_request("**/balances?**"):
            await device.scan(MILK)
        await another_comes(device, "B-CID", "Cid")
        async with signed_in.expect_event("requestfinished", lambda one: "/balances?" in one.url):
            go_on.set()
        await all_settled(signed_in)
        await goes_to(signed_in, "walk")
        await device.sees("Scan every gap you see")

        await another_comes(device, "B-BEN", "Ben")
        await goes_to(signed_in, "walk")
        await device.sees(MILK)

    async def test_of_a_tub_for_the_floor_leaves_the_one_being_filled(
        self, signed_in: Page, device: Device, service: str, shop: Database
    ) -> None:
        await claim(device)
        await device.tap("All 8")
        await device.sees("BR-D-02-1")
        await device.tap("All 8")
        await device.scan("LANE-1")
        await device.sees("TUB-0042 stands in LANE-1")
        await device.all_sent()
        await asked(service, shop, "1002")
        await device.tap("Next tub")
        await device.scan("TUB-0043")
        await device.sees("Butter")
        go_on = asyncio.Event()

        async def slow(route: Route) -> None:
            await go_on.wait()
            await route.continue_()

        await signed_in.route("**/delivery", slow)
        await device.open("put-away")
        async with signed_in.expect_request("**/delivery"):
            await device.tap("TUB-0042")
        await goes_to(signed_in, "work")
        await device.sees("Butter")
        async with (
            signed_in.expect_response("**/items?*sku=1001*"),
            signed_in.expect_response("**/locations?kind=lane*"),
        ):
            go_on.set()  # What is in the late one is asked for, too.
        await all_settled(signed_in)
        await expect(signed_in.get_by_text(NOT_YOURS)).to_have_count(0)
        await device.scan(WARES["1002"][2])
        await device.sees("The other 7")

        await goes_to(signed_in, "put-away")
        await device.sees("TUB-0042", "A03-4")
