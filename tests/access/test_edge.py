"""Keys at the door: who gets in, and for how long a key is believed."""

from datetime import timedelta
from itertools import pairwise

import httpx
import pytest

from pullsvc.access import actions, rules
from pullsvc.access.ring import KeyRing
from pullsvc.access.rules import PERMISSIONS, Perm, Role
from pullsvc.clock import wall_clock
from pullsvc.db import Database
from tests.factories import NOON, all_rows, key, signed_in, store


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
