"""What a worker does with a handheld: pulls the trigger, taps, looks."""

import asyncio
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Locator, Page, expect

from tests.access.people import PIN

__all__ = ["Device", "expect"]

TRIGGER_MS = 300  # Nobody pulls a trigger twice in less.
LOOK_S = 0.4  # Nobody sees what a touch brought up, and touches that, in less; ui/double_tap.js reckons with it.
FINGER_PX = 30
THEMES = ("light", "dark")
KEY_BY_KEY_JS = """
([code, end, stumble]) => new Promise((resolve) => {
  const keys = [...code].concat(end ? ["Enter"] : []);
  const at = () => document.activeElement ?? document.body;
  const press = (n) => {
    const field = at();
    if (n === keys.length) return setTimeout(resolve, end ? 0 : 90);
    const options = { key: keys[n], bubbles: true, cancelable: true, altKey: true };
    const isTyped = field.dispatchEvent(new KeyboardEvent("keydown", options)) && keys[n].length === 1;
    if (isTyped && "value" in field) {
      field.value += keys[n];
      field.dispatchEvent(new InputEvent("input", { bubbles: true, inputType: "insertText", data: keys[n] }));
    }
    field.dispatchEvent(new KeyboardEvent("keyup", options));
    stumble && n === keys.length >> 1 ? setTimeout(() => press(n + 1), stumble) : press(n + 1);
  };
  press(0);
})
"""
CONTROLLED_JS = """
() => navigator.serviceWorker.controller
  || new Promise((resolve) => { navigator.serviceWorker.oncontrollerchange = () => resolve(true); })
"""
# What a hand or an eye stumbles over: a page wider than its screen, what is too small to be hit, a word torn in two, a
# code of which a part is hidden.
STUMBLES_JS = """
() => {
  const found = [];
  const name = (one) => `${one.tagName}.${one.className} "${(one.ariaLabel ?? one.textContent).trim().slice(0, 40)}"`;
  const isShown = (one) => one.checkVisibility() && one.offsetWidth > 1 && one.offsetHeight > 1;
  const width = document.documentElement.scrollWidth;
  if (width > innerWidth) found.push(`wider than the screen: ${width} px`);
  for (const one of document.querySelectorAll("a, button, input, select, textarea, summary")) {
    const box = (one.closest("label") ?? one).getBoundingClientRect();
    const isSmall = Math.min(box.width, box.height) < 43.5 && one.id !== "scanner";
    if (isSmall && isShown(one)) found.push(`${box.width} x ${box.height} px: ${name(one)}`);
  }
  for (const one of document.querySelectorAll(".code")) {
    const isCut = [one, one.parentElement].some((box) => getComputedStyle(box).overflowX === "hidden"
      && one.getBoundingClientRect().left + one.scrollWidth > box.getBoundingClientRect().right + 1);
    if (isCut && isShown(one)) found.push(`cut: ${name(one)}`);
  }
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  while (texts.nextNode()) {
    const { data, parentElement } = texts.currentNode;
    if (!isShown(parentElement) || parentElement.closest(".break, .secret")) continue;
    for (const { 0: word, index } of data.matchAll(/[\\p{L}\\d]{2,12}/gu)) {
      range.setStart(texts.currentNode, index);
      range.setEnd(texts.currentNode, index + word.length);
      const tops = [...range.getClientRects()].map((box) => box.top);
      if (Math.max(...tops) - Math.min(...tops) > 4) found.push(`torn: ${word} in ${name(parentElement)}`);
    }
  }
  return found;
}
"""
SIGN_IN_JS = """
async ([badge, pin]) => (await fetch("/v1/sessions", {
  method: "POST", body: JSON.stringify({ badge, pin }), headers: { "Content-Type": "application/json" },
})).status
"""
AT_ONCE_JS = """
(text) => {
  const field = document.getElementById("scanner");
  field.value += text;
  field.dispatchEvent(new InputEvent("input", { bubbles: true, inputType: "insertText", data: text }));
}
"""


