"""People with badges and PINs, and browsers on devices, for tests."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import cache
from typing import Any

import httpx
from fastapi import FastAPI

from pullsvc.access import hashing, people
from pullsvc.access.people import PersonData
from pullsvc.access.rules import Role
from pullsvc.db import Database
from tests.factories import NOON, key, stamp

PIN, OTHER_PIN = "480213", "735912"
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
DEVICE, SESSION = "__Host-pullsvc-device", "__Host-pullsvc-session"

hash_of = cache(hashing.hash_pin)


async def person(
    db: Database,
    *,
    name: str = "Ana",
    badge: str = "B-1",
    roles: Sequence[Role] = (Role.BACKROOM,),
    store_id: int = 1,
    pin: str | None = PIN,
) -> int:
    """A person of the store, with a PIN unless it is None."""
    signed = stamp(store_id=store_id)
    async with db.begin() as tx:
        who = await people.add_person(tx, signed, PersonData(name=name, badge=badge, roles=roles))
        if pin:
            await people.set_pin(tx, signed, principal_id=who, badge=badge, pin_hash=hash_of(pin), wall_now=NOON)
    return who


class Browsers:
    """Opens browsers on the service; all are closed at the end of the test."""

    def __init__(self, app: FastAPI, stack: AsyncExitStack) -> None:
        self._app = app
        self._stack = stack

    async def open(self) -> httpx.AsyncClient:
        """A browser that never was here, on a page of ours."""
        transport = httpx.ASGITransport(app=self._app, raise_app_exceptions=False)
        client = httpx.AsyncClient(transport=transport, base_url="https://pullsvc.test", headers=SAME_ORIGIN)
        return await self._stack.enter_async_context(client)

    async def enrolled(self, db: Database, *, store_id: int = 1, name: str = "Handheld 1") -> httpx.AsyncClient:
        """A browser on an enrolled device of the store."""
        client = await self.open()
        code = await enrolment_code(db, client, store_id=store_id, name=name)
        answer = await client.post("/v1/devices", json={"code": code})
        assert answer.status_code == 201, answer.text
        return client

    async def signed_in(self, db: Database, *, badge: str = "B-1", store_id: int = 1) -> httpx.AsyncClient:
        """A browser on a device of its own, with the person of the badge signed in."""
        client = await self.enrolled(db, store_id=store_id)
        answer = await sign_in(client, badge=badge)
        assert answer.status_code == 201, answer.text
        return client


async def enrolment_code(
    db: Database, client: httpx.AsyncClient, *, store_id: int = 1, name: str = "Handheld 1"
) -> str:
    """A code made by a manager of the store."""
    manager = {"Authorization": f"Bearer {await key(db, role=Role.MANAGER, store_id=store_id)}"}
    answer = await client.post(f"/v1/stores/{store_id}/device-enrolments", json={"name": name}, headers=manager)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["code"])


async def sign_in(client: httpx.AsyncClient, *, badge: str = "B-1", pin: str = PIN) -> httpx.Response:
    return await client.post("/v1/sessions", json={"badge": badge, "pin": pin})


def code_of(answer: httpx.Response) -> tuple[int, Any]:
    """Status and, of a refusal, its code."""
    return answer.status_code, answer.json().get("code") if answer.content else None
