"""The start of the app in a real browser: nothing comes from outside, and it starts without a network."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, Request

from tests.frontend.conftest import new_context
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


@pytest.mark.parametrize(
    ("language", "lost", "unable"),
    [("en-US", "did not load", "no private window"), ("es-MX", "no se cargó", "ninguna ventana privada")],
)
async def test_says_so_where_it_cannot_start(
    browser: Browser, service: str, artifacts: Path, language: str, lost: str, unable: str
) -> None:
    """A module that does not arrive, then a window that may keep nothing; in words before the texts are loaded."""
    async with await new_context(browser, service, locale=language, service_workers="block") as context:
        page = await context.new_page()
        await page.route("**/main.js", lambda route: route.abort())
        await page.goto(f"{service}/app/")
        await expect(page.get_by_role("alert")).to_contain_text(lost)
        await show(page, artifacts, f"did-not-load-{language}", themes=["light"])
        await page.unroute("**/main.js")

        await page.get_by_role("button").click()
        await expect(page.locator("html[data-ready]")).to_be_attached()
        await expect(page.get_by_role("alert")).to_have_count(0)

        await page.add_init_script("Object.defineProperty(window, 'indexedDB', { value: undefined })")
        await page.reload()
        await expect(page.get_by_role("alert")).to_contain_text(unable)
