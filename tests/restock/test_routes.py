"""The watch over HTTP: its settings, and what it thinks of an item."""

from typing import Any

import httpx
import pytest

from pullsvc.access.rules import Role
from pullsvc.db import Database
from tests.factories import all_rows, item, placement, signed_in, store
from tests.restock.world import shelf, watch

SETTINGS = "/v1/stores/1/watch-settings"
DEFAULTS = {
    "enabled": True, "lead_default_s": 2700, "line_s": 60.0, "unit_s": 2.5, "presentation": True, "checks_an_hour": 6,
    "departments": {},
}  # fmt: skip


class TestGetWatchSettings:
    async def test_shows_the_defaults_before_the_watch_has_seen_the_store(
        self, db: Database, client: httpx.AsyncClient
    ) -> None:
        await store(db)
        await signed_in(db, client, role=Role.READONLY)
        before = await client.get(SETTINGS)
        await watch(db)
        after = await client.get(SETTINGS)

        assert before.json() == after.json()
        assert before.headers["ETag"] == after.headers["ETag"] == '"1"'
        assert before.json()["enabled"] is True
        assert before.json()["updated_at"] is None


class TestPutWatchSettings:
    async def test_changes_them_for_whoever_knows_the_version(self, db: Database, client: httpx.AsyncClient) -> None:
        await shelf(db)
        await watch(db)
        await signed_in(db, client, role=Role.MANAGER, name="Maria")
        body = {
            "enabled": False, "lead_default_s": 1800, "line_s": 50.0, "unit_s": 2.0, "presentation": False,
            "checks_an_hour": 2, "departments": {"dairy": {"enabled": True, "weight": 2.5}},
        }  # fmt: skip

        saved = await client.put(SETTINGS, json=body, headers={"If-Match": '"1"'})
        stale = await client.put(SETTINGS, json=body, headers={"If-Match": '"1"'})
        blind = await client.put(SETTINGS, json=body)

        assert (saved.status_code, saved.headers["ETag"]) == (200, '"2"')
        assert {**saved.json(), **body} == saved.json() == (await client.get(SETTINGS)).json()
        assert saved.json()["updated_by"] == "Maria"
        assert (stale.status_code, blind.status_code) == (412, 428)
        (told,) = [e for e in await all_rows(db, "events") if e["kind"] == "watch.settings_changed"]
        assert told["data"] == {"before": {**DEFAULTS}, "after": body}
        assert told["principal_id"] is not None

    async def test_has_every_shelf_looked_at_again(self, db: Database, client: httpx.AsyncClient) -> None:
        """Fourteen on the shelf are enough, until the store says that its grocery counts for ten."""
        sku = await shelf(db, on_shelf=14)
        await watch(db)
        assert await all_rows(db, "pulls") == []
        await signed_in(db, client, role=Role.MANAGER)
        await client.put(
            SETTINGS,
            json={"enabled": True, "lead_default_s": 5400, "departments": {"grocery": {"weight": 10}}},
            headers={"If-Match": "*"},
        )

        assert (await watch(db)).opened == 1
        assert [p["sku"] for p in await all_rows(db, "pulls")] == [sku]

    async def test_is_the_managers_to_do(self, db: Database, client: httpx.AsyncClient) -> None:
        await store(db)
        await signed_in(db, client, role=Role.LEAD)

        assert (await client.put(SETTINGS, json={"enabled": True})).status_code == 403

    @pytest.mark.parametrize(
        "body",
        [
            b'{"enabled": true, "line_s": NaN}',
            b'{"enabled": true, "line_s": 4}',
            b'{"enabled": true, "unit_s": 121}',
            b'{"enabled": true, "lead_default_s": 59}',
            b'{"enabled": true, "lead_default_s": 14401}',
            b'{"enabled": true, "checks_an_hour": 61}',
            b'{"enabled": true, "departments": {"dairy": {"weight": 11}}}',
            b'{"enabled": true, "departments": {"": {}}}',
            b'{"enabled": true, "unknown": 1}',
            b"{}",
        ],
    )
    async def test_refuses_what_makes_no_sense(self, db: Database, client: httpx.AsyncClient, body: bytes) -> None:
        await store(db)
        await signed_in(db, client, role=Role.MANAGER)
        headers = {"Content-Type": "application/json", "If-Match": "*"}

        assert (await client.put(SETTINGS, content=body, headers=headers)).status_code in (400, 422)


class TestGetWatchedItem:
    async def test_tells_what_the_watch_thinks(self, db: Database, client: httpx.AsyncClient) -> None:
        sku = await shelf(db, on_shelf=3)
        await watch(db)
        await signed_in(db, client, role=Role.ASSOCIATE)

        answer = (await client.get(f"/v1/stores/1/watch/{sku}")).json()

        (here,) = answer.pop("shelves")
        assert answer == {"sku": sku, "watching": True, "lead_s": 2700}
        assert here["rate_per_h"] == pytest.approx(6, rel=0.05)
        assert here["pull_id"] is not None
        expected: dict[str, Any] = {"shelf": "A1", "on_hand": 3, "in_flight": 18, "backroom": 42, "trigger_qty": 16}
        assert {**here, **expected, "verdict": "enough", "qty": 0} == here
        assert (
            here["sentence"] == "Sells 6.0 an hour (4.9 to 7.2), 3 on the shelf, lasts 30 min, 18 on the way; "
            "77 % to be empty before a pull arrives in 45 min, which saves 18.0 sales, 10.3 a minute of work. "
            "Last sold 1 at 11:30, 1 at 11:40, 1 at 11:50."
        )
        assert here["next_check_at"] > here["evaluated_at"]

    async def test_tells_it_of_an_item_that_was_never_looked_at(self, db: Database, client: httpx.AsyncClient) -> None:
        await shelf(db, on_shelf=3)
        await signed_in(db, client, role=Role.ASSOCIATE)

        (here,) = (await client.get("/v1/stores/1/watch/milk")).json()["shelves"]

        assert (here["verdict"], here["qty"], here["evaluated_at"]) == ("pull", 18, None)
        assert await all_rows(db, "pulls") == []

    async def test_shows_the_home_first_and_every_other_shelf(self, db: Database, client: httpx.AsyncClient) -> None:
        sku = await shelf(db)
        await placement(db, sku=sku, shelf="A0", is_home=False)
        await signed_in(db, client, role=Role.ASSOCIATE)

        shelves = (await client.get(f"/v1/stores/1/watch/{sku}")).json()["shelves"]

        assert [s["shelf"] for s in shelves] == ["A1", "A0"]

    async def test_promises_the_backroom_to_one_shelf_only(self, db: Database, client: httpx.AsyncClient) -> None:
        sku = await shelf(db, on_shelf=0, backroom=30)
        await placement(db, sku=sku, shelf="END1", capacity=24, is_home=False)
        await signed_in(db, client, role=Role.ASSOCIATE)

        shelves = (await client.get(f"/v1/stores/1/watch/{sku}")).json()["shelves"]

        assert [s["qty"] for s in shelves] == [24, 6]

    async def test_has_no_shelf_for_an_item_without_a_place(self, db: Database, client: httpx.AsyncClient) -> None:
        await store(db)
        await item(db, sku="loose")
        await signed_in(db, client, role=Role.ASSOCIATE)

        assert (await client.get("/v1/stores/1/watch/loose")).json()["shelves"] == []
        assert (await client.get("/v1/stores/1/watch/nothing")).status_code == 404
