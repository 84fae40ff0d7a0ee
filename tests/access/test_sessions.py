"""Signing in on a device: who gets a session, for how long, and what ends it."""

from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI

from pullsvc.access.rules import Role
from pullsvc.db import Database
from tests.access.people import DEVICE, OTHER_PIN, PIN, SESSION, Browsers, code_of, person, sign_in
from tests.conftest import Ticking
from tests.factories import all_rows, fresh_key, key, stocked, store

UNKNOWN = (401, "unknown-caller")
LOCKED = (401, "session-locked")


async def pulls(client: httpx.AsyncClient, *, store_id: int = 1) -> tuple[int, object]:
    """What the list of pulls answers: 200 for whoever is signed in."""
    answer = await client.get(f"/v1/stores/{store_id}/pulls")
    return answer.status_code, answer.json().get("code")


class TestSignIn:
    async def test_shows_who_is_signed_in_where_and_what_they_may(self, db: Database, browsers: Browsers) -> None:
        who = await person(db, name="Ana", badge="B-1", roles=(Role.BACKROOM,))
        client = await browsers.enrolled(db, name="Handheld 7")

        answer = await sign_in(client)

        view = answer.json()
        assert answer.status_code == 201
        assert view["person"] == {
            "principal_id": who, "name": "Ana", "badge": "B-1", "roles": ["backroom"], "locale": None
        }  # fmt: skip
        assert view["permissions"] == ["ask", "put", "read", "stock", "work"]
        assert view["store"] == {"store_id": 1, "name": "Main Street", "time_zone": "UTC"}
        assert view["device"]["name"] == "Handheld 7"
        assert (await client.get("/v1/session")).json() == view

    async def test_keeps_its_cookies_from_scripts_other_sites_and_plain_http(
        self, db: Database, browsers: Browsers
    ) -> None:
        await person(db)
        client = await browsers.enrolled(db)

        set_cookies = (await sign_in(client)).headers.get_list("set-cookie")

        assert {cookie.partition("=")[0] for cookie in set_cookies} == {SESSION, DEVICE}
        for cookie in set_cookies:
            words = {word.strip().lower() for word in cookie.split(";")}
            assert {"secure", "httponly", "samesite=strict", "path=/"} <= words
            assert "domain" not in cookie.lower()

    @pytest.mark.parametrize("scanned", ["b-1", " B-1\n", "]C1B-1", "(B-1)"])
    async def test_takes_a_badge_however_it_was_scanned(self, db: Database, browsers: Browsers, scanned: str) -> None:
        await person(db, badge="B-1")

        assert (await sign_in(await browsers.enrolled(db), badge=scanned)).status_code == 201

    async def test_answers_an_unknown_badge_a_missing_pin_and_a_wrong_pin_alike(
        self, db: Database, browsers: Browsers
    ) -> None:
        await store(db, store_id=2)
        await person(db, badge="B-1")
        await person(db, badge="B-2", pin=None)
        await person(db, badge="B-3", store_id=2)
        answers = [
            await sign_in(await browsers.enrolled(db), badge=badge, pin=pin)
            for badge, pin in (("B-1", OTHER_PIN), ("B-2", PIN), ("B-3", PIN), ("B-4", PIN))
        ]

        assert {answer.text for answer in answers} == {answers[0].text}
        assert code_of(answers[0]) == (401, "wrong-badge-or-pin")
        assert all(SESSION not in answer.cookies for answer in answers)

    async def test_does_the_same_work_for_an_unknown_badge_as_for_a_wrong_pin(
        self, db: Database, browsers: Browsers, statements: list[str]
    ) -> None:
        """What differs in work differs in time, and time tells whether somebody has the badge."""
        await person(db, badge="B-1")
        client = await browsers.enrolled(db)
        work = []
        for badge in ("B-1", "B-9"):
            statements.clear()
            await sign_in(client, badge=badge, pin=OTHER_PIN)
            work.append(list(statements))

        assert work[0] == work[1] != []

    async def test_needs_an_enrolled_device(self, db: Database, browsers: Browsers) -> None:
        await person(db)
        stranger = await browsers.open()

        assert code_of(await sign_in(stranger)) == (401, "device-unknown")

    async def test_makes_a_new_session_whatever_cookie_was_there_before(self, db: Database, browsers: Browsers) -> None:
        """Or whoever planted a cookie would be signed in as well."""
        await person(db)
        client = await browsers.enrolled(db)
        client.cookies.set(SESSION, "1.1." + "x" * 43, domain="pullsvc.test")

        answer = await sign_in(client)

        assert "x" * 43 not in answer.headers["set-cookie"]
        (kept,) = await all_rows(db, "sessions")
        secret = answer.cookies[SESSION].split(".")[2]
        assert secret.encode() not in bytes(kept["secret_hash"])

    async def test_signs_out_who_was_signed_in_on_the_device(self, db: Database, browsers: Browsers) -> None:
        await person(db, badge="B-1")
        await person(db, name="Ben", badge="B-2")
        client = await browsers.signed_in(db, badge="B-1")
        anas = client.cookies[SESSION]

        await sign_in(client, badge="B-2")

        assert (await client.get("/v1/session")).json()["person"]["name"] == "Ben"
        client.cookies.delete(SESSION)
        client.cookies.set(SESSION, anas, domain="pullsvc.test")
        assert await pulls(client) == UNKNOWN

    async def test_twice_leaves_both_answers_good_for_a_minute(
        self, db: Database, browsers: Browsers, wall: Ticking
    ) -> None:
        """The answers of a repeat may arrive in any order."""
        await person(db)
        client = await browsers.signed_in(db)
        first = client.cookies[SESSION]
        await sign_in(client)
        again = client.cookies[SESSION]
        assert first != again

        for cookie in (first, again):
            client.cookies.clear()
            client.cookies.set(SESSION, cookie, domain="pullsvc.test")
            assert await pulls(client) == (200, None)

    async def test_keeps_no_pin_and_tells_of_the_session(self, db: Database, browsers: Browsers) -> None:
        who = await person(db)
        await browsers.signed_in(db)

        (began,) = [event for event in await all_rows(db, "events") if event["kind"] == "session.began"]
        (device,) = await all_rows(db, "devices")
        assert (began["principal_id"], began["device_id"]) == (who, device["device_id"])
        for table in ("events", "people", "sessions", "sign_in_guards", "idempotency_keys"):
            assert PIN not in str(await all_rows(db, table))


