"""The catalog over HTTP: versions, permissions, stores that are not one's own."""

from typing import Any

import httpx
import pytest

from pullsvc.db import Database
from pullsvc.web.pages import encode_cursor
from tests.factories import OPEN_DAILY, all_rows, item, key, location, placement, signed_in, store

EACH = "09521234543213"
CASE = "19521234543210"
MILK: dict[str, Any] = {
    "description": "Milk 1 l",
    "department": "dairy",
    "case_pack": 12,
    "attributes": ["chilled"],
    "barcodes": [{"code": "9521234543213"}, {"code": CASE, "pack_qty": 12}],
}
SHELF: dict[str, Any] = {"kind": "shelf", "zone": "dairy", "walk_seq": 3}
STORE: dict[str, Any] = {"name": "Main Street", "time_zone": "America/New_York", "opening_hours": OPEN_DAILY}


def match(version: int) -> dict[str, str]:
    return {"If-Match": f'"{version}"'}


@pytest.fixture
async def manager(db: Database, client: httpx.AsyncClient) -> httpx.AsyncClient:
    """A manager of store 1."""
    await store(db)
    client.base_url = httpx.URL("http://pullsvc.test/v1/stores/1/")
    return await signed_in(db, client, role="manager")


class TestStores:
    async def test_the_chain_creates_a_store_with_its_built_in_places(
        self, db: Database, client: httpx.AsyncClient
    ) -> None:
        client.headers["Authorization"] = f"Bearer {await key(db, role='admin', chain=True)}"

        made = await client.put("/v1/stores/7", json=STORE)

        assert made.status_code == 201, made.text
        assert made.headers["etag"] == '"1"'
        assert made.json()["day_starts_at"] == "05:00"
        assert made.json()["opening_hours"]["mon"] == [["06:00", "22:00"]]
        places = (await client.get("/v1/stores/7/locations")).json()["items"]
        assert {place["location"]: place["kind"] for place in places} == {
            "RECEIVING": "receiving", "RETURNS": "receiving", "UNPLACED": "shelf",
        }  # fmt: skip

    async def test_a_store_is_changed_by_its_version(self, db: Database, client: httpx.AsyncClient) -> None:
        await store(db)
        client.headers["Authorization"] = f"Bearer {await key(db, role='admin', chain=True)}"

        assert (await client.put("/v1/stores/1", json=STORE)).status_code == 428
        assert (await client.put("/v1/stores/1", json=STORE, headers=match(9))).status_code == 412
        changed = await client.put("/v1/stores/1", json=STORE, headers=match(1))
        assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
        assert (await client.get("/v1/stores/1")).json()["time_zone"] == "America/New_York"

    async def test_a_manager_does_not(self, manager: httpx.AsyncClient) -> None:
        assert (await manager.put("http://pullsvc.test/v1/stores/1", json=STORE)).status_code == 403

    @pytest.mark.parametrize(
        ("member", "value"),
        [
            ("time_zone", "Mars/Olympus"),
            ("time_zone", "../../etc/passwd"),
            ("opening_hours", {"mon": [["22:00", "06:00"]]}),
            ("opening_hours", {"mon": [["06:00", "12:00"], ["11:00", "18:00"]]}),
            ("opening_hours", {"mon": [["6", "12:00"]]}),
            ("opening_hours", {"someday": []}),
            ("day_starts_at", "24:00"),
            ("name", " "),
        ],
    )
    async def test_what_no_store_can_have_is_refused(
        self, db: Database, client: httpx.AsyncClient, member: str, value: object
    ) -> None:
        client.headers["Authorization"] = f"Bearer {await key(db, role='admin', chain=True)}"

        refused = await client.put("/v1/stores/7", json={**STORE, member: value})

        assert refused.status_code == 422, refused.text
        assert refused.json()["errors"][0]["pointer"].startswith(f"/{member}")

    async def test_everyone_sees_the_own_stores_only(self, db: Database, client: httpx.AsyncClient) -> None:
        for store_id in (1, 2, 3):
            await store(db, store_id=store_id)
        await signed_in(db, client, store_id=2)

        listed = (await client.get("/v1/stores")).json()

        assert [each["store_id"] for each in listed["items"]] == [2]
        assert (await client.get("/v1/stores/3")).status_code == 404
        client.headers["Authorization"] = f"Bearer {await key(db, role='readonly', chain=True)}"
        page = (await client.get("/v1/stores", params={"limit": 2})).json()
        rest = (await client.get("/v1/stores", params={"cursor": page["next_cursor"]})).json()
        assert [each["store_id"] for each in page["items"] + rest["items"]] == [1, 2, 3]

    async def test_are_none_after_a_number_beyond_them_all(self, db: Database, client: httpx.AsyncClient) -> None:
        await store(db)
        await signed_in(db, client)

        answer = await client.get("/v1/stores", params={"cursor": encode_cursor([2**62])})

        assert (answer.status_code, answer.json()["items"]) == (200, [])


