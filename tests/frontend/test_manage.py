"""The manager's pages in a real browser: each shows what is there, changes it, and says what was refused."""

import re
from pathlib import Path
from typing import Any

import httpx
import pypdfium2
from playwright.async_api import Browser, Page

from pullsvc.db import Database
from pullsvc.web.limits import MAX_BULK_BODY_BYTES
from tests.access.people import OTHER_PIN
from tests.factories import all_rows
from tests.frontend.conftest import DESK, PATIENCE_MS, enrol, new_context
from tests.frontend.hands import Device, expect, show, stumbles
from tests.frontend.noon import Shop, sku_of
from tests.waiting import until

TABLET = {"width": 1024, "height": 768}
PHONE = {"width": 360, "height": 640}
SECTIONS = [
    "store",
    "placements",
    "places",
    "codes",
    "tubs",
    "people",
    "devices",
    "access",
    "keys",
    "watch",
    "discrepancies",
    "labels",
]
PAGES_OF_LEADS = ["Tubs", "People", "Devices", "Differences", "Unknown codes", "Labels"]
WRONG_PINS_JS = """
async ([badge, pin]) => {
  const tries = [];
  for (let n = 0; n < 5; n += 1) {
    const headers = { "Content-Type": "application/json" };
    const tried = await fetch("/v1/sessions", { method: "POST", body: JSON.stringify({ badge, pin }), headers });
    tries.push(tried.status);
  }
  return tries;
}
"""
FITS_JS = "() => [...document.querySelectorAll('.table-box')].every((box) => box.scrollWidth <= box.clientWidth)"
HEADER = "location,sku,capacity,presentation_min,facings,is_home"


class TestLooks:
    async def test_of_every_page(self, desk: Page, mia: Device, shop: Shop, artifacts: Path) -> None:
        await shop.post("counts", {"code": sku_of("Cola"), "location": "A-03-4", "counted_qty": 41}, by="lea")
        for name in SECTIONS:
            await mia.open(f"manage/{name}")
            await expect(desk.locator(".manage-section > *").first).to_be_visible()
            await expect(desk.get_by_text("Loading")).to_have_count(0)
            await show(desk, artifacts, f"manage-{name}")
            await desk.set_viewport_size(TABLET)  # type: ignore[arg-type]  # width and height
            assert await stumbles(desk) == []
            assert await desk.evaluate(FITS_JS), f"{name} has to be moved sideways"
            await desk.set_viewport_size(DESK)  # type: ignore[arg-type]  # the same

    async def test_on_a_phone(self, desk: Page, mia: Device, artifacts: Path) -> None:
        await desk.set_viewport_size(PHONE)  # type: ignore[arg-type]  # width and height
        await mia.open("manage")
        await mia.sees("Opening", "Labels")
        await show(desk, artifacts, "manage")
        for name in ("placements", "people", "watch"):
            await mia.open(f"manage/{name}")
            await expect(desk.locator(".manage-section > *").first).to_be_visible()
            await show(desk, artifacts, f"manage-{name}")
            assert await desk.evaluate(FITS_JS), f"{name} has to be moved sideways"


class TestStore:
    async def test_changes_its_hours(self, desk: Page, mia: Device, shop: Shop, db: Database) -> None:
        await mia.open("manage/store")
        await desk.get_by_label("Sunday").fill("8-12")
        await mia.sees("Write hours as 06:00-22:00")
        await desk.get_by_label("Sunday").fill("08:00-12:00, 13:00-18:00")

        await mia.tap("Save")

        await mia.sees("Saved")
        (row,) = await all_rows(db, "stores")
        assert '"sun": [["08:00", "12:00"], ["13:00", "18:00"]]' in str(row["opening_hours"]).replace("'", '"')


