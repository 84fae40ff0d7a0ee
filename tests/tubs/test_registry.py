"""Tubs are registered by whoever has a new one in hand, and made by the dozen to be labelled."""

import asyncio
from typing import Any

import httpx
import pytest

from pullsvc.access.rules import Role
from pullsvc.db import Database
from tests import factories
from tests.factories import all_rows, fresh_key, key, signed_in

USUAL = {"volume_ml": 60_000, "weight_g": 20_000}
SSCC = "106141412345678908"


@pytest.fixture
async def ben(db: Database, client: httpx.AsyncClient) -> httpx.AsyncClient:
    """Works in the backroom of store 1."""
    await factories.store(db)
    return await signed_in(db, client, role=Role.BACKROOM)


async def register(client: httpx.AsyncClient, tub: str, **size: int) -> tuple[int, Any]:
    answer = await client.post("/v1/stores/1/tubs", json={"tub": tub, **size}, headers=fresh_key())
    return answer.status_code, answer.json()


class TestRegisterTub:
    async def test_makes_one_that_can_be_filled(self, ben: httpx.AsyncClient) -> None:
        status, tub = await register(ben, "TUB-0042", volume_ml=40_000, weight_g=15_000)

        assert (status, tub["state"], tub["volume_ml"], tub["active"]) == (201, "idle", 40_000, True)

    async def test_leaves_a_known_one_as_it_is(self, ben: httpx.AsyncClient) -> None:
        """Two workers with the same tub between them."""
        await register(ben, "TUB-0042", volume_ml=40_000)

        status, tub = await register(ben, "TUB-0042", volume_ml=90_000)

        assert (status, tub["volume_ml"], tub["version"]) == (200, 40_000, 1)

    async def test_takes_plates_of_gs1(self, ben: httpx.AsyncClient) -> None:
        status, tub = await register(ben, f"]C100{SSCC}")

        assert (status, tub["tub"]) == (201, SSCC)

    @pytest.mark.parametrize(
        ("scanned", "code"),
        [("milk", "not-a-tub"), ("4006381333931", "not-a-tub"), ("BR-1", "kind-is-fixed")],
        ids=["an item of the store", "an item of nobody", "a bin"],
    )
    async def test_refuses_what_is_no_tub(self, ben: httpx.AsyncClient, db: Database, scanned: str, code: str) -> None:
        await factories.item(db, sku="milk")
        await factories.location(db, code="BR-1")

        _, problem = await register(ben, scanned)

        assert problem["code"] == code
        assert await all_rows(db, "tubs") == []

    async def test_brings_none_back_that_was_taken_out_of_use(self, ben: httpx.AsyncClient, db: Database) -> None:
        await register(ben, "TUB-1")
        lead = {"Authorization": f"Bearer {await key(db, role=Role.LEAD)}", "If-Match": '"1"'}
        retired = await ben.put("/v1/stores/1/tubs/TUB-1", json={**USUAL, "active": False}, headers=lead)
        assert retired.status_code == 200, retired.text

        status, problem = await register(ben, "TUB-1")

        assert (status, problem["code"]) == (409, "tub-out-of-use")


class TestKinds:
    async def test_are_those_in_use_the_most_usual_first(self, ben: httpx.AsyncClient) -> None:
        assert (await ben.get("/v1/stores/1/tub-kinds")).json() == {"kinds": [{**USUAL, "tubs": 0}]}
        for tub, litres in (("TUB-1", 40), ("TUB-2", 80), ("TUB-3", 80)):
            await register(ben, tub, volume_ml=litres * 1000)

        kinds = (await ben.get("/v1/stores/1/tub-kinds")).json()["kinds"]

        assert [(kind["volume_ml"], kind["tubs"]) for kind in kinds] == [(80_000, 2), (40_000, 1)]


class TestMakeTubs:
    async def test_goes_on_behind_the_last_plate_also_when_two_do_so_at_once(
        self, ben: httpx.AsyncClient, db: Database
    ) -> None:
        await register(ben, "TUB-0041")
        await register(ben, "TUB-old")
        lead = {"Authorization": f"Bearer {await key(db, role=Role.LEAD)}"}

        made = await asyncio.gather(
            *(
                ben.post("/v1/stores/1/tub-batches", json={"count": 3, **USUAL}, headers={**lead, **fresh_key()})
                for _ in range(2)
            )
        )

        assert [answer.status_code for answer in made] == [201, 201]
        plates = sorted(tub["tub"] for answer in made for tub in answer.json()["tubs"])
        assert plates == [f"TUB-00{n}" for n in range(42, 48)]

    async def test_is_for_leads(self, ben: httpx.AsyncClient) -> None:
        refused = await ben.post("/v1/stores/1/tub-batches", json={"count": 1}, headers=fresh_key())

        assert refused.status_code == 403
