"""The scanner: whatever way a handheld sends a scan, it arrives once and whole."""

import asyncio

import pytest
from playwright.async_api import Page

from tests.frontend.hands import Device

LISTEN_JS = """
async () => {
  const { onScan, onKey } = await import(`/app/${document.body.dataset.build}/core/scanner.js`);
  window.scans = [];
  window.keys = [];
  onScan((reading) => { window.scans.push(reading.command ? `!${reading.command}` : reading.code); });
  onKey((key) => { window.keys.push(key); });
}
"""


@pytest.fixture
async def listening(page: Page, device: Device) -> Page:
    """The app, with what its scanner delivers written down."""
    await device.open()
    await page.evaluate(LISTEN_JS)
    return page


async def scans(page: Page) -> list[str]:
    await page.wait_for_timeout(150)  # longer than the silence that ends a scan
    return list(await page.evaluate("window.scans"))


async def wedge(page: Page, code: str) -> None:
    """Press real keys as a scanner does: all are under way before the first is answered."""
    keyboard = await page.context.new_cdp_session(page)
    keys = [*({"key": char, "text": char} for char in code), {"key": "Enter", "text": "\r"}]
    presses = [{"type": kind, **key} for key in keys for kind in ("keyDown", "keyUp")]
    await asyncio.gather(*(keyboard.send("Input.dispatchKeyEvent", press) for press in presses))


class TestScanner:
    async def test_takes_a_scan_that_ends_with_enter(self, listening: Page, device: Device) -> None:
        await device.scan("4006381333931")

        assert await scans(listening) == ["4006381333931"]

    async def test_takes_real_keys(self, listening: Page, device: Device) -> None:
        await wedge(listening, "BR-A-03-2")

        assert await scans(listening) == ["BR-A-03-2"]

    async def test_takes_a_scan_that_ends_with_silence(self, listening: Page, device: Device) -> None:
        await device.scan("BR-A-03-2", enter=False)

        assert await scans(listening) == ["BR-A-03-2"]

    async def test_waits_for_enter_where_enter_is_usual(self, listening: Page, device: Device) -> None:
        """A device that stumbles between two keys would otherwise send two halves."""
        await device.scan("TUB-1")
        await device.scan("4006381333931", stumble_ms=80)

        assert await scans(listening) == ["TUB-1", "4006381333931"]

    async def test_takes_a_scan_that_comes_as_one_text(self, listening: Page, device: Device) -> None:
        await device.scan_text("]C10104006381333931\n")
        await device.scan_text("TUB-0042")

        assert await scans(listening) == ["]C10104006381333931", "TUB-0042"]

    async def test_takes_a_bounce_of_the_trigger_once(self, listening: Page, device: Device) -> None:
        await device.scan("4006381333931")
        await device.scan("4006381333931", bounces=True)

        assert await scans(listening) == ["4006381333931"]

    async def test_takes_two_different_scans_in_a_breath(self, listening: Page, device: Device) -> None:
        await device.scan("A-1")
        await device.scan("A-2")
        await device.scan("A-1")

        assert await scans(listening) == ["A-1", "A-2", "A-1"]

    async def test_takes_the_same_code_again_after_a_while(self, listening: Page, device: Device) -> None:
        await device.scan("A-1")
        await device.scan("A-1")

        assert await scans(listening) == ["A-1", "A-1"]

    async def test_knows_the_printed_commands(self, listening: Page, device: Device) -> None:
        await device.scan("CMD:+1")
        await device.scan("]Q1CMD:SHORT")
        await device.scan("CMD:NONSENSE")

        assert await scans(listening) == ["!+1", "!SHORT", "CMD:NONSENSE"]

    async def test_leaves_single_keys_to_whoever_types(self, listening: Page) -> None:
        await listening.keyboard.press("4")
        await listening.wait_for_timeout(120)
        await listening.keyboard.press("2")

        assert await scans(listening) == []
        assert await listening.evaluate("window.keys") == ["4", "2"]

    async def test_leaves_a_pin_that_is_typed_fast_to_whoever_types(self, listening: Page, device: Device) -> None:
        await device.scan("A-1")  # By its ENTER the scanner is known as one that may stumble.

        await listening.keyboard.type("111222", delay=45)

        await listening.wait_for_timeout(600)  # longer than a scanner may stumble
        assert await scans(listening) == ["A-1"]
        assert await listening.evaluate("window.keys") == list("111222")

    async def test_takes_a_scan_out_of_a_text_field(self, listening: Page, device: Device) -> None:
        field = "Object.assign(document.createElement('input'), { id: 'typed', value: 'milk' })"
        await listening.evaluate(f"document.body.append({field})")
        await listening.focus("#typed")
        await device.scan("4006381333931")

        assert await scans(listening) == ["4006381333931"]
        assert await listening.input_value("#typed") == "milk"

    async def test_never_presses_the_focused_button(self, listening: Page, device: Device) -> None:
        button = "Object.assign(document.createElement('button'), { id: 'b', onclick: () => { window.hit = true; } })"
        await listening.evaluate(f"document.body.append({button})")
        await listening.focus("#b")
        await device.scan("AB CD")

        assert await scans(listening) == ["AB CD"]
        assert await listening.evaluate("window.hit") is None
