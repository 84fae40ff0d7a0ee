"""The people of a store, as its manager keeps them."""

from typing import Any

import httpx
import pytest

from pullsvc.access.rules import Role
from pullsvc.db import Database
from tests.access.people import PIN, Browsers, code_of, person, sign_in
from tests.factories import all_rows, fresh_key, key, store

ANA = {"name": "Ana", "badge": "b-77", "roles": ["backroom", "associate"], "qualifications": ["lift", "freezer"]}


@pytest.fixture
async def manager(db: Database, browsers: Browsers) -> httpx.AsyncClient:
    client = await browsers.open()
    client.headers["Authorization"] = f"Bearer {await key(db, role=Role.MANAGER)}"
    return client


async def add(manager: httpx.AsyncClient, **body: Any) -> httpx.Response:
    return await manager.post("/v1/stores/1/people", json={**ANA, **body}, headers=fresh_key())


async def edit(manager: httpx.AsyncClient, who: int, *, version: str = "*", **body: Any) -> httpx.Response:
    return await manager.patch(f"/v1/stores/1/people/{who}", json=body, headers={"If-Match": version})


class TestAdding:
    async def test_makes_a_person_who_cannot_sign_in_yet(self, manager: httpx.AsyncClient) -> None:
        answer = await add(manager)

        ana = answer.json()
        assert answer.status_code == 201
        assert (ana["name"], ana["badge"], ana["roles"]) == ("Ana", "B-77", ["associate", "backroom"])
        assert (ana["qualifications"], ana["has_pin"], ana["active"]) == (["freezer", "lift"], False, True)
        assert (await manager.get("/v1/stores/1/people")).json()["items"] == [ana]

    async def test_makes_a_badge_when_none_is_given(self, manager: httpx.AsyncClient) -> None:
        assert (await add(manager, badge=None)).json()["badge"].startswith("B-")

    async def test_repeated_makes_one_person(self, db: Database, manager: httpx.AsyncClient) -> None:
        same = fresh_key()

        answers = [await manager.post("/v1/stores/1/people", json=ANA, headers=same) for _ in range(2)]

        assert answers[0].json() == answers[1].json()
        assert len(await all_rows(db, "people")) == 1

    async def test_refuses_a_badge_that_somebody_has(self, manager: httpx.AsyncClient) -> None:
        await add(manager)

        assert code_of(await add(manager, name="Ben", badge="B-77")) == (409, "badge-taken")

    async def test_does_not_tell_of_badges_elsewhere(self, db: Database, manager: httpx.AsyncClient) -> None:
        await store(db, store_id=2)
        await person(db, badge="B-77", store_id=2)

        assert (await add(manager)).status_code == 201

    @pytest.mark.parametrize("role", ["admin", "pos"])
    async def test_gives_nobody_more_than_a_manager_is(self, manager: httpx.AsyncClient, role: str) -> None:
        assert (await add(manager, roles=[role])).status_code == 422

    @pytest.mark.parametrize(
        "wrong",
        [
            {"name": ""}, {"name": "\u202eAna\n"}, {"roles": []}, {"badge": "x" * 41}, {"badge": "()"},
            {"qualifications": ["Lift!"]}, {"locale": "Spanish"}, {"pin": PIN},
        ],
    )  # fmt: skip
    async def test_refuses_what_does_not_fit(self, manager: httpx.AsyncClient, wrong: dict[str, Any]) -> None:
        assert (await add(manager, **wrong)).status_code == 422

    async def test_in_another_store_is_not_theirs_to_do(self, db: Database, manager: httpx.AsyncClient) -> None:
        await store(db, store_id=2)

        assert (await manager.post("/v1/stores/2/people", json=ANA, headers=fresh_key())).status_code == 404


