"""Bad Wi-Fi, dead batteries, a service that dies in the middle: nothing is lost, nothing is done twice."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, Route

from pullsvc.audit import audit
from pullsvc.db import Database, sql
from tests.factories import all_rows
from tests.frontend.conftest import enrol, new_context, watched
from tests.frontend.hands import Device, expect, show, sign_in
from tests.frontend.shop import WARES, asked, stock_shop
from tests.frontend.test_work import in_tub
from tests.serving import serving
from tests.waiting import until

# The last key and the reload in one go: the page has no moment to wait for anything.
SCAN_AND_RELOAD_JS = """
(code) => {
  const press = (key) => document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  [...code, "Enter"].forEach(press);
  location.reload();
}
"""
TAKEN_OVER = sql("UPDATE tasks SET fence = fence + 1")


@pytest.fixture
async def shop(service: str, db: Database, store: int) -> Database:
    """The store with two shelves asked for."""
    await stock_shop(db)
    await asked(service, db, "1001", "1003")
    return db


async def claim(device: Device) -> None:
    await device.open("work")
    await device.keeps_the_app()
    await device.scan("TUB-0042")
    await device.sees("Whole milk 1 l")
    await device.all_sent()


class TestOffline:
    async def test_for_the_whole_tub_and_back(
        self, signed_in: Page, device: Device, shop: Database, artifacts: Path
    ) -> None:
        """Into the freezer without a network: picked, reported short, taken back, staged, with a reload in between."""
        await claim(device)
        await device.goes_offline()
        await device.scan(WARES["1001"][2])
        await device.sees("Offline")
        await device.tap("The other 7")
        await device.sees("BR-D-02-1")
        await show(signed_in, artifacts, "work-offline", themes=["light"])
        await signed_in.reload()
        await device.sees("BR-D-02-1")
        await device.scan("CMD:CASE")
        await device.sees("Scan the lane")
        await device.scan("LANE-1")
        await device.sees("TUB-0042 stands in LANE-1")
        assert await in_tub(shop) == {}
        await device.comes_back()

        await device.all_sent()
        assert await in_tub(shop) == {"1001": 8, "1003": 8}
        assert [t["state"] for t in await all_rows(shop, "tasks")] == ["staged"]
        assert (await audit(shop)).holds

    async def test_refuses_a_claim_politely(
        self, signed_in: Page, device: Device, shop: Database, artifacts: Path
    ) -> None:
        await device.open("work")
        await device.sees("Take this job")
        await device.goes_offline()
        await device.scan("TUB-0042")

        await expect(signed_in.get_by_role("alert")).to_contain_text("Walk to where there is reception")
        await show(signed_in, artifacts, "work-next-offline")
        assert await all_rows(shop, "tasks") == []

    async def test_says_why_a_job_cannot_be_given_back(self, signed_in: Page, device: Device, shop: Database) -> None:
        await claim(device)
        await device.goes_offline()
        await device.tap("Back", exact=True)
        await device.tap("Give the job back")

        await expect(signed_in.get_by_role("alert")).to_be_visible()
        await expect(signed_in.get_by_role("dialog")).to_be_visible()

    async def test_keeps_what_is_refused_until_somebody_saw_it(
        self, signed_in: Page, device: Device, shop: Database, artifacts: Path
    ) -> None:
        """Somebody else took the tub over meanwhile."""
        await claim(device)
        await device.goes_offline()
        await device.scan(WARES["1001"][2])
        await device.sees("The other 7")
        async with shop.begin() as tx:
            await tx.run(TAKEN_OVER)
        await device.comes_back()

        await expect(signed_in.locator(".badge.attention")).to_be_visible()
        await device.open("tray")
        await device.sees("Needs a look", "Whole milk 1 l")
        await show(signed_in, artifacts, "tray-refused")
        await signed_in.reload()
        await device.tap("Seen to it")
        await device.sees("All sent")
        assert await in_tub(shop) == {}


class TestLostAnswers:
    async def test_are_asked_for_again_and_the_act_counts_once(
        self, signed_in: Page, device: Device, shop: Database
    ) -> None:
        await claim(device)
        lost = Counter[str]()

        async def lose_the_first(route: Route) -> None:
            key = route.request.headers["idempotency-key"]
            lost[key] += 1
            if lost[key] > 1:
                await route.continue_()
            else:
                await route.fetch()
                await route.abort()

        await signed_in.route("**/picks", lose_the_first)
        await device.tap("All 8")
        await device.sees("BR-D-02-1")

        await device.all_sent()
        assert set(lost.values()) == {2}
        assert await in_tub(shop) == {"1001": 8}

    async def test_of_a_service_that_was_killed_after_its_commit(
        self, browser: Browser, db: Database, database_url: str, store: int, tmp_path: Path
    ) -> None:
        await stock_shop(db)
        async with await new_context(browser, "http://localhost") as context:
            with serving(database_url, tmp_path, "--no-worker") as (process, address):
                local = address.replace("127.0.0.1", "localhost")
                page = await context.new_page()
                device = Device(page, local)
                await asked(local, db, "1001")
                await enrol(page, local, db, badge="B-BEN")
                await claim(device)

                async def kill(route: Route) -> None:
                    await route.fetch()
                    process.kill()
                    await asyncio.to_thread(process.wait)
                    await route.abort()

                await page.route("**/picks", kill)
                await device.tap("All 8")
                await device.sees("Offline")
                assert await in_tub(db) == {"1001": 8}
            await page.unroute("**/picks")
            complaints = watched(page)
            port = address.rpartition(":")[2]
            with serving(database_url, tmp_path, "--no-worker", "--port", port):
                await page.reload()
                await device.sees("Scan the lane")

                await device.all_sent()
                assert await in_tub(db) == {"1001": 8}
                moved = Counter(m["cause"] for m in await all_rows(db, "movements"))
                assert moved["pick"] == 1
                assert complaints == []


class TestOtherHands:
    async def test_never_send_what_somebody_else_did(self, signed_in: Page, device: Device, shop: Database) -> None:
        """Cid signs in in another tab while a pick of Ben's waits; Ben's pick waits on, until Ben is back."""
        await claim(device)
        await device.goes_offline()
        await device.scan(WARES["1001"][2])
        await device.sees("Offline")
        other = await signed_in.context.new_page()
        await signed_in.route("**/picks", lambda route: route.abort())
        await device.comes_back()
        await other.goto("/livez")
        await sign_in(other, "B-CID")
        await device.open()
        await device.sees("Hello, Ben")
        await signed_in.unroute("**/picks")

        await expect(signed_in.get_by_text("Hello, Cid")).to_be_visible(timeout=20_000)
        assert await in_tub(shop) == {}
        await sign_in(other, "B-BEN")
        await signed_in.reload()
        await device.sees("Hello, Ben")
        await device.all_sent()
        assert await in_tub(shop) == {"1001": 1}


class TestReload:
    async def test_right_after_a_scan_loses_nothing(self, signed_in: Page, device: Device, shop: Database) -> None:
        await claim(device)
        await device.scan(WARES["1001"][2])
        for left in (7, 6, 5, 4, 3, 2):
            await device.sees(f"The other {left}")
            async with signed_in.expect_event("load"):
                await signed_in.evaluate(SCAN_AND_RELOAD_JS, "CMD:+1")

        await device.sees("The other 1")
        await device.all_sent()

        async def booked() -> bool:
            return await in_tub(shop) == {"1001": 7}

        assert await until(booked)
