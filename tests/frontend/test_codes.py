"""A handheld without a network reads a code as the service does; where it cannot tell, it leaves the code as it is."""

import pytest
from playwright.async_api import Page

from pullsvc.catalog.rules import read_scan
from tests.frontend.hands import Device

READ_JS = """
async (codes) => {
  const { normalCode } = await import(`/app/${document.body.dataset.build}/core/codes.js`);
  return codes.map(normalCode);
}
"""
CODES = [
    "4006381333931",
    "]E04006381333931",
    "]E4" + "96385074",
    "96385074",
    "04252614",
    "0425261",
    "036000291452",
    "10036000291459",
    "]C10104006381333931",
    "0104006381333931",
    "]d20104006381333931" + "10L7\x1d21S9",
    "(01)04006381333931(21)S9",
    "https://id.example.com/01/04006381333931/21/S9",
    "]C100106141412345678908",
    "00106141412345678908",
    "]C18003" + "04006381333931" + "A1",
    "https://id.example.com/8003/04006381333931A1",
    "TUB-0042",
    "]Q1TUB-0042",
    "BR-A-03-2",
    "LANE-1",
    "1001",
    "SKU.42_x",
    "12345678",
]


@pytest.fixture
async def app(page: Page, device: Device) -> Page:
    await device.open()
    return page


async def test_reads_what_the_service_reads(app: Page) -> None:
    read = dict(zip(CODES, await app.evaluate(READ_JS, CODES), strict=True))

    assert read == {code: read_scan(code).code for code in CODES}


async def test_guesses_nothing_from_a_wrong_check_digit(app: Page) -> None:
    wrong = ["4006381333932", "]E04006381333932", "0104006381333932"]

    assert await app.evaluate(READ_JS, wrong) == ["4006381333932", "4006381333932", "0104006381333932"]
