"""The start of the app in a real browser: nothing comes from outside, and it starts without a network."""

from pathlib import Path

from playwright.async_api import Page, Request

from tests.frontend.hands import Device, expect, show


async def test_starts_and_asks_who_is_there(page: Page, device: Device, artifacts: Path) -> None:
    foreign: list[str] = []

    def note(request: Request) -> None:
        if not request.url.startswith(("http://localhost", "data:")):
            foreign.append(request.url)

    page.on("request", note)
    await device.open()

    await expect(page.get_by_role("main")).to_be_visible()
    await show(page, artifacts, "start")
    assert foreign == []


async def test_starts_again_without_a_network(page: Page, device: Device) -> None:
    await device.open()
    await device.keeps_the_app()
    await device.goes_offline()

    await page.reload()

    await device.is_ready()
    await expect(page.get_by_text("Offline")).to_be_visible()
