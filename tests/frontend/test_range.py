"""The range of the store on the device: a scan means something without a network, even the first of its kind."""

from pathlib import Path

import pytest
from playwright.async_api import Page

from pullsvc.db import Database, sql
from tests.factories import all_rows
from tests.frontend.goods import (
    BREAD,
    MILK,
    MILK_CASE,
    books,
    books_become,
    goods,
    knows_the_range,
    to_count,
    until_kept,
)
from tests.frontend.hands import Device, expect, show

# Notes in `asked` which pages of the range the app asks for, over reloads; those whose turn it is are refused.
RANGE_JS = """
const fetched = window.fetch;
window.fetch = (path, ...rest) => {
  if (!String(path).includes("/items?active=true&limit=100")) return fetched(path, ...rest);
  const asked = [...JSON.parse(localStorage.asked ?? "[]"), path];
  localStorage.asked = JSON.stringify(asked);
  return (REFUSED).includes(asked.length) ? Promise.reject(new TypeError("Failed to fetch")) : fetched(path, ...rest);
};
"""
NO_RANGE_JS = RANGE_JS.replace("REFUSED", str(list(range(1, 100))))
OTHER_CURSOR_JS = """
async () => {
  const { note, noted } = await import(`/app/${document.body.dataset.build}/core/store.js`);
  await note("range", { ...await noted("range"), cursor: "of another version", pages: 3, at: 0 });
}
"""
MANY_ITEMS = sql("""
    INSERT INTO items (
        store_id, sku, description, department, case_pack, volume_ml, weight_g, sold_by, attributes, updated_at
    )
    SELECT 1, 'bulk-' || n, 'Bulk ' || n, 'Dry goods', 1, 1, 1, 'each', '{}', now() FROM generate_series(1, :many) AS n
""")


@pytest.fixture
async def handheld(signed_in: Page, db: Database) -> Page:
    """Ben on a device that saw none of the goods."""
    await goods(db)
    return signed_in


class TestRange:
    async def test_a_case_that_was_never_scanned_counts_as_what_it_holds(
        self, handheld: Page, device: Device, db: Database
    ) -> None:
        await device.open("count")
        await knows_the_range(handheld)
        await device.sees("Scan a bin or shelf")
        await device.goes_offline()
        for code in ("BR-A-03-2", MILK, MILK_CASE, BREAD):
            await device.scan(code)
        await device.sees("Rye bread, sliced", "Oat milk, unsweetened, 1 l")
        await device.tap("BR-A-03-2 is counted")
        await device.comes_back()

        await device.sees("4 more than the book (9)")
        assert await books(db) == {("milk", "BR-A-03-2"): 13, ("bread", "BR-A-03-2"): 1}

    async def test_an_ask_and_a_walk_name_what_was_never_scanned(
        self, handheld: Page, device: Device, db: Database, artifacts: Path
    ) -> None:
        await device.open("ask")
        await device.keeps_the_app()
        await knows_the_range(handheld)
        await device.goes_offline()
        await device.scan(MILK)
        await device.sees("You can ask for Oat milk, unsweetened, 1 l anyway")
        await show(handheld, artifacts, "ask-blind")
        await device.tap("Ask for it")
        await device.sees("Kept on this device")
        await device.open("walk")
        await device.scan(BREAD)
        await device.sees("Rye bread, sliced")
        await device.tap("Ask for 1")
        await device.comes_back()
        await device.all_sent()

        assert {pull["sku"] for pull in await all_rows(db, "pulls")} == {"milk", "bread"}

    async def test_a_case_that_it_does_not_know_is_not_taken_for_a_piece(
        self, handheld: Page, device: Device, db: Database
    ) -> None:
        await handheld.add_init_script(NO_RANGE_JS)
        await device.open("receive")
        await device.keeps_the_app()
        await device.goes_offline()
        await device.scan(MILK_CASE)
        await device.sees("is of a case that this device does not know yet")
        await device.scan(MILK)
        await device.sees("New to this device")
        await device.scan("CMD:OK")
        await device.comes_back()

        await books_become(db, {("milk", "BR-A-03-2"): 9, ("milk", "RECEIVING"): 1})

    async def test_without_it_what_a_list_named_is_known_after_a_reload(
        self, handheld: Page, device: Device, db: Database
    ) -> None:
        await to_count(db, ("milk", "BR-A-03-2"))
        await handheld.add_init_script(NO_RANGE_JS)
        await device.open("count")
        await device.sees("1 to count")
        await device.keeps_the_app()
        await device.goes_offline()
        await device.scan("BR-A-03-2")
        await until_kept(handheld, "notes", "BR-A-03-2")
        await handheld.reload()
        await device.is_ready()
        await device.scan(MILK_CASE)
        await device.tap("BR-A-03-2 is counted")
        await device.comes_back()

        await books_become(db, {("milk", "BR-A-03-2"): 12})

    async def test_begins_anew_when_the_service_does_not_read_its_cursor(self, handheld: Page, device: Device) -> None:
        """As after a renewal: else it would be refused for ever."""
        await device.open()
        await knows_the_range(handheld)
        await handheld.evaluate(OTHER_CURSOR_JS)

        await handheld.reload()

        await knows_the_range(handheld)

    async def test_goes_on_where_an_earlier_try_ended(self, handheld: Page, device: Device, db: Database) -> None:
        async with db.begin() as tx:
            await tx.run(MANY_ITEMS, many=250)
        await handheld.add_init_script(RANGE_JS.replace("REFUSED", "[3]"))
        await device.open()
        await until_kept(handheld, "notes", '"pages":2')
        await handheld.reload()
        await knows_the_range(handheld)
        await handheld.reload()
        await device.is_ready()
        await expect(handheld.get_by_role("link", name="Ask")).to_be_visible()

        asked = await handheld.evaluate("JSON.parse(localStorage.asked)")
        assert len(asked) == 4
        assert asked[2] == asked[3]
        assert ["cursor" in path for path in asked] == [False, True, True, True]
