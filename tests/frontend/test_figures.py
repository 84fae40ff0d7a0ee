"""How quick and how small: written to artifacts/figures.json; the bounds are those that a busy machine holds too."""

import json
from pathlib import Path

from playwright.async_api import Page

from pullsvc.db import Database
from tests.frontend.hands import Device
from tests.frontend.shop import WARES, asked, stock_shop

MAX_FIRST_BYTES = 90_000
MAX_COLD_START_MS = 10_000
MAX_FEEDBACK_MS = 100

LOADED_JS = """
() => {
  const files = performance.getEntriesByType("resource").concat(performance.getEntriesByType("navigation"));
  const own = files.filter((one) => new URL(one.name).pathname.startsWith("/app"));
  return {
    ready_ms: Math.round(performance.getEntriesByName("ready")[0].startTime),
    files: own.length,
    wire_bytes: own.reduce((sum, one) => sum + one.transferSize, 0),
  };
}
"""
# From the last key of a scan to the change of the page that tells of it; the picture follows with the next frame.
FEEDBACK_MS_JS = """
async (code) => {
  const shown = new Promise((resolve) => {
    new MutationObserver((_, self) => {
      if (document.querySelector(".flash")) { self.disconnect(); resolve(performance.now()); }
    }).observe(document.body, { childList: true, subtree: true });
  });
  for (const key of [...code]) dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  const from = performance.now();
  dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }));
  return (await shown) - from;
}
"""


def note(artifacts: Path, **figures: object) -> None:
    file = artifacts / "figures.json"
    known = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps({**known, **figures}, indent=2) + "\n")


async def test_starts_cold_with_few_bytes(signed_in: Page, device: Device, artifacts: Path) -> None:
    await device.open()
    await device.sees("Hello, Ben")

    cold = await signed_in.evaluate(LOADED_JS)
    await device.keeps_the_app()
    await signed_in.reload()
    await device.sees("Hello, Ben")
    warm = await signed_in.evaluate(LOADED_JS)

    note(artifacts, cold=cold, warm=warm)
    assert cold["wire_bytes"] < MAX_FIRST_BYTES
    assert warm["wire_bytes"] == 0
    assert cold["ready_ms"] < MAX_COLD_START_MS


async def test_tells_of_a_scan_before_the_service_answers(
    signed_in: Page, device: Device, db: Database, store: int, service: str, artifacts: Path
) -> None:
    await stock_shop(db, each=100, capacity=60)
    await asked(service, db, "1001")
    await device.open("work")
    await device.scan("TUB-0042")
    await device.sees("Whole milk 1 l")
    await device.goes_offline()

    took = []
    for _ in range(9):
        await signed_in.wait_for_timeout(600)
        took.append(await signed_in.evaluate(FEEDBACK_MS_JS, WARES["1001"][2]))

    median = sorted(took)[len(took) // 2]
    note(artifacts, scan_to_feedback_ms={"median": round(median, 1), "worst": round(max(took), 1)})
    assert median < MAX_FEEDBACK_MS