class Device:
    """A handheld in somebody's hand; counts what the hand has to do.

    Attributes:
        taps: Touches of the screen so far.
        scans: Pulls of the trigger so far.
    """

    def __init__(self, page: Page, service: str = "") -> None:
        self.page = page
        self._service = service
        self._last = ""
        self._touched = (0.0, 0.0, 0.0)  # Where, and when.
        self.taps = 0
        self.scans = 0

    async def open(self, path: str = "") -> None:
        """Start the app there; back when it knows who is here, and a scan would be taken."""
        await self.page.goto(f"{self._service}/app/#/{path}")
        await self.is_ready()

    async def is_ready(self) -> None:
        await expect(self.page.locator("html[data-ready]")).to_be_attached()

    async def keeps_the_app(self) -> None:
        """Wait until the service worker has everything that a start without a network takes."""
        await self.page.evaluate(CONTROLLED_JS)

    async def scan(self, code: str, *, enter: bool = True, stumble_ms: int = 0, bounces: bool = False) -> None:
        """Keys as fast as a wedge sends them, with altKey set as some handhelds do, and perhaps a pause between."""
        if code == self._last and not bounces:
            await self.page.wait_for_timeout(TRIGGER_MS)
        self._last = code
        self.scans += 1
        await self.page.evaluate(KEY_BY_KEY_JS, [code, enter, stumble_ms])

    async def scan_text(self, text: str) -> None:
        """The whole scan as one piece of text, as an input method commits it."""
        self.scans += 1
        await self.page.evaluate(AT_ONCE_JS, text)

    async def tap(self, name: str, *, exact: bool = False) -> None:
        """Touch the button or link of that name."""
        self.taps += 1
        button = self.named(name, exact=exact).first
        await self.reaches_for(button)
        await button.click()
        self._touched = (*self._touched[:2], time.monotonic())

    async def reaches_for(self, button: Locator) -> None:
        """Come to a button before it is touched; at the place of the last touch only after a look."""
        await button.scroll_into_view_if_needed()  # Which waits until it stands still.
        if box := await button.bounding_box():
            x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
            if math.dist((x, y), self._touched[:2]) < FINGER_PX:
                await asyncio.sleep(max(0.0, self._touched[2] + LOOK_S - time.monotonic()))
            self._touched = (x, y, time.monotonic())

    def named(self, name: str, *, exact: bool = False) -> Locator:
        button = self.page.get_by_role("button", name=name, exact=exact)
        return button.or_(self.page.get_by_role("link", name=name, exact=exact))

    async def sees(self, *texts: str) -> None:
        for text in texts:
            await expect(self.page.get_by_text(text).first).to_be_visible()

    async def all_sent(self) -> None:
        """Wait until nothing waits to be sent, and nothing was refused."""
        await expect(self.page.locator(".badge")).to_have_count(0)

    async def goes_offline(self) -> None:
        await self.page.context.set_offline(True)

    async def comes_back(self) -> None:
        await self.page.context.set_offline(False)


async def sign_in(page: Page, badge: str) -> None:
    """Somebody else signs in on the device, in another tab or behind the app: what is open does not hear of it."""
    assert await page.evaluate(SIGN_IN_JS, [badge, PIN]) == 201


async def stumbles(page: Page) -> list[str]:
    """What a worker would stumble over on the page as it is."""
    found: list[str] = await page.evaluate(STUMBLES_JS)
    return found


async def show(page: Page, folder: Path, name: str, *, themes: Sequence[str] = THEMES) -> None:
    """Take pictures of the screen, light and dark, and let axe look at each; any violation fails, and any stumble."""
    await expect(page.locator(".flash")).to_have_count(0)
    found = await stumbles(page)
    assert found == [], f"{name}: {found}"
    for theme in themes:
        await page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]  # one of the two names
        size = page.viewport_size or {"width": 0, "height": 0}
        await page.screenshot(path=folder / f"{name}-{size['width']}x{size['height']}-{theme}.png")
        seen: Any = await Axe().run(page)
        assert seen.violations_count == 0, f"{name}, {theme}: {seen.generate_report()}"
    await page.emulate_media(color_scheme="light")
