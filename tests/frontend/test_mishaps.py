"""What goes wrong on a device that is not used as meant: two tabs, two people, a full disk, a wrong clock."""

from datetime import timedelta

import pytest
from playwright.async_api import Page, Route

from pullsvc.db import Database
from tests.factories import all_rows
from tests.frontend.conftest import watched
from tests.frontend.goods import knows_the_range
from tests.frontend.hands import Device, expect, sign_in
from tests.frontend.shop import asked, stock_shop
from tests.waiting import until

NO_ROOM_JS = """
() => {
  IDBObjectStore.prototype.add = () => { throw new DOMException("no room", "QuotaExceededError"); };
}
"""
NO_ROOM_IN_JS = """
(stores) => {
  const put = IDBObjectStore.prototype.put;
  IDBObjectStore.prototype.put = function (...given) {
    if (stores.includes(this.name)) throw new DOMException("no room", "QuotaExceededError");
    return put.apply(this, given);
  };
}
"""
SLOW_CLOCK_JS = """
const [RealDate, behind] = [Date, 5 * 3600 * 1000];
Date = class extends RealDate {
  constructor(...given) { given.length ? super(...given) : super(RealDate.now() - behind); }
  static now() { return RealDate.now() - behind; }
};
"""
LISTEN_JS = """
() => {
  const tabs = new BroadcastChannel("session");
  let [tell, told] = [];
  const wait = () => { told = new Promise((resolve) => { tell = resolve; }); };
  wait();
  tabs.onmessage = () => tell();
  globalThis.heard = () => told.then(wait);
}
"""
MILK = "4006381333931"


async def ask(device: Device) -> None:
    await device.open("ask")
    await device.scan(MILK)
    await device.tap("Ask for it")


class TestTwoTabs:
    async def test_what_one_person_left_is_never_sent_by_another(
        self, signed_in: Page, device: Device, service: str, db: Database
    ) -> None:
        """Ben's tab stays open while Cid signs in on another tab of the same browser."""
        await stock_shop(db)
        await device.open("ask")
        await device.scan(MILK)
        await device.sees("Whole milk 1 l")
        other = await signed_in.context.new_page()
        await other.goto(f"{service}/livez")
        await sign_in(other, "B-CID")

        await device.tap("Ask for it")
        await device.open()

        await device.sees("Hello, Cid")
        assert await all_rows(db, "asks") == []
        await expect(signed_in.locator(".badge")).to_contain_text("1")

    async def test_hands_on_one_keep_the_other_awake(self, signed_in: Page, device: Device, service: str) -> None:
        """The board in one tab, the store's pages in another: whoever works in one is there."""
        await signed_in.clock.install()
        await device.open()
        await device.sees("Hello, Ben")
        await knows_the_range(signed_in)
        other = await signed_in.context.new_page()
        complaints = watched(other)
        await Device(other, service).open()

        await signed_in.evaluate(LISTEN_JS)
        for _ in range(2):
            await signed_in.clock.fast_forward(7 * 60 * 1000)  # Of all pages of the browser.
            await other.keyboard.press("Shift")
            await signed_in.evaluate("() => globalThis.heard()")

        await device.sees("Hello, Ben")
        assert complaints == []


class TestLocked:
    async def test_stays_locked_without_a_network(self, signed_in: Page, device: Device) -> None:
        """Else whoever finds a locked handheld could start it anew in the cold store, and scan in its owner's name."""
        await device.open("settings")
        await device.keeps_the_app()
        await device.goes_offline()
        await device.tap("Lock")
        await device.sees("Ben: locked")

        await signed_in.reload()
        await device.is_ready()

        await device.sees("Ben: locked")
        await device.comes_back()  # Where the service has not heard of the lock.
        await signed_in.reload()
        await device.is_ready()
        await device.sees("Ben: locked")


class TestAddress:
    @pytest.mark.parametrize("odd", ["constructor", "%E0%A4%A"])
    async def test_that_is_none_leads_to_the_first_screen(self, signed_in: Page, device: Device, odd: str) -> None:
        await device.open(odd)

        await device.sees("Hello, Ben")