class TestPlacements:
    async def test_changes_many_lines_at_once(self, desk: Page, mia: Device, shop: Shop, db: Database) -> None:
        await mia.open("manage/placements")
        await desk.get_by_label("Fits, Whole milk 1 gal").fill("36")
        await desk.get_by_label("Fits, Bananas").fill("50")
        await mia.sees("2 lines changed")

        await mia.tap("Save")

        await mia.sees("2 lines saved")
        fits = {row["sku"]: row["capacity"] for row in await all_rows(db, "placements")}
        assert (fits[sku_of("Whole milk")], fits[sku_of("Bananas")]) == (36, 50)

    async def test_is_told_when_somebody_else_changed_one(self, desk: Page, mia: Device, shop: Shop) -> None:
        await mia.open("manage/placements")
        await desk.get_by_label("Fits, Bananas").fill("50")
        body = {"edits": [{"location": "P01-1", "sku": sku_of("Bananas"), "version": 1, "capacity": 44}]}
        answer = await shop.client.patch("placements", json=body, headers=shop.headers("mia"))
        assert answer.is_success, answer.text

        await mia.tap("Save")

        await expect(desk.get_by_role("alert")).to_be_visible()

    async def test_tries_a_file_before_it_is_saved(self, desk: Page, mia: Device, shop: Shop, db: Database) -> None:
        await mia.open("manage/placements")
        rows = f"{HEADER}\nP01-1,{sku_of('Bananas')},55,4,2,true\n"
        await desk.locator("input[type=file]").set_input_files(csv(rows))
        await mia.sees("Changed: 1.", "Nothing is saved yet.")
        assert await capacity(db, "Bananas") == 40

        await mia.tap("Save all of it")

        await until(lambda: is_so(db, "Bananas", 55))

    async def test_names_the_row_that_is_wrong_and_changes_nothing(
        self, desk: Page, mia: Device, shop: Shop, db: Database, tmp_path: Path
    ) -> None:
        before = await capacity(db, "Bananas")
        await mia.open("manage/placements")
        rows = f"{HEADER}\nP01-1,{sku_of('Bananas')},lots,4,2,true\n"

        await desk.locator("input[type=file]").set_input_files(csv(rows))

        await mia.sees("Row 2:")
        assert await capacity(db, "Bananas") == before

        await desk.locator("input[type=file]").set_input_files(csv(f"{HEADER}\nCafé-1,1,4,2,1,true\n", "cp1252"))
        await mia.sees("save the file as UTF-8")

        large = tmp_path / "large.csv"
        with large.open("wb") as file:
            file.truncate(MAX_BULK_BODY_BYTES + 1)
        await desk.locator("input[type=file]").set_input_files(large)
        await mia.sees("The file is too large")

    async def test_gives_the_planogram_out(self, desk: Page, mia: Device, shop: Shop) -> None:
        await mia.open("manage/placements")
        async with desk.expect_download() as download:
            await mia.tap("CSV out")

        path = await (await download.value).path()
        assert len(path.read_text().splitlines()) == 13


class TestPeople:
    async def test_adds_somebody_whose_pin_is_shown_once(
        self, desk: Page, mia: Device, shop: Shop, db: Database
    ) -> None:
        await mia.open("manage/people")
        await mia.tap("New person")
        await desk.get_by_label("Name").fill("Zoë")
        await desk.get_by_label("Trusted with").fill("lift, freezer")
        await mia.tap("Add and make a PIN")

        await mia.sees("PIN of Zoë")
        pin = await desk.locator(".secret").inner_text()
        assert len(pin) == 6
        await desk.get_by_role("button", name="Close").click()
        await mia.sees("Zoë")
        assert "Zoë" in {row["name"] for row in await all_rows(db, "principals")}

    async def test_takes_somebody_off(self, desk: Page, mia: Device, shop: Shop, db: Database) -> None:
        await mia.open("manage/people")
        await mia.tap("Cid")
        await mia.tap("May not sign in any more")

        await mia.sees("Off")
        active = {row["name"]: row["active"] for row in await all_rows(db, "principals", kind="person")}
        assert active["Ben"] is True


class TestDevices:
    async def test_enrols_one_by_a_code_that_it_scans(
        self, browser: Browser, desk: Page, mia: Device, shop: Shop, service: str, artifacts: Path
    ) -> None:
        await mia.open("manage/devices")
        await mia.tap("New device")
        await desk.get_by_label("Name").fill("Handheld 9")
        await mia.tap("Show its code")
        await expect(desk.locator("img.qr")).to_be_visible()
        assert await desk.locator("img.qr").evaluate("(image) => image.decode().then(() => image.naturalWidth > 0)")
        await show(desk, artifacts, "manage-enrolment")
        link = await desk.locator(".sheet .break").inner_text()

        async with await new_context(browser, service) as context:
            handheld = await context.new_page()
            await handheld.goto(link)
            await handheld.get_by_role("button", name="Use this device here").click()
            await expect(handheld.get_by_text("Scan your badge")).to_be_visible()

        await mia.sees("Handheld 9 is enrolled")

    async def test_takes_one_out_of_use_once_it_is_confirmed(
        self, desk: Page, mia: Device, shop: Shop, db: Database, service: str
    ) -> None:
        made = await shop.post("device-enrolments", {"name": "Lost one"}, by="mia")
        async with httpx.AsyncClient(base_url=service, headers={"Sec-Fetch-Site": "same-origin"}) as lost:
            assert (await lost.post("/v1/devices", json={"code": made["code"]})).status_code == 201
        await mia.open("manage/devices")
        row = desk.locator("li.row").filter(has_text="Lost one")
        await row.get_by_role("button", name="Take out of use").click()
        await mia.sees("is signed out")
        assert not await all_revoked(db, "Lost one")

        await desk.get_by_role("dialog").get_by_role("button", name="Take out of use").click()

        await expect(row).to_have_count(0)
        assert await all_revoked(db, "Lost one")


