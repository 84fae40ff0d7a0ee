"""What people say of the watch's pulls, and what is believed from then on; deliveries that are expected."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from pullsvc.access.rules import Role
from pullsvc.db import Database
from tests.conftest import Ticking
from tests.factories import NOON, all_rows, fresh_key, signed_in
from tests.restock.world import ask, balance, count, shelf, the_pull, watch

SOON = NOON + timedelta(minutes=1)
STORE = "/v1/stores/1"


async def say(client: httpx.AsyncClient, kind: str, **more: Any) -> httpx.Response:
    return await client.post(f"{STORE}/pulls/1/wrongs", json={"kind": kind, **more}, headers=fresh_key())


@pytest.fixture
async def pulled(db: Database, client: httpx.AsyncClient) -> int:
    """The watch has asked for milk; somebody stands at the shelf."""
    await shelf(db, on_shelf=3)
    await watch(db)
    await signed_in(db, client, role=Role.ASSOCIATE)
    pull: Any = await the_pull(db)
    await renumbered(db, pull["pull_id"])
    return 1


async def renumbered(db: Database, pull_id: int) -> None:
    from pullsvc.db import sql  # noqa: PLC0415 - for this one statement

    async with db.begin() as tx:
        await tx.run(sql("DELETE FROM asks"))
        await tx.run(sql("UPDATE pulls SET pull_id = 1 WHERE pull_id = :n"), n=pull_id)


@pytest.mark.usefixtures("pulled")
class TestTellWrong:
    async def test_sets_the_book_of_a_full_shelf_right_and_the_pull_ends(
        self, db: Database, client: httpx.AsyncClient
    ) -> None:
        told = await say(client, "shelf_full")

        assert told.status_code == 201
        assert (await balance(db, "milk"))["qty"] == 24
        assert (await watch(db, now=SOON)).expired == 1
        shown = (await client.get(f"{STORE}/watch/milk/wrongs")).json()["items"]
        assert shown == (await client.get(f"{STORE}/pulls/1/wrongs")).json()["items"] == [told.json()]

    async def test_believes_the_number_that_somebody_saw(self, db: Database, client: httpx.AsyncClient) -> None:
        await say(client, "shelf_full", seen_qty=20)

        assert (await balance(db, "milk"))["qty"] == 20

    async def test_does_not_reckon_with_a_bin_in_which_the_item_was_missed_until_it_is_counted(
        self, db: Database, client: httpx.AsyncClient
    ) -> None:
        await say(client, "not_there")

        (asked,) = await all_rows(db, "counts")
        assert (asked["location"], asked["state"], asked["reason"]) == ("B1", "requested", "not_there")
        (here,) = (await client.get(f"{STORE}/watch/milk")).json()["shelves"]
        assert here["backroom"] == 0
        counted = {"code": "milk", "location": "B1", "counted_qty": 50}
        assert (await client.post(f"{STORE}/counts", json=counted, headers=fresh_key())).status_code == 201
        (here,) = (await client.get(f"{STORE}/watch/milk")).json()["shelves"]
        assert here["backroom"] == 50 - 18

    async def test_believes_a_smaller_capacity_until_the_placement_is_changed(
        self, db: Database, client: httpx.AsyncClient, clock: Ticking
    ) -> None:
        await count(db, "milk", 12)
        await say(client, "wrong_capacity", seen_qty=12)
        (here,) = (await client.get(f"{STORE}/watch/milk")).json()["shelves"]
        assert (here["capacity"], here["verdict"]) == (12, "full")

        clock.pass_(minutes=1)
        await signed_in(db, client, role=Role.MANAGER)
        placed = {"capacity": 20, "presentation_min": 2, "facings": 1, "is_home": True}
        saved = await client.put(f"{STORE}/placements/A1/milk", json=placed, headers={"If-Match": "*"})
        assert saved.status_code == 200
        (here,) = (await client.get(f"{STORE}/watch/milk")).json()["shelves"]
        assert here["capacity"] == 20

    async def test_needs_a_number_for_a_capacity(self, client: httpx.AsyncClient) -> None:
        refused = await say(client, "wrong_capacity")

        assert (refused.status_code, refused.json()["type"]) == (422, "/problems/seen-qty-missing")

    async def test_is_done_once_for_one_key(self, db: Database, client: httpx.AsyncClient) -> None:
        key = fresh_key()
        twice = [
            await client.post(f"{STORE}/pulls/1/wrongs", json={"kind": "not_there"}, headers=key) for _ in range(2)
        ]

        assert twice[0].json() == twice[1].json()
        assert len(await all_rows(db, "pull_wrongs")) == 1


class TestRefusals:
    async def test_are_for_pulls_of_people_and_pulls_that_do_not_exist(
        self, db: Database, client: httpx.AsyncClient
    ) -> None:
        sku = await shelf(db, on_shelf=3)
        await ask(db, sku)
        pull: Any = await the_pull(db)
        await renumbered(db, pull["pull_id"])
        await signed_in(db, client, role=Role.ASSOCIATE)

        of_people = await say(client, "shelf_full")
        unknown = await client.post(f"{STORE}/pulls/77/wrongs", json={"kind": "shelf_full"}, headers=fresh_key())

        assert (of_people.status_code, of_people.json()["type"]) == (409, "/problems/not-a-pull-of-the-watch")
        assert unknown.status_code == 404


class TestDeliveries:
    async def test_have_routine_pulls_wait(self, db: Database, client: httpx.AsyncClient, clock: Ticking) -> None:
        """Twelve on the shelf would be topped up, but the lorry comes in half an hour; three cannot wait for it."""
        await shelf(db, on_shelf=12, sku="some", presentation_min=0)
        await shelf(db, on_shelf=3, sku="few")
        await signed_in(db, client, role=Role.BACKROOM)
        expected = {"reference": "ASN-1", "due_at": (NOON + timedelta(minutes=30)).isoformat()}
        made = await client.post(f"{STORE}/expected-deliveries", json=expected, headers=fresh_key())
        assert (made.status_code, made.json()["arrived_at"]) == (201, None)
        await watch(db)
        assert [p["sku"] for p in await all_rows(db, "pulls")] == ["few"]

        clock.pass_(minutes=45)
        arrived = await client.post(f"{STORE}/expected-deliveries/ASN-1/arrivals", headers=fresh_key())
        assert arrived.json()["arrived_at"] is not None
        assert (await client.get(f"{STORE}/expected-deliveries")).json()["items"] == [arrived.json()]
        await watch(db, now=clock.now())
        assert sorted(p["sku"] for p in await all_rows(db, "pulls")) == ["few", "some"]

    async def test_are_known_by_their_reference(self, db: Database, client: httpx.AsyncClient) -> None:
        await shelf(db)
        await signed_in(db, client, role=Role.BACKROOM)
        for minutes in (30, 90):
            due_at = (NOON + timedelta(minutes=minutes)).isoformat()
            body = {"reference": "ASN-1", "due_at": due_at}
            await client.post(f"{STORE}/expected-deliveries", json=body, headers=fresh_key())

        (kept,) = (await client.get(f"{STORE}/expected-deliveries")).json()["items"]
        assert kept["due_at"].startswith("2026-03-14T13:30")
        lost = await client.post(f"{STORE}/expected-deliveries/ASN-2/arrivals", headers=fresh_key())
        assert lost.status_code == 404

    async def test_expected_for_another_time_after_they_arrived_are_on_their_way_again(
        self, db: Database, client: httpx.AsyncClient, clock: Ticking
    ) -> None:
        """The lorry of every morning has the same reference; the same word once more changes nothing."""
        await shelf(db)
        await signed_in(db, client, role=Role.BACKROOM)

        async def expect(due_at: datetime) -> Any:
            body = {"reference": "DSD-1", "due_at": due_at.isoformat()}
            return (await client.post(f"{STORE}/expected-deliveries", json=body, headers=fresh_key())).json()

        await expect(NOON + timedelta(minutes=5))
        await client.post(f"{STORE}/expected-deliveries/DSD-1/arrivals", headers=fresh_key())
        clock.pass_(days=1)
        repeated = await expect(NOON + timedelta(minutes=5))
        corrected = await expect(NOON - timedelta(minutes=5))
        again = await expect(NOON + timedelta(days=1, hours=1))

        assert [said["arrived_at"] is None for said in (repeated, corrected, again)] == [False, False, True]
