"""Keys at the door: who gets in, and for how long a key is believed."""

from datetime import timedelta
from itertools import pairwise

import httpx
import pytest

from pullsvc.access import actions, rules
from pullsvc.access.edge import MAX_LATE_DAYS
from pullsvc.access.ring import KeyRing
from pullsvc.access.rules import PERMISSIONS, Perm, Role
from pullsvc.clock import wall_clock
from pullsvc.db import Database
from tests.conftest import Ticking
from tests.factories import NOON, all_rows, floor, fresh_key, key, signed_in, stocked, store


class TestKeyRing:
    async def test_believes_a_key_for_a_while_and_then_reads_it_again(self, db: Database) -> None:
        await store(db)
        token = await key(db, role=Role.LEAD)
        patient, strict = KeyRing(believe_s=60), KeyRing(believe_s=0)
        for ring in (patient, strict):
            await ring.principal(db, token)

        async with db.begin() as tx:
            await actions.revoke_key(tx, key_id=token.split("_")[1], now=NOON)

        assert (await patient.principal(db, token)).roles == {1: frozenset({Role.LEAD})}
        with pytest.raises(rules.UnknownCaller):
            await strict.principal(db, token)

    async def test_notes_when_a_key_was_used(self, db: Database) -> None:
        await store(db)
        token = await key(db, role=Role.LEAD)
        assert [k["last_used_at"] for k in await all_rows(db, "api_keys")] == [None]

        await KeyRing(believe_s=0).principal(db, token)

        (kept,) = await all_rows(db, "api_keys")
        assert wall_clock().now() - kept["last_used_at"] < timedelta(minutes=1)

    async def test_refuses_an_expired_key(self, db: Database) -> None:
        await store(db)
        async with db.begin() as tx:
            made = await actions.create_key(
                tx, name="till", kind="pos", grants={1: Role.POS}, chain_role=None,
                expires_at=wall_clock().now() - timedelta(seconds=1), now=NOON,
            )  # fmt: skip

        with pytest.raises(rules.UnknownCaller):
            await KeyRing(believe_s=0).principal(db, made.token)

    @pytest.mark.parametrize("token", ["", "x", "pls_1_2", "pls_" + "0" * 12 + "_" + "f" * 63, "a" * 10_000])
    async def test_refuses_what_is_no_key_without_asking_the_database(
        self, db: Database, statements: list[str], token: str
    ) -> None:
        with pytest.raises(rules.UnknownCaller):
            await KeyRing(believe_s=0).principal(db, token)

        assert statements == []

    async def test_keeps_only_the_hash_of_a_secret(self, db: Database) -> None:
        await store(db)
        token = await key(db, role=Role.LEAD)

        (kept,) = await all_rows(db, "api_keys")

        assert token.split("_")[2].encode() not in bytes(kept["secret_hash"])
        assert kept["secret_hash"] == rules.hash_secret(token.split("_")[2])


class TestRoles:
    def test_each_role_may_what_the_lower_one_may(self) -> None:
        ladder = [Role.READONLY, Role.ASSOCIATE, Role.BACKROOM, Role.LEAD, Role.MANAGER, Role.ADMIN]

        for lower, higher in pairwise(ladder):
            assert PERMISSIONS[lower] < PERMISSIONS[higher]

    def test_a_till_may_only_sell(self) -> None:
        assert PERMISSIONS[Role.POS] == {Perm.SELL}

    async def test_a_chain_role_opens_every_store_that_exists(self, db: Database, client: httpx.AsyncClient) -> None:
        await store(db, store_id=7)
        client.headers["Authorization"] = f"Bearer {await key(db, role=Role.READONLY, chain=True)}"

        answers = [(await client.get(f"/v1/stores/{n}/pulls")).status_code for n in (7, 8)]

        assert answers == [200, 404]

    async def test_a_role_too_low_is_told_what_it_needs(self, db: Database, client: httpx.AsyncClient) -> None:
        await store(db)
        await signed_in(db, client, role=Role.POS)

        refused = await client.get("/v1/stores/1/pulls")

        assert (refused.status_code, refused.json()["needs"]) == (403, "read")


class TestRepeat:
    @pytest.mark.parametrize("path", ["receivings", "asks"])
    async def test_of_an_act_too_old_by_now_is_answered(
        self, db: Database, client: httpx.AsyncClient, clock: Ticking, path: str
    ) -> None:
        """It was booked in time, and only its answer was lost; what was never booked is too late."""
        shop = await floor(db, client)
        await stocked(db, sku="milk", bins={"B1": 30}, capacity=12)
        happened = NOON - timedelta(days=MAX_LATE_DAYS, hours=-1)
        ask = {"code": "milk", "occurred_at": happened.isoformat()}
        body = ask if path == "asks" else {**ask, "qty": 5, "location": "B1", "reference": "d1"}
        headers = {**fresh_key(), "Authorization": f"Bearer {shop.keys['ben']}"}

        first = await client.post(f"{shop.url}/{path}", json=body, headers=headers)
        clock.pass_(hours=2)
        again = await client.post(f"{shop.url}/{path}", json=body, headers=headers)
        new = await client.post(f"{shop.url}/{path}", json=body, headers={**headers, **fresh_key()})

        assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
        assert (new.status_code, new.json()["code"]) == (422, "too-late")