class TestItems:
    async def test_are_created_read_changed_and_retired(self, manager: httpx.AsyncClient, db: Database) -> None:
        made = await manager.put("items/milk", json=MILK)
        assert (made.status_code, made.headers["etag"]) == (201, '"1"')
        assert made.json()["barcodes"] == [{"code": EACH, "pack_qty": 1}, {"code": CASE, "pack_qty": 12}]

        assert (await manager.put("items/milk", json=MILK)).status_code == 428
        assert (await manager.put("items/milk", json=MILK, headers=match(2))).status_code == 412
        fewer = {**MILK, "barcodes": [{"code": CASE, "pack_qty": 6}]}
        changed = await manager.put("items/milk", json=fewer, headers=match(1))
        assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')

        assert (await manager.delete("items/milk")).status_code == 428
        assert (await manager.delete("items/milk", headers=match(2))).status_code == 204
        seen = await manager.get("items/milk")
        assert (seen.headers["etag"], seen.json()["active"]) == ('"3"', False)
        assert seen.json()["barcodes"] == [{"code": CASE, "pack_qty": 6}]
        assert [event["kind"] for event in await all_rows(db, "events")] == ["item.changed"] * 3

    async def test_a_version_of_what_does_not_exist_is_stale(self, manager: httpx.AsyncClient) -> None:
        assert (await manager.put("items/milk", json=MILK, headers=match(1))).status_code == 412
        assert (await manager.delete("items/milk", headers=match(1))).status_code == 404

    async def test_a_barcode_of_another_item_is_refused_and_nothing_is_written(
        self, manager: httpx.AsyncClient, db: Database
    ) -> None:
        await item(db, sku="cream", codes={CASE: 4})

        refused = await manager.put("items/milk", json=MILK)

        assert (refused.status_code, refused.json()["code"]) == (409, "barcode-taken")
        assert refused.json()["taken"] == {CASE: "cream"}
        assert (await manager.get("items/milk")).status_code == 404
        assert len(await all_rows(db, "barcodes")) == 1

    @pytest.mark.parametrize(
        ("change", "status"),
        [
            ({"barcodes": [{"code": "9521234543212"}]}, 422),
            ({"barcodes": [{"code": EACH}, {"code": "9521234543213", "pack_qty": 2}]}, 422),
            ({"barcodes": [{"code": EACH}, {"code": "9521234543213"}]}, 201),
            ({"attributes": ["sharp"]}, 422),
            ({"attributes": ["heavy", "frozen", "heavy"]}, 201),
            ({"case_pack": 0}, 422),
            ({"volume_ml": 2**31}, 422),
            ({"description": "a\x00b"}, 422),
            ({"colour": "white"}, 422),
        ],
    )
    async def test_are_checked(self, manager: httpx.AsyncClient, change: dict[str, Any], status: int) -> None:
        assert (await manager.put("items/milk", json={**MILK, **change})).status_code == status

    async def test_a_sku_that_a_scan_would_misread_is_refused(self, manager: httpx.AsyncClient) -> None:
        refused = await manager.put("items/036000291453", json=MILK)

        assert (refused.status_code, refused.json()["code"]) == (422, "unreadable-code")

    async def test_are_found_by_the_words_that_somebody_types(self, manager: httpx.AsyncClient) -> None:
        for sku, description in {
            "1": "Milk 1 l whole",
            "2": "Milk 1 l 0.5% fat",
            "3": "Soy drink",
            "4": "Soap_5",
        }.items():
            await manager.put(f"items/{sku}", json={**MILK, "description": description, "barcodes": []})

        async def found(q: str) -> list[str]:
            return [each["sku"] for each in (await manager.get("items", params={"q": q})).json()["items"]]

        assert await found("milk") == ["1", "2"]
        assert await found("fat MILK") == ["2"]
        assert await found("5%") == ["2"]
        assert await found("p_5") == ["4"]
        assert await found("milk soap") == []

    async def test_are_listed_by_name(self, manager: httpx.AsyncClient) -> None:
        for sku in ("1", "2", "3"):
            await manager.put(f"items/{sku}", json={**MILK, "barcodes": [{"code": f"CODE-{sku}"}]})

        listed = (await manager.get("items", params={"sku": ["1", "3", "nothing"]})).json()["items"]

        assert [(each["sku"], each["barcodes"][0]["code"]) for each in listed] == [("1", "CODE-1"), ("3", "CODE-3")]

    async def test_are_listed_by_department_page_by_page(self, manager: httpx.AsyncClient) -> None:
        for n in range(5):
            body = {**MILK, "barcodes": [], "department": "dairy" if n else "bakery"}
            await manager.put(f"items/sku{n}", json=body)

        first = (await manager.get("items", params={"department": "dairy", "limit": 3})).json()
        rest = (
            await manager.get("items", params={"department": "dairy", "limit": 3, "cursor": first["next_cursor"]})
        ).json()

        assert [each["sku"] for each in first["items"]] == ["sku1", "sku2", "sku3"]
        assert [each["sku"] for each in rest["items"]] == ["sku4"]
        assert rest["next_cursor"] is None


