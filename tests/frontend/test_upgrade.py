"""The service is renewed while a handheld is in use: the new app takes over by itself, and never under busy hands."""

import shutil
from pathlib import Path

import pytest
from playwright.async_api import Browser

from pullsvc.db import Database
from tests.frontend.conftest import enrol, new_context, watched
from tests.frontend.hands import Device
from tests.serving import serving

ROOT = Path(__file__).parents[2]
HELLO, NEW_HELLO = "Hello, {name}", "Good day, {name}"
# Somebody else's act that waits on the device, as of so many hours ago.
NEW, OLD = 11, 13
LEFT_JS = """
async (hours) => {
  const { database } = await import(`/app/${document.body.dataset.build}/core/store.js`);
  const madeAt = new Date(Date.now() - hours * 3600_000).toISOString();
  const act = { seq: 1, key: "left", path: "/v1/stores/1/asks", body: {}, what: "act.ask", about: { name: "Milk" } };
  await (await database).put("outbox", { ...act, person: 4711, name: "Ana", madeAt, tries: 0 });
  new BroadcastChannel("outbox").postMessage("changed");
}
"""
WAITS_JS = """
async () => {
  const registration = await navigator.serviceWorker.ready;
  if (registration.waiting) return true;
  const worker = registration.installing;
  return worker && new Promise((resolve) => { worker.onstatechange = () => resolve(registration.waiting === worker); });
}
"""
UPDATE_JS = "async () => { await (await navigator.serviceWorker.ready).update(); }"
LISTEN_JS = """
() => {
  window.takenOver = new Promise((resolve) => {
    navigator.serviceWorker.addEventListener("controllerchange", () => resolve(true));
  });
}
"""


async def test_takes_over_when_the_hands_are_free(
    browser: Browser, db: Database, database_url: str, store: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    renewed = tmp_path / "renewed"
    for part in ("src", "migrations", "openapi"):
        shutil.copytree(ROOT / part, renewed / part, ignore=shutil.ignore_patterns("*.pyc.*"))
    texts = renewed / "src" / "pullsvc" / "frontend" / "static" / "text" / "en" / "base.js"
    texts.write_text(texts.read_text().replace(HELLO, NEW_HELLO))
    async with await new_context(browser, "http://localhost") as context:
        with serving(database_url, tmp_path, "--no-worker") as (_, address):
            local = address.replace("127.0.0.1", "localhost")
            page = await context.new_page()
            device = Device(page, local)
            await enrol(page, local, db, badge="B-BEN")
            await device.open("settings")
            await device.keeps_the_app()
        complaints = watched(page)
        monkeypatch.setenv("PYTHONPATH", str(renewed / "src"))
        with serving(database_url, tmp_path, "--no-worker", "--port", address.rpartition(":")[2]):
            await page.evaluate("() => { window.stillHere = true; }")
            await page.evaluate(LEFT_JS, NEW)
            await page.evaluate(UPDATE_JS)
            await page.evaluate(WAITS_JS)
            await device.open("tray")
            await device.sees("1 scan of Ana")
            assert await page.evaluate(WAITS_JS)
            await page.evaluate(LISTEN_JS)
            await page.evaluate(LEFT_JS, OLD)
            assert await page.evaluate("() => window.takenOver")
            assert await page.evaluate("window.stillHere")
            await page.evaluate("() => { location.hash = '#/'; }")

            await device.sees("Good day, Ben")
            assert complaints == []
