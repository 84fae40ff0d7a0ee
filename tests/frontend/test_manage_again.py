"""Forms whose answer is lost, that are old by the time they are saved, or half of whose lines are hidden."""

from playwright.async_api import Page, Route

from pullsvc.db import Database
from tests.factories import all_rows
from tests.frontend.hands import Device, expect
from tests.frontend.noon import Shop


class LostAnswer:
    """A way on which the answer to the first act is lost, though the service did what it was asked."""

    def __init__(self) -> None:
        self.lost: list[str] = []

    async def __call__(self, route: Route) -> None:
        if route.request.method != "POST" or self.lost:
            await route.continue_()
            return
        self.lost.append(route.request.url)
        await route.fetch()
        await route.abort()


class TestLostAnswer:
    async def test_of_a_new_person_adds_them_once(self, desk: Page, mia: Device, shop: Shop, db: Database) -> None:
        await mia.open("manage/people")
        await mia.tap("New person")
        await desk.get_by_label("Name").fill("Dora")
        await desk.route("**/people", LostAnswer())
        await mia.tap("Add and make a PIN")
        await expect(desk.get_by_role("alert")).to_be_visible()
        await desk.get_by_label("Name").fill("Dora M.")
        await mia.tap("Add and make a PIN")
        await mia.sees("PIN of Dora M.")

        assert [p["name"] for p in await all_rows(db, "principals") if "Dora" in p["name"]] == ["Dora M."]

    async def test_of_their_pin_adds_them_once(self, desk: Page, mia: Device, shop: Shop, db: Database) -> None:
        await mia.open("manage/people")
        await mia.tap("New person")
        await desk.get_by_label("Name").fill("Dora")
        await desk.route("**/pin", LostAnswer())
        await mia.tap("Add and make a PIN")
        await expect(desk.get_by_role("alert")).to_be_visible()
        await mia.tap("Add and make a PIN")
        await mia.sees("PIN of Dora")

        assert len(await all_rows(db, "principals", name="Dora")) == 1

    async def test_of_a_key_makes_it_once_and_says_that_it_is_lost(
        self, desk: Page, mia: Device, shop: Shop, db: Database
    ) -> None:
        await mia.open("manage/keys")
        before = len(await all_rows(db, "api_keys"))
        await desk.route("**/keys", LostAnswer())
        await mia.tap("New key")
        await desk.get_by_label("What holds it").fill("Till 9")
        await desk.locator("dialog .button.primary").click()
        await expect(desk.get_by_role("alert")).to_be_visible()
        await desk.locator("dialog .button.primary").click()
        await mia.sees("cannot be shown again")

        assert len(await all_rows(db, "api_keys")) == before + 1


class TestOldForm:
    async def test_of_a_person_gives_no_role_back_that_was_taken(self, desk: Page, mia: Device, shop: Shop) -> None:
        await mia.open("manage/people")
        await mia.tap("Lea")
        await desk.get_by_label("Name").fill("Lea M.")
        (lea,) = [who for who in (await shop.get("people", by="mia"))["items"] if who["name"] == "Lea"]
        path = f"people/{lea['principal_id']}"
        based = {**shop.headers("mia"), "If-Match": f'"{lea["version"]}"'}
        told = await shop.client.patch(path, json={"roles": ["associate"]}, headers=based)
        assert told.is_success, told.text
        await mia.tap("Save")
        await mia.sees("Somebody changed this meanwhile")
        assert (await shop.get(path, by="mia"))["roles"] == ["associate"]

        await mia.tap("Cancel")
        await mia.tap("Lea")
        await desk.get_by_label("Name").fill("Lea M.")
        await mia.tap("Save")
        await mia.sees("Lea M.")

        lea = await shop.get(path, by="mia")
        assert (lea["name"], lea["roles"]) == ("Lea M.", ["associate"])

    async def test_of_a_place_puts_nothing_back(self, desk: Page, mia: Device, shop: Shop) -> None:
        await mia.open("manage/places")
        await mia.tap("A-03-2")
        await desk.get_by_label("On the walk").fill("7")
        found = await shop.client.get("locations/A-03-2", headers=shop.headers("mia"))
        based = {**shop.headers("mia"), "If-Match": found.headers["etag"]}
        body = {"kind": "backroom", "zone": "moved", "walk_seq": 3}
        told = await shop.client.put("locations/A-03-2", json=body, headers=based)
        assert told.is_success, told.text
        await mia.tap("Save")
        await mia.sees("Somebody changed this meanwhile")

        assert (await shop.get("locations/A-03-2", by="mia"))["zone"] == "moved"


class TestPlacements:
    async def test_that_are_hidden_stay_as_they_were_typed(
        self, desk: Page, mia: Device, shop: Shop, db: Database
    ) -> None:
        search, milk = desk.get_by_role("searchbox"), desk.get_by_label("Fits, Whole milk 1 gal")
        await mia.open("manage/placements")
        await milk.fill("36")
        await desk.get_by_label("Find by").select_option("location")
        await search.fill("P01-1")
        await search.press("Enter")
        await expect(milk).to_have_count(0)
        await desk.get_by_label("Fits, Bananas").fill("50")
        await mia.tap("Save")
        await mia.sees("1 line saved")
        await search.fill("")
        await search.press("Enter")

        await expect(desk.get_by_label("Fits, Bananas")).to_have_value("50")
        await expect(milk).to_have_value("36")
        await mia.sees("1 line changed")