class TestSession:
    async def test_opens_the_routes_of_its_store_and_of_no_other(self, db: Database, browsers: Browsers) -> None:
        await store(db, store_id=2)
        await person(db)
        client = await browsers.signed_in(db)

        assert await pulls(client) == (200, None)
        assert await pulls(client, store_id=2) == (404, "no-such-store")
        assert [one["store_id"] for one in (await client.get("/v1/stores")).json()["items"]] == [1]

    async def test_signs_acts_with_person_and_device(self, db: Database, browsers: Browsers) -> None:
        who = await person(db)
        await stocked(db, sku="milk", bins={"B1": 30})
        client = await browsers.signed_in(db)

        answer = await client.post("/v1/stores/1/asks", json={"code": "milk"}, headers=fresh_key())

        assert answer.status_code == 201
        (opened,) = [event for event in await all_rows(db, "events") if event["kind"] == "pull.opened"]
        (device,) = await all_rows(db, "devices")
        assert (opened["principal_id"], opened["device_id"]) == (who, device["device_id"])

    async def test_takes_no_act_for_somebody_else(self, db: Database, browsers: Browsers) -> None:
        """A page that was left open in another tab, with acts of who was there before."""
        ana, ben = await person(db), await person(db, name="Ben", badge="B-2")
        client = await browsers.signed_in(db, badge="B-2")

        answers = [
            await client.get("/v1/stores/1/pulls", headers={"X-Acts-For": acts_for})
            for acts_for in (str(ana), str(ben), "", f"{ben}0")
        ]

        assert [code_of(answer)[1] for answer in answers] == ["somebody-else", None, "somebody-else", "somebody-else"]

    async def test_gives_way_to_a_key_in_the_header(self, db: Database, browsers: Browsers) -> None:
        await person(db)
        client = await browsers.signed_in(db)
        till = {"Authorization": f"Bearer {await key(db, role=Role.POS)}"}

        assert (await client.get("/v1/stores/1/pulls", headers=till)).status_code == 403

    async def test_locks_when_nobody_uses_it_and_goes_on_by_the_pin(
        self, db: Database, browsers: Browsers, wall: Ticking
    ) -> None:
        await person(db, name="Ana")
        client = await browsers.signed_in(db)
        wall.pass_(minutes=9)
        assert await pulls(client) == (200, None)
        wall.pass_(minutes=9)
        assert await pulls(client) == (200, None)

        wall.pass_(minutes=10)

        locked = await client.get("/v1/session")
        assert code_of(locked) == LOCKED
        assert locked.json()["person"]["name"] == "Ana"
        assert await pulls(client) == LOCKED
        assert code_of(await client.post("/v1/session/unlock", json={"pin": OTHER_PIN}))[0] == 401
        assert await pulls(client) == LOCKED
        assert (await client.post("/v1/session/unlock", json={"pin": PIN})).status_code == 200
        assert await pulls(client) == (200, None)

    async def test_asking_who_is_signed_in_keeps_no_session_awake(
        self, db: Database, browsers: Browsers, wall: Ticking
    ) -> None:
        await person(db)
        client = await browsers.signed_in(db)
        for _ in range(2):
            wall.pass_(minutes=5)
            answer = await client.get("/v1/session")

        assert code_of(answer) == LOCKED

    async def test_notes_the_next_use_after_one_that_did_not_count(
        self, db: Database, browsers: Browsers, service: FastAPI, wall: Ticking
    ) -> None:
        """A live stream that comes back must not be what the session is believed on."""
        await person(db)
        client = await browsers.signed_in(db)
        service.state.keys._believe = timedelta(seconds=5)
        later = wall.pass_(minutes=1)

        await client.get("/v1/stores/1/pulls", headers={"Accept": "text/event-stream"})
        assert [row["seen_at"] for row in await all_rows(db, "sessions")] != [later]
        await pulls(client)

        assert [row["seen_at"] for row in await all_rows(db, "sessions")] == [later]

    async def test_can_be_locked_at_once_and_twice(self, db: Database, browsers: Browsers) -> None:
        await person(db)
        client = await browsers.signed_in(db)

        answers = [(await client.post("/v1/session/lock")).status_code for _ in range(2)]

        assert answers == [204, 204]
        assert await pulls(client) == LOCKED

    async def test_ends_after_twelve_hours_however_busy(self, db: Database, browsers: Browsers, wall: Ticking) -> None:
        await person(db)
        client = await browsers.signed_in(db)
        cookie = client.cookies[SESSION]
        for _ in range(12 * 12 - 1):
            wall.pass_(minutes=5)
            client.cookies.set(SESSION, cookie, domain="pullsvc.test")
            assert await pulls(client) == (200, None)

        wall.pass_(minutes=5)

        assert await pulls(client) == UNKNOWN
        assert code_of(await client.post("/v1/session/unlock", json={"pin": PIN})) == UNKNOWN

    async def test_of_who_can_only_look_neither_locks_nor_ends_with_the_day(
        self, db: Database, browsers: Browsers, wall: Ticking
    ) -> None:
        """A board on the wall; there is nothing to lock, and nobody stands before it."""
        await person(db, roles=(Role.READONLY,))
        client = await browsers.enrolled(db)
        await sign_in(client)

        wall.pass_(days=29)
        assert (await pulls(client))[0] == 200

        wall.pass_(days=2)
        assert await pulls(client) == UNKNOWN

    async def test_ends_by_signing_out_which_may_be_repeated(self, db: Database, browsers: Browsers) -> None:
        await person(db)
        client = await browsers.signed_in(db)
        cookie = client.cookies[SESSION]

        answers = [await client.delete("/v1/session") for _ in range(2)]

        assert [answer.status_code for answer in answers] == [204, 204]
        assert SESSION not in client.cookies
        client.cookies.set(SESSION, cookie, domain="pullsvc.test")
        assert await pulls(client) == UNKNOWN
        assert (await client.get("/v1/device")).status_code == 200

    @pytest.mark.parametrize("how", ["revoke the device", "disable the person", "give a new PIN"])
    async def test_ends_when_a_manager_says_so(self, db: Database, browsers: Browsers, how: str) -> None:
        who = await person(db)
        client = await browsers.signed_in(db)
        (device,) = await all_rows(db, "devices")
        manager = await browsers.open()
        manager.headers["Authorization"] = f"Bearer {await key(db, role=Role.MANAGER)}"

        if how == "revoke the device":
            answer = await manager.delete(f"/v1/stores/1/devices/{device['device_id']}")
        elif how == "disable the person":
            edit = {"active": False}
            answer = await manager.patch(f"/v1/stores/1/people/{who}", json=edit, headers={"If-Match": "*"})
        else:
            answer = await manager.post(f"/v1/stores/1/people/{who}/pin", json={"pin": OTHER_PIN})

        assert answer.status_code < 300
        assert await pulls(client) == UNKNOWN

    async def test_changes_its_own_pin_by_the_old_one(self, db: Database, browsers: Browsers) -> None:
        await person(db)
        client = await browsers.signed_in(db)
        elsewhere = await browsers.signed_in(db)

        wrong = await client.post("/v1/session/pin", json={"old": OTHER_PIN, "new": OTHER_PIN})
        weak = await client.post("/v1/session/pin", json={"old": PIN, "new": "123456"})
        done = await client.post("/v1/session/pin", json={"old": PIN, "new": OTHER_PIN})

        assert [code_of(answer) for answer in (wrong, weak, done)] == [
            (401, "wrong-badge-or-pin"), (422, "weak-pin"), (204, None)
        ]  # fmt: skip
        assert (await pulls(client), await pulls(elsewhere)) == ((200, None), UNKNOWN)
        assert (await sign_in(client, pin=PIN)).status_code == 401
        assert (await sign_in(client, pin=OTHER_PIN)).status_code == 201

    async def test_costs_one_look_and_then_none_while_it_is_believed(
        self, db: Database, browsers: Browsers, service: FastAPI, statements: list[str]
    ) -> None:
        await person(db)
        client = await browsers.signed_in(db)
        ring = service.state.keys
        ring._believe = timedelta(seconds=5)
        statements.clear()

        for _ in range(3):
            await pulls(client)

        assert len([text for text in statements if "FROM sessions" in text]) == 1


