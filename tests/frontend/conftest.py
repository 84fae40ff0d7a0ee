"""A real browser on the real service: one browser and one service for the whole run, a new context for each test."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright

from pullsvc.db import Database
from tests.frontend.hands import Device
from tests.serving import serving

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
HANDHELD = {"width": 360, "height": 640}
PATIENCE_MS = 10_000
# Quiet and alone: no updates, no field trials, no sandbox, as the tests may run as root.
FLAGS = [
    "--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update",
    "--no-first-run", "--mute-audio", "--autoplay-policy=no-user-gesture-required",
]  # fmt: skip


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the browser; without one these tests fail rather than being skipped."""
    for name in BROWSERS:
        if found := shutil.which(name):
            return found
    raise FileNotFoundError("No browser for tests/frontend. Run `make browser` as root, or install Debian's chromium.")


@pytest.fixture(scope="session")
def service(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the service, in a process of its own."""
    folder = tmp_path_factory.mktemp("service")
    with serving(database_url, folder, "--no-worker", settings={"key_cache_s": "0"}) as (_, address):
        yield address.replace("127.0.0.1", "localhost")


@pytest.fixture(scope="session")
async def browser(chromium: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture
async def context(browser: Browser, service: str, db: Database) -> AsyncIterator[BrowserContext]:
    """A handheld that was never used, on an empty database."""
    async with await new_context(browser, service) as context:
        yield context


@pytest.fixture
async def page(context: BrowserContext) -> AsyncIterator[Page]:
    """A page whose every complaint fails the test."""
    page = await context.new_page()
    complaints = watched(page)
    yield page
    assert complaints == []


@pytest.fixture
async def device(page: Page) -> Device:
    """The hands on the page's scanner and screen."""
    return Device(page)


async def new_context(browser: Browser, service: str, **options: object) -> BrowserContext:
    """A device of its own, with its own cookies and its own memory."""
    wanted = {"viewport": HANDHELD, "locale": "en-US", "timezone_id": "UTC", "has_touch": True, **options}
    context = await browser.new_context(base_url=service, **wanted)  # type: ignore[arg-type]  # one name, many types
    context.set_default_timeout(PATIENCE_MS)
    return context


def watched(page: Page) -> list[str]:
    """The page's errors, as they come; a request that was refused or cut off is no mistake of the page."""
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            complaints.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return complaints


@pytest.fixture(scope="session")
def artifacts() -> Path:
    """Where pictures of the screens go; not kept in the repository."""
    folder = Path(__file__).parents[2] / "artifacts"
    folder.mkdir(exist_ok=True)
    return folder