class TestLocations:
    async def test_are_created_changed_retired_and_taken_back(self, manager: httpx.AsyncClient) -> None:
        assert (await manager.put("locations/A1", json=SHELF)).status_code == 201
        assert (await manager.put("locations/A1", json=SHELF)).status_code == 428
        moved = await manager.put("locations/A1", json={**SHELF, "walk_seq": 9}, headers=match(1))
        assert (moved.status_code, moved.headers["etag"], moved.json()["walk_seq"]) == (200, '"2"', 9)
        assert (await manager.delete("locations/A1", headers=match(1))).status_code == 412
        assert (await manager.delete("locations/A1", headers=match(2))).status_code == 204
        assert (await manager.get("locations/A1")).json()["active"] is False
        back = await manager.put("locations/A1", json=SHELF, headers=match(3))
        assert back.json()["active"] is True

    async def test_that_every_store_needs_stay(self, manager: httpx.AsyncClient) -> None:
        refused = await manager.delete("locations/UNPLACED", headers={"If-Match": "*"})

        assert (refused.status_code, refused.json()["code"]) == (409, "built-in-place")

    async def test_leave_tubs_to_the_tubs_room(self, manager: httpx.AsyncClient, db: Database) -> None:
        await location(db, code="TUB-1", kind="tub")

        assert (await manager.put("locations/TUB-2", json={**SHELF, "kind": "tub"})).status_code == 422
        assert (await manager.delete("locations/TUB-1", headers=match(1))).status_code == 422

    async def test_lie_in_a_real_zone(self, manager: httpx.AsyncClient) -> None:
        refused = await manager.put("locations/A1", json={**SHELF, "zone": "unknown"})

        assert refused.status_code == 422
        assert "items that are in no bin" in refused.text

    async def test_are_listed_by_kind_and_zone(self, manager: httpx.AsyncClient) -> None:
        await manager.put("locations/A1", json=SHELF)
        await manager.put("locations/A2", json={**SHELF, "zone": "bakery"})

        listed = (await manager.get("locations", params={"kind": "shelf", "zone": "dairy", "active": True})).json()

        assert [each["location"] for each in listed["items"]] == ["A1"]