class TestOtherSites:
    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ({"Sec-Fetch-Site": "same-origin"}, 204),
            ({"Sec-Fetch-Site": "same-site"}, 403),
            ({"Sec-Fetch-Site": "cross-site"}, 403),
            ({"Sec-Fetch-Site": "none"}, 403),
            ({"Sec-Fetch-Site": "cross-site", "Origin": "https://pullsvc.test"}, 403),
            ({"Origin": "https://pullsvc.test"}, 204),
            ({"Origin": "https://pullsvc.test:444"}, 403),
            ({"Origin": "https://evil.test"}, 403),
            ({"Origin": "null"}, 403),
            ({}, 403),
        ],
    )
    async def test_cannot_act_in_the_name_of_who_is_signed_in(
        self, db: Database, browsers: Browsers, headers: dict[str, str], status: int
    ) -> None:
        await person(db)
        await stocked(db, sku="milk", bins={"B1": 30})
        client = await browsers.signed_in(db)
        del client.headers["Sec-Fetch-Site"]

        locking = await client.post("/v1/session/lock", headers=headers)
        asking = await client.post("/v1/stores/1/asks", json={"code": "milk"}, headers={**headers, **fresh_key()})

        assert locking.status_code == status
        assert (asking.status_code == 403) == (status == 403)
        if status == 403:
            assert code_of(asking) == (403, "cross-site")

    async def test_cannot_sign_a_device_in_or_enrol_a_browser(self, db: Database, browsers: Browsers) -> None:
        await person(db)
        client = await browsers.enrolled(db)
        client.headers["Sec-Fetch-Site"] = "cross-site"

        answers = [await sign_in(client), await client.post("/v1/devices", json={"code": "1.1." + "x" * 22})]

        assert [code_of(answer) for answer in answers] == [(403, "cross-site")] * 2

    async def test_may_be_where_a_key_acts_from(self, db: Database, browsers: Browsers) -> None:
        """A page cannot know a key, so whoever sends one means it."""
        await stocked(db, sku="milk", bins={"B1": 30})
        client = await browsers.open()
        client.headers["Sec-Fetch-Site"] = "cross-site"
        client.headers["Authorization"] = f"Bearer {await key(db, role=Role.LEAD)}"

        assert (await client.post("/v1/stores/1/asks", json={"code": "milk"}, headers=fresh_key())).status_code == 201
