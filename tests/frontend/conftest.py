"""A real browser on the real service: one browser and one service for the whole run, a new context for each test."""

import asyncio
import io
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import numpy as np
import pytest
import zxingcpp
from PIL import Image
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, async_playwright, expect

from pullsvc.access.rules import Role
from pullsvc.db import Database
from tests import factories
from tests.access.people import PIN, person
from tests.frontend.hands import Device
from tests.frontend.noon import Shop, open_shop
from tests.serving import serving
from tests.waiting import until

BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SEEN_BY_CAMERA = "4006381333931"
HANDHELD = {"width": 360, "height": 640}
DESK = {"width": 1920, "height": 1080}
PATIENCE_MS = 10_000
LAST_ANSWER_S = 2
PEOPLE = {
    "B-ANA": ("Ana", Role.ASSOCIATE),
    "B-BEN": ("Ben", Role.BACKROOM),
    "B-CID": ("Cid", Role.BACKROOM),
    "B-LEA": ("Lea", Role.LEAD),
    "B-MIA": ("Mia", Role.MANAGER),
}
ENROL_JS = """
async ([code, badge, pin]) => {
  const post = (path, body) => fetch(path, {
    method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" },
  });
  const device = await post("/v1/devices", { code });
  const session = badge ? await post("/v1/sessions", { badge, pin }) : device;
  return [device.status, session.status];
}
"""
# Quiet and alone: no updates, no field trials, no sandbox, as the tests may run as root.
FLAGS = [
    "--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update",
    "--no-first-run", "--mute-audio", "--autoplay-policy=no-user-gesture-required",
]  # fmt: skip


# Keys and sessions are read each time, and every test enrols a device of its own from one address.
SETTINGS = {"key_cache_s": "0", "enrolments_per_minute": "10000"}


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
    with serving(database_url, folder, "--no-worker", settings=SETTINGS) as (_, address):
        yield address.replace("127.0.0.1", "localhost")


@pytest.fixture(scope="session")
async def browser(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    film = tmp_path_factory.mktemp("camera") / "label.mjpeg"
    film.write_bytes(film_of(SEEN_BY_CAMERA))
    # Without windows there is nobody to be asked for the camera.
    camera = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    camera.append(f"--use-file-for-fake-video-capture={film}")
    expect.set_options(timeout=PATIENCE_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=[*FLAGS, *camera])
        yield browser
        await browser.close()


def film_of(code: str) -> bytes:
    """What a camera sees that is held over a label, as one picture after the other."""
    bars = Image.fromarray(np.asarray(zxingcpp.create_barcode(code, zxingcpp.BarcodeFormat.EAN13).to_image(scale=4)))
    scene, picture = Image.new("L", (640, 480), 205), io.BytesIO()
    scene.paste(bars, ((640 - bars.width) // 2, (480 - bars.height) // 2))
    scene.save(picture, "JPEG")
    return picture.getvalue() * 10


@pytest.fixture
async def context(browser: Browser, service: str, db: Database) -> AsyncIterator[BrowserContext]:
    """A handheld that was never used, on an empty database."""
    async with await new_context(browser, service) as context:
        yield context


@pytest.fixture
async def store(db: Database) -> int:
    """Store 1 with its people: Ana on the floor, Ben and Cid in the backroom, Lea the lead, Mia the manager."""
    await factories.store(db)
    for badge, (name, role) in PEOPLE.items():
        await person(db, name=name, badge=badge, roles=[role])
    return 1


@pytest.fixture
async def page(context: BrowserContext) -> AsyncIterator[Page]:
    """A page whose every complaint fails the test."""
    page = await context.new_page()
    complaints, acts = watched(page), under_way(page)
    yield page
    await answered(acts)
    assert complaints == []


@pytest.fixture
async def device(page: Page) -> Device:
    """The hands on the page's scanner and screen."""
    return Device(page)


@pytest.fixture
async def enrolled(page: Page, service: str, db: Database, store: int) -> Page:
    """The page on a device of the store, with nobody signed in."""
    await enrol(page, service, db)
    return page


@pytest.fixture
async def signed_in(page: Page, service: str, db: Database, store: int) -> Page:
    """The page on a device of the store, with Ben of the backroom signed in; the app is not open yet."""
    await enrol(page, service, db, badge="B-BEN")
    return page


@asynccontextmanager
async def shop_on(db: Database, service: str) -> AsyncIterator[Shop]:
    """People and goods for the pages of leads and managers."""
    shop = await open_shop(db, service)
    yield shop
    await shop.client.aclose()


@asynccontextmanager
async def desk_on(browser: Browser, service: str, db: Database, *, badge: str) -> AsyncIterator[Page]:
    """A page as large as a desk has it, with the owner of the badge signed in; the app is not open yet."""
    async with await new_context(browser, service, viewport=DESK, has_touch=False) as context:
        page = await context.new_page()
        complaints, acts = watched(page), under_way(page)
        await enrol(page, service, db, badge=badge)
        yield page
        await answered(acts)
        assert complaints == []


@pytest.fixture
async def shop(db: Database, service: str, store: int) -> AsyncIterator[Shop]:
    async with shop_on(db, service) as shop:
        yield shop


@pytest.fixture
async def desk(browser: Browser, service: str, db: Database, shop: Shop) -> AsyncIterator[Page]:
    """Mia's desk."""
    async with desk_on(browser, service, db, badge="B-MIA") as page:
        yield page


@pytest.fixture
async def mia(desk: Page) -> Device:
    return Device(desk)


async def enrol(page: Page, service: str, db: Database, *, badge: str | None = None) -> None:
    """Make the page's browser a device of store 1, and sign the person of the badge in."""
    manager = {"Authorization": f"Bearer {await factories.key(db, role=Role.MANAGER)}"}
    async with httpx.AsyncClient(base_url=service, headers=manager) as client:
        answer = await client.post("/v1/stores/1/device-enrolments", json={"name": "Handheld 1"})
    await page.goto(f"{service}/livez")  # Any page of the same origin; the app itself would already ask who is there.
    assert await page.evaluate(ENROL_JS, [answer.json()["code"], badge, PIN]) == [201, 201]


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


def under_way(page: Page) -> set[Request]:
    """What the page has asked the service to do and was not told the end of, as it stands at any time."""
    acts: set[Request] = set()

    def begins(request: Request) -> None:
        if request.method != "GET":
            acts.add(request)

    def ends(request: Request) -> None:
        acts.discard(request)

    page.on("request", begins)
    page.on("requestfinished", ends)
    page.on("requestfailed", ends)
    return acts


async def answered(acts: set[Request]) -> None:
    """Let the service end what was begun: it would do it to the next test. Not for long: a test may hold answers up."""

    async def are_answered() -> bool:
        return not acts

    with suppress(TimeoutError):
        async with asyncio.timeout(LAST_ANSWER_S):
            await until(are_answered)


@pytest.fixture(scope="session")
def artifacts() -> Path:
    """Where pictures of the screens go; not kept in the repository."""
    folder = Path(__file__).parents[2] / "artifacts"
    folder.mkdir(exist_ok=True)
    return folder
