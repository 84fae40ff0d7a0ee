"""Wrong PINs: counted in the database, by badge and by device, however they come."""

import asyncio

import httpx
import pytest
from fastapi import FastAPI

from pullsvc.access.pins import OF_BADGE, OF_DEVICE
from pullsvc.access.rules import Role
from pullsvc.app import create_app
from pullsvc.clock import Clock
from pullsvc.config import Settings
from pullsvc.db import Database
from tests.access.people import OTHER_PIN, PIN, Browsers, code_of, person, sign_in
from tests.conftest import Ticking
from tests.factories import all_rows, key


async def fail(client: httpx.AsyncClient, times: int, *, badge: str = "B-1") -> list[tuple[int, object]]:
    return [code_of(await sign_in(client, badge=badge, pin=OTHER_PIN)) for _ in range(times)]


async def failures(db: Database, guarded: str) -> list[int]:
    return [row["failures"] for row in await all_rows(db, "sign_in_guards", guarded=guarded)]


WRONG = (401, "wrong-badge-or-pin")
LOCKED_OUT = (429, "locked-out")


class TestOfABadge:
    @pytest.mark.parametrize("badge", ["B-1", "B-nobody"])
    async def test_asks_to_wait_after_five_whether_or_not_somebody_has_it(
        self, db: Database, browsers: Browsers, badge: str
    ) -> None:
        await person(db)
        client = await browsers.enrolled(db)

        assert await fail(client, 6, badge=badge) == [WRONG] * 5 + [LOCKED_OUT]

    async def test_says_when_to_try_again_and_not_sooner(self, db: Database, browsers: Browsers, wall: Ticking) -> None:
        await person(db)
        client = await browsers.enrolled(db)
        await fail(client, 5)
        wall.pass_(seconds=20)

        early = await sign_in(client, pin=PIN)

        assert code_of(early) == LOCKED_OUT
        assert early.headers["Retry-After"] == "40"
        assert early.json()["locked"] == "badge"
        wall.pass_(seconds=40)
        assert (await sign_in(client, pin=PIN)).status_code == 201

    async def test_holds_on_every_device(self, db: Database, browsers: Browsers) -> None:
        await person(db)
        await fail(await browsers.enrolled(db), 5)

        assert code_of(await sign_in(await browsers.enrolled(db))) == LOCKED_OUT

    async def test_holds_after_a_restart(self, db: Database, browsers: Browsers, clock: Ticking, wall: Ticking) -> None:
        await person(db)
        client = await browsers.enrolled(db)
        await fail(client, 5)
        stands: Clock = clock  # type: ignore[assignment]  # stands still where the real one runs
        on_wall: Clock = wall  # type: ignore[assignment]  # as above
        again = create_app(db=db, clock=stands, settings=Settings(), wall=on_wall)
        transport = httpx.ASGITransport(app=again)
        async with httpx.AsyncClient(
            transport=transport, base_url="https://pullsvc.test", headers=client.headers, cookies=client.cookies
        ) as later:
            assert code_of(await sign_in(later)) == LOCKED_OUT

    async def test_begins_anew_once_the_pin_was_right(self, db: Database, browsers: Browsers) -> None:
        await person(db)
        client = await browsers.enrolled(db)

        for _ in range(2):
            assert await fail(client, 4) == [WRONG] * 4
            assert (await sign_in(client)).status_code == 201

    async def test_counts_wrong_pins_that_come_at_once_each_for_itself(self, db: Database, browsers: Browsers) -> None:
        await person(db)
        clients = [await browsers.enrolled(db) for _ in range(8)]

        answers = await asyncio.gather(*(sign_in(client, pin=OTHER_PIN) for client in clients))

        assert sorted(map(code_of, answers)) == [WRONG] * OF_BADGE.free + [LOCKED_OUT] * 3
        assert await failures(db, "badge:B-1") == [OF_BADGE.free]

    async def test_counts_two_at_once_as_two(self, db: Database, browsers: Browsers) -> None:
        await person(db)
        clients = [await browsers.enrolled(db) for _ in range(2)]

        await asyncio.gather(*(sign_in(client, pin=OTHER_PIN) for client in clients))

        assert await failures(db, "badge:B-1") == [2]

    async def test_also_guards_the_lock_of_a_session(self, db: Database, browsers: Browsers) -> None:
        await person(db)
        client = await browsers.signed_in(db)
        await client.post("/v1/session/lock")

        answers = [await client.post("/v1/session/unlock", json={"pin": OTHER_PIN}) for _ in range(6)]

        assert [code_of(answer) for answer in answers] == [WRONG] * 5 + [LOCKED_OUT]

    async def test_is_lifted_by_a_lead(self, db: Database, browsers: Browsers) -> None:
        who = await person(db)
        client = await browsers.enrolled(db)
        await fail(client, 5)
        lead = {"Authorization": f"Bearer {await key(db, role=Role.LEAD)}"}
        shown = (await client.get(f"/v1/stores/1/people/{who}", headers=lead)).json()
        assert shown["locked_until"]

        lifted = await client.delete(f"/v1/stores/1/people/{who}/lock-out", headers=lead)

        assert lifted.status_code == 204
        assert (await sign_in(client)).status_code == 201

    async def test_of_a_manager_is_not_lifted_by_a_lead(self, db: Database, browsers: Browsers) -> None:
        """Who could try a manager's PINs and lift the wait in between would be a manager in the end."""
        who = await person(db, roles=(Role.MANAGER,))
        client = await browsers.enrolled(db)
        await fail(client, 5)
        lead = {"Authorization": f"Bearer {await key(db, role=Role.LEAD)}"}
        manager = {"Authorization": f"Bearer {await key(db, role=Role.MANAGER)}"}

        refused = await client.delete(f"/v1/stores/1/people/{who}/lock-out", headers=lead)

        assert (code_of(refused), refused.json()["needs"]) == ((403, "forbidden"), "manage")
        assert await fail(client, 1) == [LOCKED_OUT]
        assert (await client.delete(f"/v1/stores/1/people/{who}/lock-out", headers=manager)).status_code == 204
        assert (await sign_in(client)).status_code == 201


