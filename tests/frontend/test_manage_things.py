"""The manager's pages of things: places, tubs, and codes that no item has."""

from pathlib import Path

import pypdfium2
from playwright.async_api import Page

from pullsvc.access.rules import Role
from pullsvc.db import Database
from tests.factories import NOON, all_rows, key
from tests.frontend.hands import Device, expect, show
from tests.frontend.noon import Shop

PHONE = {"width": 360, "height": 640}


class TestPlaces:
    async def test_makes_one_and_takes_it_out_of_use_and_back(
        self, desk: Page, mia: Device, shop: Shop, db: Database, artifacts: Path
    ) -> None:
        await desk.set_viewport_size(PHONE)  # type: ignore[arg-type]  # width and height
        await mia.open("manage/places")
        await mia.tap("New place")
        await desk.get_by_label("Name, as on its label").fill("BR-Q-01")
        await desk.get_by_label("Zone").fill("Q")
        await show(desk, artifacts, "manage-place-new", themes=["light"])
        await desk.get_by_role("dialog").get_by_role("button", name="New place").click()
        await mia.tap("BR-Q-01")
        await mia.tap("Take out of use")
        out = desk.get_by_text("Out of use", exact=True)
        await expect(out).to_be_visible()
        assert [row["location"] for row in await all_rows(db, "locations", active=False)] == ["BR-Q-01"]

        await mia.tap("Undo")

        await expect(out).to_have_count(0)
        (row,) = await all_rows(db, "locations", location="BR-Q-01")
        assert (row["kind"], row["zone"], row["active"]) == ("backroom", "Q", True)


class TestCodes:
    async def test_takes_one_off_the_list_and_back(
        self, desk: Page, mia: Device, shop: Shop, db: Database, artifacts: Path
    ) -> None:
        line = {"line_no": 1, "code": "4006381333931", "quantity": 2, "kind": "sale"}
        sold = {"business_date": "2026-03-14", "register": "1", "sequence": 1, "revision": 1, "lines": [line]}
        till = {"Authorization": f"Bearer {await key(db, role=Role.POS)}"}
        sold["occurred_at"] = NOON.isoformat()
        answer = await shop.client.post("receipts", json=sold, headers=till)
        assert answer.is_success, answer.text
        await mia.open("manage/codes")
        await mia.sees("04006381333931")
        await show(desk, artifacts, "manage-codes-one", themes=["light"])
        await mia.tap("No item", exact=True)
        await mia.sees("Every code that was sold belongs to an item.")

        await mia.tap("Undo")

        await mia.sees("04006381333931")
        assert [row["state"] for row in await all_rows(db, "unknown_codes")] == ["open"]


class TestTubs:
    async def test_makes_new_ones_and_prints_their_labels(
        self, desk: Page, mia: Device, shop: Shop, db: Database, artifacts: Path
    ) -> None:
        await desk.set_viewport_size(PHONE)  # type: ignore[arg-type]  # width and height
        await mia.open("manage/tubs")
        await mia.tap("New tubs")
        await desk.get_by_label("How many").fill("2")
        await show(desk, artifacts, "manage-tubs-new", themes=["light"])
        await mia.tap("Make 2 tubs")
        await mia.sees("2 new tubs")
        before, *made = [row["tub"] for row in await all_rows(db, "tubs")][-3:]
        await show(desk, artifacts, "manage-tubs-made", themes=["light"])
        async with desk.expect_download() as download:
            await mia.tap("Print 2 labels")

        document = pypdfium2.PdfDocument(await (await download.value).path())
        text = document[0].get_textpage().get_text_range()
        document.close()
        assert ([plate in text for plate in made], before in text) == ([True, True], False)

    async def test_takes_one_out_of_use_and_back(self, desk: Page, mia: Device, shop: Shop, db: Database) -> None:
        await mia.open("manage/tubs")
        await mia.tap("TUB-0003")
        await mia.tap("Take out of use")
        out = desk.get_by_text("Out of use", exact=True)
        await expect(out).to_be_visible()
        assert [row["tub"] for row in await all_rows(db, "tubs", active=False)] == ["TUB-0003"]

        await mia.tap("Undo")

        await expect(out).to_have_count(0)
        assert all(row["active"] for row in await all_rows(db, "tubs"))
