"""Enrolling, listing and revoking devices."""

import asyncio

import httpx
import pytest

from pullsvc.access.rules import Role
from pullsvc.db import Database
from tests.access.people import DEVICE, Browsers, code_of, enrolment_code, person
from tests.conftest import Ticking
from tests.factories import all_rows, key, store

NO_GOOD = (404, "no-such-enrolment")


async def enrol(client: httpx.AsyncClient, code: str, *, repeat_key: str | None = None) -> httpx.Response:
    headers = {"Idempotency-Key": repeat_key} if repeat_key else {}
    return await client.post("/v1/devices", json={"code": code}, headers=headers)


async def manager(db: Database, client: httpx.AsyncClient, *, role: Role = Role.MANAGER) -> dict[str, str]:
    return {"Authorization": f"Bearer {await key(db, role=role)}"}


class TestEnrolment:
    async def test_is_shown_as_a_link_and_as_a_code_to_scan(self, db: Database, browsers: Browsers) -> None:
        client = await browsers.open()

        answer = await client.post(
            "/v1/stores/1/device-enrolments", json={"name": "Handheld 3"}, headers=await manager(db, client)
        )

        made = answer.json()
        assert (answer.status_code, made["name"]) == (201, "Handheld 3")
        assert made["path"] == f"/app/#/enrol/{made['code']}"
        assert made["url"] == f"https://pullsvc.test{made['path']}"
        assert made["qr_svg"].startswith("<svg")
        assert "<script" not in made["qr_svg"]

    async def test_makes_a_device_that_knows_itself(self, db: Database, browsers: Browsers) -> None:
        client = await browsers.open()
        code = await enrolment_code(db, client, name="Handheld 3")

        answer = await enrol(client, code)

        assert answer.status_code == 201
        assert (answer.json()["name"], answer.json()["store_name"]) == ("Handheld 3", "Main Street")
        assert (await client.get("/v1/device")).json() == answer.json()

    async def test_is_kept_as_a_hash_as_is_the_device(self, db: Database, browsers: Browsers) -> None:
        client = await browsers.open()
        code = await enrolment_code(db, client)
        cookie = (await enrol(client, code)).cookies[DEVICE]

        kept = str(await all_rows(db, "device_enrolments")) + str(await all_rows(db, "devices"))

        assert code.split(".")[2] not in kept
        assert cookie.split(".")[2] not in kept

    async def test_is_good_once(self, db: Database, browsers: Browsers) -> None:
        first, second = await browsers.open(), await browsers.open()
        code = await enrolment_code(db, first)
        await enrol(first, code)

        assert code_of(await enrol(second, code)) == NO_GOOD
        assert code_of(await enrol(first, code)) == NO_GOOD

    async def test_is_good_for_one_of_many_who_use_it_at_once(self, db: Database, browsers: Browsers) -> None:
        crowd = [await browsers.open() for _ in range(8)]
        code = await enrolment_code(db, crowd[0])

        answers = await asyncio.gather(*(enrol(client, code) for client in crowd))

        assert sorted(answer.status_code for answer in answers) == [201] + [404] * 7
        assert len(await all_rows(db, "devices")) == 1

    async def test_gives_a_repeat_under_the_same_key_the_same_device(self, db: Database, browsers: Browsers) -> None:
        """The first answer was lost on its way; its cookie must not stay good beside the second."""
        client, other = await browsers.open(), await browsers.open()
        code = await enrolment_code(db, client)
        lost = await enrol(client, code, repeat_key="0192f0c1-key")
        client.cookies.clear()

        again = await enrol(client, code, repeat_key="0192f0c1-key")

        assert again.json() == lost.json()
        assert (await client.get("/v1/device")).status_code == 200
        assert code_of(await enrol(other, code, repeat_key="another-key")) == NO_GOOD
        other.cookies.set(DEVICE, lost.cookies[DEVICE], domain="pullsvc.test")
        assert code_of(await other.get("/v1/device")) == (401, "device-unknown")

    async def test_is_no_good_after_ten_minutes(self, db: Database, browsers: Browsers, wall: Ticking) -> None:
        client = await browsers.open()
        code = await enrolment_code(db, client)
        wall.pass_(minutes=10)

        assert code_of(await enrol(client, code)) == NO_GOOD

    @pytest.mark.parametrize(
        "code", ["x", "1.1", "0.1." + "x" * 22, "1.1." + "x" * 22, "9999999999.1." + "x" * 22, "1.1." + "x" * 90]
    )
    async def test_looks_the_same_whether_it_never_was_one(self, db: Database, browsers: Browsers, code: str) -> None:
        client = await browsers.open()
        await enrolment_code(db, client)

        assert code_of(await enrol(client, code)) == NO_GOOD

    async def test_can_only_be_tried_so_often(self, db: Database, browsers: Browsers, wall: Ticking) -> None:
        client = await browsers.open()
        code = await enrolment_code(db, client)

        answers = [(await enrol(client, "1.1." + "x" * 22)).status_code for _ in range(21)]

        assert answers == [404] * 20 + [429]
        wall.pass_(minutes=1)
        assert (await enrol(client, code)).status_code == 201

    async def test_of_another_store_cannot_be_made(self, db: Database, browsers: Browsers) -> None:
        await store(db, store_id=2)
        client = await browsers.open()
        headers = await manager(db, client)

        answer = await client.post("/v1/stores/2/device-enrolments", json={"name": "x"}, headers=headers)

        assert answer.status_code == 404


class TestDevices:
    async def test_are_listed_with_who_is_signed_in(self, db: Database, browsers: Browsers) -> None:
        await person(db, name="Ana", badge="B-1")
        client = await browsers.signed_in(db)
        await browsers.enrolled(db, name="Handheld 2")

        page = (await client.get("/v1/stores/1/devices", headers=await manager(db, client))).json()

        assert [(one["name"], one["person"]) for one in page["items"]] == [("Handheld 1", "Ana"), ("Handheld 2", None)]

    async def test_are_gone_once_revoked(self, db: Database, browsers: Browsers) -> None:
        client = await browsers.enrolled(db)
        headers = await manager(db, client)
        device = (await client.get("/v1/device")).json()["device_id"]

        answers = [(await client.delete(f"/v1/stores/1/devices/{device}", headers=headers)) for _ in range(2)]

        assert [answer.status_code for answer in answers] == [204, 404]
        assert code_of(await client.get("/v1/device")) == (401, "device-unknown")
        assert (await client.get("/v1/stores/1/devices", headers=headers)).json()["items"] == []
        shown = (await client.get("/v1/stores/1/devices", params={"revoked": True}, headers=headers)).json()
        assert shown["items"][0]["revoked_at"]

    async def test_of_one_store_are_none_of_the_other_managers_business(self, db: Database, browsers: Browsers) -> None:
        await store(db, store_id=2)
        client = await browsers.enrolled(db, store_id=2)
        device = (await client.get("/v1/device")).json()["device_id"]

        answer = await client.delete(f"/v1/stores/1/devices/{device}", headers=await manager(db, client))

        assert answer.status_code == 404
        assert (await client.get("/v1/device")).status_code == 200
