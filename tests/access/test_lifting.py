"""Lifting the waits after wrong PINs: by leads a few times, never by oneself, and all of it can be read."""

import asyncio
from typing import Any

import httpx
import pytest

from pullsvc.access.pins import BY_ONE_LEAD, OF_ONE_WAIT
from pullsvc.access.rules import Role
from pullsvc.db import Database
from tests.access.people import Browsers, code_of, person
from tests.access.test_lock_out import fail
from tests.conftest import Ticking
from tests.factories import all_rows, key

TOO_OFTEN = (403, "lifted-too-often")
LIFTED = (204, None)


@pytest.fixture
async def handheld(db: Database, browsers: Browsers) -> httpx.AsyncClient:
    """Where the wrong PINs are typed."""
    return await browsers.enrolled(db)


async def as_a(role: Role, db: Database, name: str | None = None) -> dict[str, str]:
    return {"Authorization": f"Bearer {await key(db, role=role, name=name)}"}


async def lift(client: httpx.AsyncClient, what: str, by: dict[str, str]) -> tuple[int, Any]:
    return code_of(await client.delete(f"/v1/stores/1/{what}/lock-out", headers=by))


class TestOfOneBadge:
    async def test_is_bounded_whoever_of_the_leads_does_it(
        self, db: Database, browsers: Browsers, wall: Ticking
    ) -> None:
        """Or a lead could try a colleague's PIN for ever, five tries a lift."""
        badge = f"people/{await person(db)}"
        desk = await browsers.open()
        for _ in range(OF_ONE_WAIT.most):
            await fail(await browsers.enrolled(db), 5)
            assert await lift(desk, badge, await as_a(Role.LEAD, db)) == LIFTED
        handheld = await browsers.enrolled(db)
        await fail(handheld, 5)

        assert await lift(desk, badge, await as_a(Role.LEAD, db)) == TOO_OFTEN
        assert await fail(handheld, 1) == [(429, "locked-out")]
        assert await lift(desk, badge, await as_a(Role.MANAGER, db)) == LIFTED
        await fail(await browsers.enrolled(db), 5)
        wall.pass_(hours=24)
        assert await lift(desk, badge, await as_a(Role.LEAD, db)) == LIFTED

    async def test_is_not_for_its_owner_not_even_a_manager(self, db: Database, browsers: Browsers) -> None:
        """Signed in on one device, an open one perhaps, while somebody tries the same badge on another."""
        who = await person(db, roles=(Role.MANAGER,))
        at_desk = await browsers.signed_in(db)
        await fail(await browsers.enrolled(db), 5)

        refused = await lift(at_desk, f"people/{who}", {})

        assert refused == (403, "own-wait")


class TestByOneLead:
    async def test_is_bounded_over_all_badges_and_devices(
        self, db: Database, browsers: Browsers, wall: Ticking
    ) -> None:
        lead, other = await as_a(Role.LEAD, db), await as_a(Role.LEAD, db)
        waiting = [f"people/{await person(db, badge=f'B-{n}')}" for n in range(BY_ONE_LEAD.most)]
        for n in range(BY_ONE_LEAD.most):
            await fail(await browsers.enrolled(db), 5, badge=f"B-{n}")
        jammed = await browsers.enrolled(db)
        for n in range(10):
            await fail(jammed, 1, badge=f"B-x{n}")
        device = f"devices/{(await jammed.get('/v1/device')).json()['device_id']}"

        assert [await lift(jammed, one, lead) for one in waiting] == [LIFTED] * BY_ONE_LEAD.most
        assert await lift(jammed, device, lead) == TOO_OFTEN
        assert await lift(jammed, device, other) == LIFTED

    async def test_is_bounded_also_when_all_come_at_once(self, db: Database, browsers: Browsers) -> None:
        desk, lead = await browsers.open(), await as_a(Role.LEAD, db)
        waiting = [f"people/{await person(db, badge=f'B-{n}')}" for n in range(BY_ONE_LEAD.most + 2)]
        for n in range(len(waiting)):
            await fail(await browsers.enrolled(db), 1, badge=f"B-{n}")

        answers = await asyncio.gather(*(lift(desk, one, lead) for one in waiting))

        assert sorted(answers, key=str) == [LIFTED] * BY_ONE_LEAD.most + [TOO_OFTEN] * 2

    async def test_says_what_is_no_device(self, db: Database, handheld: httpx.AsyncClient) -> None:
        assert await lift(handheld, "devices/4711", await as_a(Role.LEAD, db)) == (404, "not-found")


class TestAccessLog:
    async def test_tells_who_waited_and_who_let_them(self, db: Database, handheld: httpx.AsyncClient) -> None:
        who = await person(db, name="Ana")
        await fail(handheld, 5)
        await fail(handheld, 5, badge="B-nobody")
        await lift(handheld, f"people/{who}", await as_a(Role.LEAD, db, "Lea"))
        manager = await as_a(Role.MANAGER, db)

        first = (await handheld.get("/v1/stores/1/access-log?limit=2", headers=manager)).json()
        rest = (
            await handheld.get(f"/v1/stores/1/access-log?limit=2&cursor={first['next_cursor']}", headers=manager)
        ).json()

        told = [
            (one["kind"], one["data"].get("of"), one["subject_name"] or one["subject"], one["principal"], one["device"])
            for one in first["items"] + rest["items"]
        ]
        assert told == [
            ("lock_out.lifted", "badge", "Ana", "Lea", None),
            ("lock_out.began", "device", "Handheld 1", None, "Handheld 1"),
            ("lock_out.began", "badge", "unknown", None, "Handheld 1"),
            ("lock_out.began", "badge", "Ana", None, "Handheld 1"),
        ]

    async def test_tells_of_no_wait_when_the_last_try_was_right(self, db: Database, browsers: Browsers) -> None:
        await person(db)
        client = await browsers.enrolled(db)
        await fail(client, 4)
        assert (await client.post("/v1/sessions", json={"badge": "B-1", "pin": "480213"})).status_code == 201

        assert "lock_out.began" not in {event["kind"] for event in await all_rows(db, "events")}

    async def test_is_for_managers(self, db: Database, handheld: httpx.AsyncClient) -> None:
        answer = await handheld.get("/v1/stores/1/access-log", headers=await as_a(Role.LEAD, db))

        assert code_of(answer) == (403, "forbidden")
