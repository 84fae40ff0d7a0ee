"""Fill a tub: from the preview to the lane, by hand, by trigger alone, and without a network."""

from pathlib import Path

import pytest
from playwright.async_api import Page

from pullsvc.db import Database, sql
from tests.factories import all_rows
from tests.frontend.hands import Device, show
from tests.frontend.shop import WARES, asked, stock_shop

UNBOUND = sql("UPDATE tasks SET tub = NULL, state = 'claimed'")
LEFT = sql("UPDATE tasks SET state = 'abandoned'")


@pytest.fixture
async def shop(service: str, db: Database, store: int) -> Database:
    """The store with three shelves asked for."""
    await stock_shop(db)
    await asked(service, db, "1001", "1003")
    await asked(service, db, "1004", reason="customer_waiting", qty=1)
    return db


async def in_tub(db: Database) -> dict[str, int]:
    return {b["sku"]: b["qty"] for b in await all_rows(db, "balances", kind="tub") if b["qty"]}


class TestWork:
    async def test_from_the_next_tub_to_the_lane(
        self, signed_in: Page, device: Device, shop: Database, artifacts: Path
    ) -> None:
        await device.open("work")
        await device.sees("Scan an empty tub to start", "BR-C-01-1")
        await show(signed_in, artifacts, "work-next")
        await device.scan("TUB-0042")

        await device.sees("BR-C-01-1", "Whole milk 1 l")
        await show(signed_in, artifacts, "work-line")
        await device.scan("BR-C-01-1")
        await device.sees("Right place")
        await device.scan(WARES["1001"][2])
        await device.tap("The other 7")

        await device.sees("Ground coffee")
        await show(signed_in, artifacts, "work-line-next")
        await device.scan("14006381333952")
        await device.sees("Dishwasher tabs")
        await device.scan(WARES["1004"][2])

        await device.sees("Scan the lane")
        await show(signed_in, artifacts, "work-lane")
        await device.scan("LANE-1")
        await device.sees("TUB-0042 stands in LANE-1")
        await show(signed_in, artifacts, "work-staged")
        await device.scan("LANE-2")  # The wrong lane was scanned.
        await device.sees("TUB-0042 stands in LANE-2")
        await device.all_sent()
        assert await in_tub(shop) == {"1001": 8, "1003": 8, "1004": 1}
        assert [(t["state"], t["lane"]) for t in await all_rows(shop, "tasks")] == [("staged", "LANE-2")]

    async def test_begins_with_a_tub_that_nobody_has_used_yet(
        self, signed_in: Page, device: Device, shop: Database, artifacts: Path
    ) -> None:
        """Scanned on the first screen; and, by another worker, for a job that was taken without one."""
        await device.open()
        await device.scan("TUB-0099")
        await device.sees("TUB-0099: a new tub?")
        await show(signed_in, artifacts, "work-new-tub", themes=["light"])
        await device.tap("60 l, up to 20 kg")
        await device.sees("0 of 3")
        assert "TUB-0099" in {row["tub"] for row in await all_rows(shop, "tubs")}
        async with shop.begin() as tx:
            await tx.run(UNBOUND)
        await signed_in.reload()
        await device.sees("Scan the tub you fill")

        await device.scan("TUB-0100")
        await device.tap("60 l, up to 20 kg")

        await device.all_sent()
        assert [row["tub"] for row in await all_rows(shop, "tasks")] == ["TUB-0100"]

    async def test_tells_why_a_line_is_wanted(
        self, signed_in: Page, device: Device, service: str, db: Database, store: int, artifacts: Path
    ) -> None:
        await stock_shop(db)
        await asked(service, db, "1001", reason="customer_waiting", note="the blue ones", requester="Ana")
        await device.open("work")
        await device.scan("TUB-0042")
        await device.tap("Why this one?")

        await device.sees("Ana asked at", "A customer is waiting", "the blue ones")
        await show(signed_in, artifacts, "work-why")

    async def test_goes_on_with_a_tub_that_was_left(
        self, signed_in: Page, device: Device, shop: Database, artifacts: Path
    ) -> None:
        await device.open("work")
        await device.scan("TUB-0042")
        await device.sees("Whole milk 1 l")
        await device.tap("All 8")
        await device.tap("Back")
        await device.sees("Leave this tub?")
        await show(signed_in, artifacts, "work-leave")
        await device.tap("Just a moment")
        await device.sees("Hello, Ben")
        await device.all_sent()
        async with shop.begin() as tx:
            await tx.run(LEFT)
        await device.tap("Fill a tub")
        await device.sees("You were away for long")
        await show(signed_in, artifacts, "work-left")
        await device.tap("Go on with it")

        await device.sees("BR-D-02-1")

    async def test_says_so_when_there_is_nothing_to_pull(
        self, signed_in: Page, device: Device, store: int, artifacts: Path
    ) -> None:
        await device.open("work")
        await device.sees("Nothing to pull")
        await show(signed_in, artifacts, "work-none")


class TestPutAway:
    async def test_from_the_lane_to_an_empty_tub(
        self, signed_in: Page, device: Device, shop: Database, artifacts: Path
    ) -> None:
        await device.open("work")
        await fill(device)
        await device.open("put-away")
        await device.sees("LANE-1")
        await show(signed_in, artifacts, "put-tubs")
        await device.scan("TUB-0042")

        await device.sees("A03-4", "Ground coffee")
        await show(signed_in, artifacts, "put-line")
        await device.scan("A03-4")
        await device.sees("A07-1")
        await device.tap("Did not fit")
        await show(signed_in, artifacts, "put-did-not-fit")
        await device.tap("One less")
        await device.tap("7 back to the backroom")
        await device.sees("A11-2")
        await device.scan(WARES["1004"][2])

        await device.sees("TUB-0042 is empty")
        await device.all_sent()
        await show(signed_in, artifacts, "put-done")
        assert await in_tub(shop) == {}
        lines = {x["sku"]: (x["qty_put"], x["qty_returned"]) for x in await all_rows(shop, "task_lines")}
        assert lines == {"1001": (1, 7), "1003": (8, 0), "1004": (1, 0)}
        assert [t["state"] for t in await all_rows(shop, "tasks")] == ["closed"]


async def fill(device: Device) -> None:
    """Fill TUB-0042 with all there is, and stage it."""
    await device.scan("TUB-0042")
    await device.sees("BR-C-01-1")
    await device.tap("All 8")
    await device.sees("BR-D-02-1")
    await device.tap("All 8")
    await device.sees("BR-D-03-3")
    await device.tap("Took it")
    await device.scan("LANE-1")
    await device.sees("TUB-0042 stands in LANE-1")
    await device.all_sent()