class TestOfADevice:
    async def test_asks_to_wait_after_ten_wrong_pins_of_whomever(self, db: Database, browsers: Browsers) -> None:
        client = await browsers.enrolled(db)

        answers = [(await fail(client, 1, badge=f"B-{n}"))[0] for n in range(11)]

        assert answers == [WRONG] * OF_DEVICE.free + [LOCKED_OUT]

    async def test_goes_on_counting_when_somebody_signs_in_in_between(self, db: Database, browsers: Browsers) -> None:
        """Or whoever has a badge could try all others, with his own in between."""
        await person(db, badge="B-MINE")
        client = await browsers.enrolled(db)

        for n in range(OF_DEVICE.free):
            assert (await sign_in(client, badge="B-MINE")).status_code == 201
            assert await fail(client, 1, badge=f"B-{n}") == [WRONG]

        assert code_of(await sign_in(client, badge="B-MINE")) == LOCKED_OUT

    async def test_takes_the_right_old_pin_of_who_chooses_another_for_a_right_one(
        self, db: Database, browsers: Browsers
    ) -> None:
        """A training: eleven people choose a PIN of their own on one handheld; nobody types a wrong one."""
        client = await browsers.enrolled(db)
        for n in range(OF_DEVICE.free + 1):
            await person(db, name=f"P{n}", badge=f"B-{n}")
            assert (await sign_in(client, badge=f"B-{n}")).status_code == 201
            assert (await client.post("/v1/session/pin", json={"old": PIN, "new": OTHER_PIN})).status_code == 204

        (device,) = await all_rows(db, "devices")
        assert await failures(db, f"device:{device['device_id']}") == [0]

    async def test_leaves_other_devices_alone(self, db: Database, browsers: Browsers) -> None:
        await person(db)
        client = await browsers.enrolled(db)
        for n in range(10):
            await fail(client, 1, badge=f"B-x{n}")

        assert (await sign_in(await browsers.enrolled(db))).status_code == 201

    async def test_is_lifted_by_a_lead(self, db: Database, browsers: Browsers) -> None:
        await person(db)
        client = await browsers.enrolled(db)
        for n in range(10):
            await fail(client, 1, badge=f"B-x{n}")
        (device,) = await all_rows(db, "devices")
        lead = {"Authorization": f"Bearer {await key(db, role=Role.LEAD)}"}

        await client.delete(f"/v1/stores/1/devices/{device['device_id']}/lock-out", headers=lead)

        assert (await sign_in(client)).status_code == 201
        assert "lock_out.lifted" in {event["kind"] for event in await all_rows(db, "events")}


class TestHashing:
    async def test_does_not_count_who_got_no_turn(self, db: Database, browsers: Browsers, service: FastAPI) -> None:
        await person(db)
        client = await browsers.enrolled(db)
        hasher = service.state.pins
        hasher._waiting = 50

        assert code_of(await sign_in(client, pin=OTHER_PIN)) == (503, "busy")
        assert await failures(db, "badge:B-1") == []
