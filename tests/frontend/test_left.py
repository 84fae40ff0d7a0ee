"""Acts that cannot go: of somebody who does not come back, or behind one that the service trips over."""

from collections import Counter
from pathlib import Path

import pytest
from playwright.async_api import Page, Route, expect

from pullsvc.db import Database
from tests.factories import all_rows
from tests.frontend.goods import knows_the_range
from tests.frontend.hands import Device, show, sign_in
from tests.frontend.shop import WARES, asked, stock_shop
from tests.frontend.test_offline import claim
from tests.frontend.test_work import in_tub
from tests.waiting import until

PAUSE_MS = 40_000  # Longer than the app ever waits between two tries.
TRIES = 6
TRIES_JS = """
async () => {
  const { database } = await import(`/app/${document.body.dataset.build}/core/store.js`);
  const all = async (name) => (await database).getAll(name);
  const [waiting, refused] = [await all("outbox"), await all("attention")];
  return Math.max(...waiting.map((act) => act.tries), refused.length * 1000);
}
"""


@pytest.fixture
async def shop(service: str, db: Database, store: int) -> Database:
    """The store with two shelves asked for."""
    await stock_shop(db)
    await asked(service, db, "1001", "1003")
    return db


async def signs_in(page: Page, device: Device, badge: str, hello: str) -> None:
    """Somebody signs in on the device, and the app is opened."""
    await sign_in(page, badge)
    await page.goto("/livez")
    await device.open()
    await device.sees(hello)


class TestOfSomebodyWhoLeft:
    async def test_is_told_by_name_and_only_a_lead_takes_it_off_once_it_is_saved(
        self, signed_in: Page, device: Device, shop: Database, artifacts: Path
    ) -> None:
        """Ben's pick waits; Cid can do nothing about it, Lea keeps it in a file. Nothing is booked in their names."""
        await signed_in.route("**/picks", lambda route: route.abort())
        await claim(device)
        await device.scan(WARES["1001"][2])
        await device.sees("The other 7")
        await signs_in(signed_in, device, "B-CID", "Hello, Cid")
        await signed_in.unroute("**/picks")
        await device.open("tray")
        await device.sees("1 scan of Ben", "Whole milk 1 l", "Tell your lead if Ben does not come back.")
        await expect(device.named("Take off")).to_have_count(0)
        await device.tap("Back")
        await device.tap("You and this device")
        await device.tap("Sign out")
        await device.sees("1 scan of Ben waits on this device")
        await show(signed_in, artifacts, "sign-in-left", themes=["light"])

        await signs_in(signed_in, device, "B-LEA", "Hello, Lea")
        await device.open("tray")
        await expect(device.named("Take off")).to_be_disabled()
        await show(signed_in, artifacts, "tray-left")
        async with signed_in.expect_download() as download:
            await device.tap("Save as a file")
        saved = (await (await download.value).path()).read_text()
        await device.tap("Take off")
        await device.sees("1 scan of Ben will never be booked")
        await show(signed_in, artifacts, "tray-left-sure", themes=["light"])
        await signed_in.get_by_role("dialog").get_by_role("button", name="Take off").click()

        await device.sees("All sent")
        assert '"Ben","1 × Whole milk 1 l into the tub"' in saved
        assert await in_tub(shop) == {}


class TestBehindAMistake:
    async def test_waits_in_its_task_while_others_go_on(
        self, signed_in: Page, device: Device, shop: Database, artifacts: Path
    ) -> None:
        """Staged without what was picked, the tub would be short of it for ever."""
        tried = Counter[str]()

        async def stumble(route: Route) -> None:
            tried[route.request.headers["idempotency-key"]] += 1
            await route.fulfill(status=500, json={"code": "internal-error"}, content_type="application/problem+json")

        await signed_in.clock.install()
        await claim(device)
        await signed_in.route("**/picks", stumble)
        await device.tap("All 8")
        await device.sees("BR-D-02-1")
        await device.scan("CMD:CASE")
        await device.sees("Scan the lane")
        await device.scan("LANE-1")
        await device.sees("TUB-0042 stands in LANE-1")
        await device.open("ask")
        await device.scan(WARES["1005"][2])
        await device.tap("Ask for it")
        await knows_the_range(signed_in)
        for n in range(1, TRIES):

            async def failed(times: int = n) -> bool:
                return bool(await signed_in.evaluate(TRIES_JS) >= times)

            assert await until(failed)
            await signed_in.clock.fast_forward(PAUSE_MS)

        await expect(signed_in.locator(".badge.attention")).to_be_visible()
        assert len(tried) == 1

        async def is_asked() -> bool:
            return "1005" in {row["sku"] for row in await all_rows(shop, "pulls")}

        assert await until(is_asked)
        await device.open("tray")
        await device.sees("A mistake of ours", "2 scans that you made after it wait until you decide.")
        await show(signed_in, artifacts, "tray-held")
        assert await in_tub(shop) == {}
        await signed_in.unroute("**/picks")
        await device.tap("Try again")

        await device.all_sent()
        assert await in_tub(shop) == {"1001": 8, "1003": 8}
        assert [row["state"] for row in await all_rows(shop, "tasks")] == ["staged"]
