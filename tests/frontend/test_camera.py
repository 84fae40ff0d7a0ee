"""The camera as a scanner: a video of a barcode in place of a camera, real frames, a real reader.

Chromium on Linux has the name BarcodeDetector and no reader behind it, so the page is lent one: zxing, which is handed
each frame as the browser's own would be.
"""

import base64
import io
from pathlib import Path

import numpy as np
import zxingcpp
from PIL import Image
from playwright.async_api import Browser, Page

from pullsvc.db import Database
from tests.factories import all_rows
from tests.frontend.conftest import enrol, new_context, watched
from tests.frontend.goods import goods, to_count
from tests.frontend.hands import Device, expect

# Slow, as on a cheap phone, and slower each time: looks that overlap would each come with the same code.
LENT_READER_JS = """
localStorage.setItem("camera", "on");
globalThis.BarcodeDetector = class {
  static getSupportedFormats = async () => (localStorage.getItem("reads") === "none" ? [] : ["ean_13", "code_128"]);
  constructor({ formats }) {
    if (!formats.length) throw new TypeError("no format");
  }
  async detect(video) {
    const size = { width: video.videoWidth, height: video.videoHeight };
    const frame = Object.assign(document.createElement("canvas"), size);
    frame.getContext("2d").drawImage(video, 0, 0);
    const codes = await readFrame(frame.toDataURL("image/png"));
    this.looks = (this.looks ?? 0) + 1;
    await new Promise((resolve) => setTimeout(resolve, 300 * this.looks));
    return codes.map((rawValue) => ({ rawValue }));
  }
};
"""


OVERLAPPING_MS = 1_500  # In which more than one of them would have come.


def read_frame(url: str) -> list[str]:
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("L"))
    return [code.text for code in zxingcpp.read_barcodes(pixels)]


async def test_reads_what_it_sees_once_and_says_when_it_cannot(
    browser: Browser, service: str, db: Database, store: int, artifacts: Path
) -> None:
    await goods(db)
    await to_count(db, ("milk", "BR-A-03-2"))
    async with await new_context(browser, service, permissions=["camera"]) as context:
        page: Page = await context.new_page()
        complaints = watched(page)
        await page.expose_function("readFrame", read_frame)
        await page.add_init_script(LENT_READER_JS)
        await enrol(page, service, db, badge="B-BEN")
        device = Device(page)
        await device.open("count")
        await device.sees("1 to count")
        await device.scan("BR-A-03-2")
        await device.sees("Still to count")

        await device.tap("Scan with the camera")
        await expect(page.locator("video")).to_be_visible()
        await expect(page.get_by_role("button", name="1: type another number")).to_be_visible()
        await expect(page.locator("video")).to_have_count(0)

        await page.wait_for_timeout(OVERLAPPING_MS)
        await device.tap("BR-A-03-2 is counted")
        await device.sees("8 fewer than the book (9)")
        assert [row["counted_qty"] for row in await all_rows(db, "counts", sku="milk", state="done")] == [1]

        await page.evaluate("localStorage.setItem('reads', 'none')")
        await device.tap("Scan with the camera")
        await device.sees("No camera to be had")
        await expect(page.locator("video")).to_have_count(0)
        assert complaints == []
