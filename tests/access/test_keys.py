"""API keys of a store in the hands of its manager: nothing that reaches further."""

from typing import Any

import httpx
import pytest

from pullsvc.access import actions
from pullsvc.access.rules import Role
from pullsvc.db import Database
from tests.access.people import code_of
from tests.factories import NOON, all_rows, fresh_key, key, signed_in, store

TILL = {"name": "Tills", "role": "pos", "kind": "pos"}


@pytest.fixture
async def manager(db: Database, client: httpx.AsyncClient) -> httpx.AsyncClient:
    await store(db)
    return await signed_in(db, client, role=Role.MANAGER, name="Mia")


async def make(manager: httpx.AsyncClient, **body: Any) -> httpx.Response:
    return await manager.post("/v1/stores/1/keys", json={**TILL, **body}, headers=fresh_key())


async def listed(manager: httpx.AsyncClient) -> dict[str, Any]:
    return {one["name"]: one for one in (await manager.get("/v1/stores/1/keys")).json()["items"]}


async def works(client: httpx.AsyncClient, token: str, *, store_id: int = 1) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return (await client.get(f"/v1/stores/{store_id}/pulls", headers=headers)).status_code


class TestMaking:
    async def test_makes_a_key_of_this_store_and_shows_it_once(self, db: Database, manager: httpx.AsyncClient) -> None:
        await store(db, store_id=2)

        made = (await make(manager, role="readonly", expires_days=7)).json()

        assert [await works(manager, made["token"], store_id=n) for n in (1, 2)] == [200, 404]
        shown = (await listed(manager))["Tills"]
        assert (shown["key_id"], shown["roles"], shown["is_ours"]) == (made["key_id"], ["readonly"], True)
        assert made["token"].split("_")[2] not in str(await manager.get("/v1/stores/1/keys"))

    async def test_repeated_makes_one_key_and_does_not_show_it_again(
        self, db: Database, manager: httpx.AsyncClient
    ) -> None:
        same = fresh_key()
        before = len(await all_rows(db, "api_keys"))

        first, again = [await manager.post("/v1/stores/1/keys", json=TILL, headers=same) for _ in range(2)]

        assert again.status_code == 201
        assert again.json() == {**first.json(), "token": None}
        assert len(await all_rows(db, "api_keys")) == before + 1
        secret = first.json()["token"].split("_")[2]
        for table in ("idempotency_keys", "events"):
            assert secret not in str(await all_rows(db, table))

    @pytest.mark.parametrize("wrong", [{"role": "admin"}, {"kind": "person"}, {"expires_days": 0}, {"name": " "}])
    async def test_gives_nothing_that_reaches_further(self, manager: httpx.AsyncClient, wrong: dict[str, Any]) -> None:
        assert (await make(manager, **wrong)).status_code == 422


class TestRevoking:
    async def test_makes_a_key_worthless(self, manager: httpx.AsyncClient) -> None:
        made = (await make(manager, role="readonly")).json()

        answers = [await manager.delete(f"/v1/stores/1/keys/{made['key_id']}") for _ in range(2)]

        assert [answer.status_code for answer in answers] == [204, 404]
        assert await works(manager, made["token"]) == 401
        assert (await listed(manager))["Tills"]["revoked_at"]

    async def test_leaves_alone_what_reaches_further(self, db: Database, manager: httpx.AsyncClient) -> None:
        await store(db, store_id=2)
        tokens = {"admin": await key(db, role=Role.ADMIN, name="admin")}
        async with db.begin() as tx:
            made = await actions.create_key(
                tx, name="both", kind="service", grants={1: Role.LEAD, 2: Role.LEAD}, chain_role=None,
                expires_at=None, now=NOON,
            )  # fmt: skip
        tokens["both"] = made.token

        for name, token in tokens.items():
            shown = (await listed(manager))[name]
            assert (shown["is_ours"], len(shown["roles"])) == (False, 1)
            refused = await manager.delete(f"/v1/stores/1/keys/{shown['key_id']}")
            assert code_of(refused) == (403, "key-of-the-operator")
            assert await works(manager, token) == 200

    async def test_finds_no_key_of_another_store_or_of_the_chain(
        self, db: Database, manager: httpx.AsyncClient
    ) -> None:
        await store(db, store_id=2)
        for token in (await key(db, role=Role.LEAD, store_id=2), await key(db, role=Role.ADMIN, chain=True)):
            answer = await manager.delete(f"/v1/stores/1/keys/{token.split('_')[1]}")
            assert code_of(answer) == (404, "no-such-key")
        assert set(await listed(manager)) == {"Mia"}