class TestTubInTheAddress:
    async def test_is_not_claimed_again_when_it_stands_in_its_lane(
        self, signed_in: Page, device: Device, service: str, db: Database
    ) -> None:
        await stock_shop(db)
        await asked(service, db, "1001")
        await device.open()
        await device.scan("TUB-0042")
        await device.tap("All 8")
        await device.scan("LANE-1")
        await device.sees("TUB-0042 stands in LANE-1")
        await device.all_sent()
        await asked(service, db, "1002")
        await device.tap("Next tub")

        await device.sees("Scan an empty tub to start")
        await signed_in.wait_for_load_state("networkidle")
        await expect(signed_in.get_by_role("alert")).to_have_count(0)

    async def test_does_not_claim_the_job_again_that_was_given_back(
        self, signed_in: Page, device: Device, service: str, db: Database
    ) -> None:
        await stock_shop(db)
        await asked(service, db, "1001")
        await device.open()
        await device.scan("TUB-0042")
        await device.sees("BR-C-01-1")
        await asked(service, db, "1003")
        await device.tap("Not enough")
        await device.tap("Can't reach it")
        await device.sees("Nothing in the tub")
        await device.all_sent()
        claims: list[str] = []
        signed_in.on("request", lambda request: claims.append(request.url) if "/claims" in request.url else None)
        await device.tap("Give the job back")

        await device.sees("Scan an empty tub to start")
        assert claims == []
        assert len(await all_rows(db, "tasks")) == 1

    async def test_is_not_put_away_again_when_it_is_empty(
        self, signed_in: Page, device: Device, service: str, db: Database
    ) -> None:
        await stock_shop(db)
        await asked(service, db, "1001")
        await device.open("work")
        await device.scan("TUB-0042")
        await device.tap("All 8")
        await device.scan("LANE-1")
        await device.sees("TUB-0042 stands in LANE-1")
        await device.all_sent()
        await device.open()
        await device.scan("TUB-0042")
        await device.tap("All 8 on the shelf")
        await device.sees("TUB-0042 is empty")
        await device.all_sent()
        await device.tap("Next tub")

        await device.sees("Scan the tub you bring to the floor")
        await signed_in.wait_for_load_state("networkidle")
        await expect(signed_in.get_by_role("alert")).to_have_count(0)


class TestNoRoom:
    async def test_is_said_and_not_taken_for_done(self, signed_in: Page, device: Device, db: Database) -> None:
        await stock_shop(db)
        await device.open("ask")
        await device.scan(MILK)
        await device.sees("Whole milk 1 l")
        await signed_in.evaluate(NO_ROOM_JS)

        await device.tap("Ask for it")

        await device.sees("Not saved")
        assert await all_rows(db, "asks") == []

    async def test_to_keep_an_answer_leaves_the_answer(self, signed_in: Page, device: Device, db: Database) -> None:
        await stock_shop(db)
        await device.open("find")
        await knows_the_range(signed_in)
        await signed_in.evaluate(NO_ROOM_IN_JS, ["cache"])
        await device.scan(MILK)

        await device.sees("A07-1")

    async def test_for_a_claimed_tub_still_shows_it(
        self, signed_in: Page, device: Device, service: str, db: Database
    ) -> None:
        await stock_shop(db)
        await asked(service, db, "1001")
        await device.open("work")
        await device.sees("Take this job")
        await knows_the_range(signed_in)
        await signed_in.evaluate(NO_ROOM_IN_JS, ["cache", "notes"])
        await device.scan("TUB-0042")

        await device.sees("Whole milk 1 l")

    async def test_for_a_gap_of_a_walk_is_said(self, signed_in: Page, device: Device, db: Database) -> None:
        await stock_shop(db)
        await device.open("walk")
        await knows_the_range(signed_in)
        await signed_in.evaluate(NO_ROOM_IN_JS, ["notes"])
        await device.scan(MILK)

        await device.sees("Not saved")


class TestClock:
    async def test_learnt_once_is_known_without_a_network(
        self, signed_in: Page, device: Device, service: str, db: Database
    ) -> None:
        """A handheld five hours behind, started anew where there is no network: what it books happened now."""
        await stock_shop(db)
        await asked(service, db, "1001")
        await signed_in.add_init_script(SLOW_CLOCK_JS)
        await device.open("work")
        await device.keeps_the_app()
        await device.scan("TUB-0042")
        await device.sees("Whole milk 1 l")
        await device.all_sent()
        await device.goes_offline()
        await signed_in.reload()
        await device.sees("Whole milk 1 l")

        await device.tap("All 8")
        await device.comes_back()
        await device.all_sent()

        (picked,) = [move for move in await all_rows(db, "movements") if move["cause"] == "pick" and move["qty"] > 0]
        assert abs(picked["occurred_at"] - picked["recorded_at"]) < timedelta(minutes=2)


class TestMiddleman:
    async def test_that_answers_in_the_services_stead_loses_nothing(
        self, signed_in: Page, device: Device, db: Database
    ) -> None:
        """A page of somebody's Wi-Fi or proxy, with status 200."""
        await stock_shop(db)
        told: list[str] = []

        async def welcome(route: Route) -> None:
            told.append(route.request.url)
            await route.fulfill(status=200, content_type="text/html", body="<h1>Welcome</h1>")

        await signed_in.route("**/asks", welcome)
        await ask(device)

        async def heard() -> bool:
            return bool(told)

        await until(heard)
        await signed_in.unroute("**/asks")

        await device.all_sent()
        assert len(await all_rows(db, "asks")) == 1
