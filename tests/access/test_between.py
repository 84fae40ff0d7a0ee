"""Signing in while something else happens, in an order forced by open transactions."""

from datetime import timedelta
from typing import Any

import pytest

from pullsvc.access import devices, people, session_queries, sessions
from pullsvc.access.devices import Device
from pullsvc.access.people import PersonData
from pullsvc.access.rules import Role, UnknownCaller
from pullsvc.access.sessions import Attempt
from pullsvc.access.tokens import Token, new_secret
from pullsvc.db import Database, Tx
from pullsvc.errors import Rejection
from tests.access.people import OTHER_PIN, PIN, Browsers, code_of, hash_of, person, sign_in
from tests.factories import NOON, all_rows, stamp, store
from tests.test_interleavings import after, parked

LASTS = timedelta(hours=12)


async def code(db: Database) -> str:
    async with db.begin() as tx:
        return (await devices.make_enrolment(tx, stamp(), name="Handheld 1", wall_now=NOON)).code


async def device(db: Database) -> Device:
    made = await code(db)
    async with db.begin() as tx:
        return await devices.enrol(tx, code=made, repeat_key=None, now=NOON, wall_now=NOON)


async def attempt(db: Database, on: Device) -> Attempt:
    async with db.begin() as tx:
        return await sessions.begin_attempt(tx, on, badge="B-1", now=NOON)


async def begin(db: Database, proved: Attempt) -> Token:
    async with db.begin() as tx:
        return await sessions.begin_session(tx, proved, lasts=LASTS, now=NOON, wall_now=NOON)


async def outcome(act: Any) -> Any:
    """What the act returned, or the code of its refusal."""
    try:
        return await act
    except Rejection as refusal:
        return refusal.code


@pytest.fixture
async def who(db: Database) -> int:
    await store(db)
    return await person(db, badge="B-1")


class TestAttempts:
    async def test_wait_for_one_another_and_count_each(self, db: Database, who: int) -> None:
        one = await device(db)
        await attempt(db, one)  # The guards are there already.
        guards: dict[str, Any] = {"store_id": 1, "guarded": ["badge:B-1", f"device:{one.device_id}"]}
        async with db.begin() as tx:
            await tx.rows(session_queries.LOCK_GUARDS, **guards)
            second = await parked(db, attempt(db, one))
            for guarded in guards["guarded"]:
                await tx.run(
                    session_queries.SET_GUARD,
                    store_id=1,
                    guarded=guarded,
                    failures=2,
                    failed_at=NOON,
                    locked_until=None,
                )

        assert (await second).standings["badge:B-1"].failures == 3
        assert {row["failures"] for row in await all_rows(db, "sign_in_guards")} == {3}


class TestEnrolment:
    async def test_makes_one_device_though_another_had_read_the_code_before(self, db: Database) -> None:
        await store(db)
        made = await code(db)

        async def enrol() -> Device:
            async with db.begin() as tx:
                return await use(tx)

        async def use(tx: Tx) -> Device:
            return await devices.enrol(tx, code=made, repeat_key=None, now=NOON, wall_now=NOON)

        assert await after(db, use, outcome(enrol())) == "no-such-enrolment"
        assert len(await all_rows(db, "devices")) == 1


class TestSessionThatBegins:
    async def test_while_the_pin_is_replaced_does_not_begin(self, db: Database, who: int) -> None:
        """Whoever gave the new PIN believes that nobody is in by the old one."""
        proved = await attempt(db, await device(db))

        async def replace(tx: Tx) -> None:
            await people.set_pin(tx, stamp(), principal_id=who, badge="B-1", pin_hash=hash_of(OTHER_PIN), wall_now=NOON)

        assert await after(db, replace, outcome(begin(db, proved))) == "wrong-badge-or-pin"
        assert await all_rows(db, "sessions") == []

    async def test_while_the_person_is_disabled_is_worth_nothing(self, db: Database, who: int) -> None:
        proved = await attempt(db, await device(db))

        async def disable(tx: Tx) -> None:
            gone = PersonData(name="Ana", badge="B-1", roles=(Role.LEAD,), active=False)
            await people.edit_person(tx, stamp(), principal_id=who, data=gone, wall_now=NOON)

        token = await after(db, disable, begin(db, proved))

        async with db.read() as tx:
            with pytest.raises(UnknownCaller):
                await sessions.session_of(tx, token.text(), wall_now=NOON)


class TestOwnPin:
    async def test_does_not_overwrite_what_a_manager_sets_meanwhile(self, db: Database, browsers: Browsers) -> None:
        """A stolen PIN is replaced while its thief chooses another: the session of the thief is over."""
        who = await person(db)
        thief = await browsers.signed_in(db)

        async def manager(tx: Tx) -> None:
            await people.lock_person(tx, store_id=1, principal_id=who)
            await people.set_pin(tx, stamp(), principal_id=who, badge="B-1", pin_hash=hash_of("914703"), wall_now=NOON)

        refused = await after(db, manager, thief.post("/v1/session/pin", json={"old": PIN, "new": OTHER_PIN}))

        assert code_of(refused) == (401, "wrong-badge-or-pin")
        assert (await sign_in(await browsers.enrolled(db), pin=OTHER_PIN)).status_code == 401

    async def test_is_not_chosen_in_a_session_that_ends_meanwhile(self, db: Database, browsers: Browsers) -> None:
        who = await person(db)
        client = await browsers.signed_in(db)

        async def end(tx: Tx) -> None:
            await people.lock_person(tx, store_id=1, principal_id=who)
            await tx.run(session_queries.END_SESSIONS_OF_PERSON, store_id=1, principal_id=who, but=0, now=NOON)

        refused = await after(db, end, client.post("/v1/session/pin", json={"old": PIN, "new": OTHER_PIN}))

        assert code_of(refused)[0] == 401
        assert (await sign_in(await browsers.enrolled(db), pin=PIN)).status_code == 201


class TestSecrets:
    async def test_that_are_others_open_neither_device_nor_session(self, db: Database, who: int) -> None:
        on = await device(db)
        session = await begin(db, await attempt(db, on))
        guess = new_secret().text
        async with db.read() as tx:
            with pytest.raises(UnknownCaller):
                await sessions.session_of(tx, Token(1, session.number, guess).text(), wall_now=NOON)
            with pytest.raises(devices.DeviceUnknown):
                await devices.device_of(tx, Token(1, on.device_id, guess).text())

    async def test_of_a_device_open_no_session(self, db: Database, who: int) -> None:
        on = await device(db)
        await begin(db, await attempt(db, on))
        async with db.read() as tx:
            with pytest.raises(UnknownCaller):
                await sessions.session_of(tx, on.token, wall_now=NOON)