class TestPlacements:
    async def test_are_created_changed_and_removed(self, manager: httpx.AsyncClient, db: Database) -> None:
        await item(db, sku="milk")
        await location(db, code="A1", kind="shelf", zone="dairy")
        plan = {"capacity": 24, "presentation_min": 4}

        made = await manager.put("placements/A1/milk", json=plan)
        assert (made.status_code, made.headers["etag"], made.json()["zone"]) == (201, '"1"', "dairy")
        assert (await manager.put("placements/A1/milk", json=plan)).status_code == 428
        assert (await manager.put("placements/A1/milk", json=plan, headers=match(1))).status_code == 200
        listed = (await manager.get("placements", params={"zone": "dairy"})).json()["items"]
        assert [(each["sku"], each["capacity"]) for each in listed] == [("milk", 24)]
        assert (await manager.delete("placements/A1/milk", headers=match(2))).status_code == 204
        assert (await manager.get("placements/A1/milk")).status_code == 404

    async def test_a_new_home_makes_the_former_one_secondary(self, manager: httpx.AsyncClient, db: Database) -> None:
        await item(db, sku="milk")
        await placement(db, sku="milk", shelf="A1")
        await location(db, code="B1", kind="shelf")

        await manager.put("placements/B1/milk", json={"capacity": 10})

        assert (await manager.get("placements/A1/milk")).json()["is_home"] is False
        assert (await manager.get("placements/B1/milk")).json()["is_home"] is True

    async def test_stand_on_shelves_and_hold_items_that_exist(self, manager: httpx.AsyncClient, db: Database) -> None:
        await item(db, sku="milk")
        await location(db, code="A1", kind="shelf")
        plan = {"capacity": 24}

        assert (await manager.put("placements/RECEIVING/milk", json=plan)).status_code == 422
        assert (await manager.put("placements/A9/milk", json=plan)).status_code == 404
        assert (await manager.put("placements/A1/cream", json=plan)).status_code == 404
        assert (await manager.put("placements/A1/milk", json={**plan, "presentation_min": 25})).status_code == 422


class TestLookup:
    async def test_tells_item_and_shelf(self, manager: httpx.AsyncClient, db: Database) -> None:
        await item(db, sku="milk", codes={CASE: 12})
        await placement(db, sku="milk", shelf="A1", capacity=24)

        found = (await manager.get("lookup", params={"code": f"]C101{CASE}10L7\x1d21S9"})).json()

        assert (found["item"]["sku"], found["item"]["pack_qty"], found["item"]["home"]) == ("milk", 12, "A1")
        assert (found["scan"]["lot"], found["scan"]["serial"], found["location"]) == ("L7", "S9", None)

    async def test_tells_tubs_and_locations(self, manager: httpx.AsyncClient, db: Database) -> None:
        await location(db, code="106141412345678908", kind="tub")

        tub = (await manager.get("lookup", params={"code": "]C100106141412345678908"})).json()
        place = (await manager.get("lookup", params={"code": "RECEIVING"})).json()

        assert (tub["scan"]["kind"], tub["location"]["kind"], tub["item"]) == ("tub", "tub", None)
        assert place["location"]["kind"] == "receiving"

    async def test_says_what_is_wrong(self, manager: httpx.AsyncClient) -> None:
        unknown = await manager.get("lookup", params={"code": "9521234543213"})
        unreadable = await manager.get("lookup", params={"code": "9521234543212"})

        assert (unknown.status_code, unknown.json()["code"]) == (404, "no-such-item")
        assert (unreadable.status_code, unreadable.json()["code"]) == (422, "unreadable-code")


WRITES = [
    ("PUT", "items/milk", MILK),
    ("DELETE", "items/milk", None),
    ("PUT", "locations/A1", SHELF),
    ("DELETE", "locations/A1", None),
    ("PUT", "placements/A1/milk", {"capacity": 1}),
    ("DELETE", "placements/A1/milk", None),
    ("POST", "imports/items", None),
]
READS = ["items", "items/milk", "locations", "locations/A1", "placements", "placements/A1/milk", "lookup?code=1"]


class TestDoors:
    @pytest.mark.parametrize(("method", "path", "body"), WRITES)
    async def test_a_lead_may_not_change_the_catalog(
        self, manager: httpx.AsyncClient, db: Database, method: str, path: str, body: object
    ) -> None:
        await signed_in(db, manager, role="lead")

        refused = await manager.request(method, path, json=body)

        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")

    @pytest.mark.parametrize("path", READS)
    async def test_a_till_may_not_read_it(self, manager: httpx.AsyncClient, db: Database, path: str) -> None:
        await signed_in(db, manager, role="pos")

        assert (await manager.get(path)).status_code == 403

    @pytest.mark.parametrize(("method", "path"), [*((m, p) for m, p, _ in WRITES), *(("GET", p) for p in READS)])
    async def test_the_store_of_others_does_not_exist(
        self, manager: httpx.AsyncClient, db: Database, method: str, path: str
    ) -> None:
        await store(db, store_id=2)

        answer = await manager.request(method, f"http://pullsvc.test/v1/stores/2/{path}", json={})

        assert (answer.status_code, answer.json()["code"]) == (404, "no-such-store")