class TestKeys:
    async def test_makes_one_that_works_and_revokes_it(self, desk: Page, mia: Device, shop: Shop) -> None:
        await mia.open("manage/keys")
        await mia.tap("New key")
        await desk.get_by_label("What holds it").fill("Till 4")
        await desk.get_by_label("May do what this role may").select_option("readonly")
        await mia.tap("Make it")
        token = await desk.locator(".secret").inner_text()
        headers = {"Authorization": f"Bearer {token}"}
        assert (await shop.client.get("board", headers=headers)).status_code == 200
        await desk.get_by_role("button", name="Close").click()

        await desk.locator("li.row").filter(has_text="Till 4").get_by_role("button", name="Revoke").click()
        await desk.get_by_role("dialog").get_by_role("button", name="Revoke").click()

        await expect(desk.get_by_role("dialog")).to_have_count(0)
        assert (await shop.client.get("board", headers=headers)).status_code == 401


class TestWatch:
    async def test_is_saved_only_after_it_was_tried(self, desk: Page, mia: Device, shop: Shop, db: Database) -> None:
        await mia.open("manage/watch")
        await desk.get_by_label("Seconds of work a line").fill("90")
        await mia.sees("Try it on yesterday before you save it.")
        await expect(mia.named("Save").first).to_be_disabled()

        await mia.tap("What would have happened yesterday?")
        await expect(desk.locator(".rehearsed").or_(desk.get_by_role("alert"))).to_be_visible()
        await mia.tap("Save")

        await mia.sees("Saved")
        (row,) = await all_rows(db, "watch_settings")
        assert row["line_s"] == 90


class TestDiscrepancies:
    async def test_settles_one(self, desk: Page, mia: Device, shop: Shop) -> None:
        await shop.post("counts", {"code": sku_of("Cola"), "location": "A-03-4", "counted_qty": 41}, by="lea")
        await mia.open("manage/discrepancies")
        await mia.tap("Count differs")
        await mia.tap("The count is right")
        await mia.sees("Books and shelves agree")

        await mia.tap("Settled")

        await mia.sees("The count is right")


class TestLabels:
    async def test_gives_a_file_to_print(self, desk: Page, mia: Device, shop: Shop) -> None:
        await mia.open("manage/labels")
        await desk.get_by_label("Labels for").select_option("tubs")
        async with desk.expect_download(timeout=3 * PATIENCE_MS) as download:  # The first label loads the PDF library.
            await mia.tap("Get the file")

        document = pypdfium2.PdfDocument(await (await download.value).path())
        assert "TUB-0003" in document[0].get_textpage().get_text_range()
        document.close()

    async def test_says_why_there_is_none(self, desk: Page, mia: Device, shop: Shop) -> None:
        await mia.open("manage/labels")
        await desk.get_by_label("Only these").fill("B-99")

        await mia.tap("Get the file")

        await mia.sees("Not in use here: B-99.")


class TestALead:
    async def test_unlocks_who_forgot_the_pin_and_sees_no_more_than_that(
        self, desk: Page, service: str, db: Database, shop: Shop, artifacts: Path
    ) -> None:
        await desk.context.clear_cookies()
        await enrol(desk, service, db, badge="B-LEA")
        assert await desk.evaluate(WRONG_PINS_JS, ["B-BEN", OTHER_PIN]) == [401] * 5
        lea = Device(desk)
        await lea.open("manage/people")
        await expect(desk.locator(".manage-nav a")).to_have_text([re.compile(name) for name in PAGES_OF_LEADS])
        await expect(desk.get_by_role("button", name="New person")).to_have_count(0)

        await lea.tap("Ben")
        await show(desk, artifacts, "manage-people-lead", themes=["light"])
        await lea.tap("Unlock", exact=True)

        await lea.sees("Unlocked")
        assert {row["failures"] for row in await all_rows(db, "sign_in_guards", guarded="badge:B-BEN")} == {0}
        await desk.context.clear_cookies()
        await enrol(desk, service, db, badge="B-MIA")
        await lea.open("manage/access")
        await lea.sees("Lea unlocked Ben", "Ben has to wait: too many wrong PINs")
        await show(desk, artifacts, "manage-access")


def csv(text: str, encoding: str = "utf-8") -> Any:
    """A file as a browser hands it over."""
    return {"name": "planogram.csv", "mimeType": "text/csv", "buffer": text.encode(encoding)}


async def capacity(db: Database, description: str) -> int:
    (row,) = await all_rows(db, "placements", sku=sku_of(description))
    found: int = row["capacity"]
    return found


async def is_so(db: Database, description: str, wanted: int) -> bool:
    return await capacity(db, description) == wanted


async def all_revoked(db: Database, name: str) -> bool:
    return all(row["revoked_at"] is not None for row in await all_rows(db, "devices", name=name))
