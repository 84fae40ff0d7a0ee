"""Putting backstock away by scan: one item, or a cart of them along the walk."""

from pathlib import Path

import pytest
from playwright.async_api import Page

from pullsvc.db import Database
from tests.factories import all_rows
from tests.frontend.goods import BREAD, MILK, RICE, books_become, goods, knows_the_range, stands, until_kept
from tests.frontend.hands import Device, expect, show

START = {
    ("milk", "BR-A-03-2"): 9, ("milk", "RECEIVING"): 12, ("rice", "RECEIVING"): 2, ("bread", "RETURNS"): 3,
}  # fmt: skip


def moved(*moves: tuple[str, int, str, str]) -> dict[tuple[str, str], int]:
    """The books after units went (item, how many, from, to)."""
    after = dict(START)
    for sku, qty, src, dst in moves:
        after[sku, src] = after.get((sku, src), 0) - qty
        after[sku, dst] = after.get((sku, dst), 0) + qty
    return {place: qty for place, qty in after.items() if qty}


@pytest.fixture
async def stowing(signed_in: Page, device: Device, db: Database) -> Page:
    """Ben at the list of what waits: milk and rice where goods arrive, bread that came back."""
    await goods(db)
    await stands(db, "milk", "RECEIVING", 12)
    await stands(db, "rice", "RECEIVING", 2)
    await stands(db, "bread", "RETURNS", 3)
    await device.open("stow")
    await device.sees("3 items wait")
    return signed_in


class TestStow:
    async def test_one_item_into_its_own_bin(
        self, stowing: Page, device: Device, db: Database, artifacts: Path
    ) -> None:
        await show(stowing, artifacts, "stow-list")
        await device.scan(MILK)
        await device.sees("Its bin", "BR-A-03-2", "From RECEIVING")
        await device.tap("All 12")
        await show(stowing, artifacts, "stow-item")
        await device.scan("BR-A-03-2")
        await device.sees("12 × Oat milk", "2 items wait")

        await books_become(db, moved(("milk", 12, "RECEIVING", "BR-A-03-2")))
        (move,) = await all_rows(db, "movements", cause="move")
        assert (move["from_location"], move["qty"]) == ("RECEIVING", 12)

    async def test_a_cart_along_the_walk_by_trigger_alone(
        self, stowing: Page, device: Device, db: Database, artifacts: Path
    ) -> None:
        await device.scan(BREAD)
        await device.scan(BREAD)
        for code in (RICE, MILK, "CMD:+1"):
            await device.scan(code)
        await device.sees("On the cart", "Its bin")
        await show(stowing, artifacts, "stow-cart")
        await device.scan("CMD:DONE")
        await expect(stowing.locator(".goal .place")).to_have_text("BR-A-03-2")
        await show(stowing, artifacts, "stow-walk")
        await device.scan("CMD:-1")
        await device.scan("BR-A-03-2")
        await device.scan("BR-A-03-2")
        await device.sees("Scan Oat milk, unsweetened, 1 l first if it goes into BR-A-03-2, too.")
        await device.scan(MILK)
        await device.scan("BR-A-03-2")
        await device.scan(RICE)
        await device.scan("BR-B-07-1")
        await device.scan("BR-B-01-1")
        await device.sees("1 × Basmati rice", "2 × Rye bread")

        assert device.taps == 0
        await books_become(
            db,
            moved(
                ("milk", 2, "RECEIVING", "BR-A-03-2"),
                ("rice", 1, "RECEIVING", "BR-B-07-1"),
                ("bread", 2, "RETURNS", "BR-B-01-1"),
            ),
        )

    async def test_what_came_back_from_a_shelf_is_taken_from_there(
        self, stowing: Page, device: Device, db: Database, artifacts: Path
    ) -> None:
        await stands(db, "milk", "A1", 4)
        await device.scan("A1")
        await device.sees("Taking from A1")
        await device.scan(MILK)
        await device.tap("From A1")
        await device.sees("Where was it?")
        await show(stowing, artifacts, "stow-from")
        await device.tap("Shelf A1")
        await device.scan("BR-B-01-1")

        await books_become(db, {**START, ("milk", "A1"): 3, ("milk", "BR-B-01-1"): 1})

    async def test_undo_carries_it_back(self, stowing: Page, device: Device, db: Database) -> None:
        await device.scan(RICE)
        await device.scan("BR-B-07-1")
        await books_become(db, moved(("rice", 1, "RECEIVING", "BR-B-07-1")))
        await device.tap("Undo Basmati rice, 5 kg bag")
        await device.sees("Carried back: booked as a move")

        await device.sees("3 items wait")
        await device.all_sent()
        await books_become(db, START)
        assert [row["qty"] for row in await all_rows(db, "movements", cause="move")] == [1, 1]

    async def test_goes_on_without_a_network_and_after_a_reload(
        self, stowing: Page, device: Device, db: Database, artifacts: Path
    ) -> None:
        await device.keeps_the_app()
        await knows_the_range(stowing)
        await device.goes_offline()
        await device.scan(MILK)
        await device.scan(BREAD)
        await until_kept(stowing, "notes", "Rye bread")
        await stowing.reload()
        await device.is_ready()
        await device.sees("On the cart", "Rye bread, sliced")
        await device.scan("BR-B-01-1")
        await until_kept(stowing, "outbox", "BR-B-01-1")
        await stowing.reload()
        await device.is_ready()
        await device.sees("Load the cart")
        await device.scan("BR-A-03-2")
        await device.sees("3 items wait", "Offline")
        await show(stowing, artifacts, "stow-offline")

        await device.comes_back()

        await books_become(db, moved(("milk", 1, "RECEIVING", "BR-A-03-2"), ("bread", 1, "RETURNS", "BR-B-01-1")))

    async def test_a_shelf_is_no_bin_and_nothing_moves(self, stowing: Page, device: Device, db: Database) -> None:
        await device.scan(MILK)
        await device.scan("RETURNS")
        await device.sees("Taking from RETURNS")
        await device.scan("CMD:DONE")
        await device.scan("A1")

        await device.sees("A1 is no bin")
        await device.all_sent()
        await books_become(db, START)