class TestEditing:
    async def test_changes_what_is_given_and_keeps_the_rest(self, db: Database, manager: httpx.AsyncClient) -> None:
        ana = (await add(manager, locale="es")).json()

        answer = await edit(manager, ana["principal_id"], version='"1"', name="Ana M.", roles=["lead"])

        assert answer.headers["ETag"] == '"2"'
        changed = answer.json()
        assert (changed["name"], changed["roles"], changed["badge"]) == ("Ana M.", ["lead"], "B-77")
        assert (changed["locale"], changed["qualifications"]) == ("es", ["freezer", "lift"])
        assert [grant["role"] for grant in await all_rows(db, "grants", principal_id=ana["principal_id"])] == ["lead"]

    async def test_can_take_a_language_away(self, manager: httpx.AsyncClient) -> None:
        ana = (await add(manager, locale="es")).json()

        assert (await edit(manager, ana["principal_id"], locale=None)).json()["locale"] is None

    async def test_needs_the_version_it_is_based_on(self, manager: httpx.AsyncClient) -> None:
        who = (await add(manager)).json()["principal_id"]
        await edit(manager, who, name="Ana M.")

        late = await edit(manager, who, version='"1"', name="Anna")
        blind = await manager.patch(f"/v1/stores/1/people/{who}", json={"name": "Anna"})

        assert (late.status_code, blind.status_code) == (412, 428)

    async def test_gives_nobody_more_than_a_manager_is(self, manager: httpx.AsyncClient) -> None:
        who = (await add(manager)).json()["principal_id"]

        assert (await edit(manager, who, roles=["admin"])).status_code == 422

    async def test_reaches_nobody_who_only_has_a_key(self, db: Database, manager: httpx.AsyncClient) -> None:
        await key(db, role=Role.ADMIN, name="operator")
        (operator,) = await all_rows(db, "principals", name="operator")

        assert (await edit(manager, operator["principal_id"], active=False)).status_code == 404

    async def test_a_role_taken_away_counts_at_once_in_a_session(
        self, db: Database, browsers: Browsers, manager: httpx.AsyncClient
    ) -> None:
        who = await person(db, roles=(Role.LEAD,))
        client = await browsers.signed_in(db)
        assert (await client.get("/v1/stores/1/people")).status_code == 200

        await edit(manager, who, roles=["associate"])

        assert (await client.get("/v1/stores/1/people")).status_code == 403

    async def test_who_could_only_look_signs_in_anew_to_do_more(
        self, db: Database, browsers: Browsers, manager: httpx.AsyncClient
    ) -> None:
        """The session of a board on the wall lasts for weeks: a manager's must not."""
        who = await person(db, roles=(Role.READONLY,))
        client = await browsers.signed_in(db)

        await edit(manager, who, name="Ana M.")
        assert (await client.get("/v1/session")).status_code == 200
        await edit(manager, who, roles=["readonly", "manager"])

        assert (await client.get("/v1/session")).status_code == 401


class TestPins:
    async def test_are_random_unless_chosen_and_shown_once(
        self, db: Database, browsers: Browsers, manager: httpx.AsyncClient
    ) -> None:
        who = (await add(manager)).json()["principal_id"]
        client = await browsers.enrolled(db)

        made = await manager.post(f"/v1/stores/1/people/{who}/pin", json={})
        assert (await sign_in(client, badge="B-77", pin=made.json()["pin"])).status_code == 201
        chosen = await manager.post(f"/v1/stores/1/people/{who}/pin", json={"pin": PIN})

        assert chosen.json()["pin"] is None
        assert (await sign_in(client, badge="B-77", pin=made.json()["pin"])).status_code == 401
        assert (await sign_in(client, badge="B-77", pin=PIN)).status_code == 201

    async def test_that_are_easy_to_guess_are_refused(self, manager: httpx.AsyncClient) -> None:
        who = (await add(manager)).json()["principal_id"]

        assert code_of(await manager.post(f"/v1/stores/1/people/{who}/pin", json={"pin": "123123"})) == (
            422,
            "weak-pin",
        )

    async def test_are_set_by_managers_only(self, db: Database, browsers: Browsers) -> None:
        who = await person(db)
        lead = await browsers.open()
        lead.headers["Authorization"] = f"Bearer {await key(db, role=Role.LEAD)}"

        assert (await lead.post(f"/v1/stores/1/people/{who}/pin", json={})).status_code == 403
