"""A live stream ends soon after whoever opened it is let in no more, and keeps nobody's session awake."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import FastAPI

from pullsvc.access import actions
from pullsvc.access.rules import Role
from pullsvc.db import Database
from pullsvc.feed import stream
from tests.access.people import SESSION, Browsers, person
from tests.conftest import Ticking
from tests.factories import NOON, all_rows, key
from tests.feed.listening import Message, messages
from tests.serving import listening
from tests.waiting import PATIENCE_S

URL = "/v1/stores/1/stream"


@pytest.fixture(autouse=True)
def _ask_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "PING_S", 0.05)


@asynccontextmanager
async def stream_of(service: FastAPI, headers: dict[str, str]) -> AsyncIterator[AsyncIterator[Message]]:
    accept = {"Accept": "text/event-stream"}
    async with (
        asyncio.timeout(PATIENCE_S),  # A stream that goes on pings for ever.
        listening(service) as address,
        httpx.AsyncClient(base_url=address, headers={**accept, **headers}) as client,
        messages(client, URL) as heard,
    ):
        yield heard


async def test_of_a_session_ends_with_it(db: Database, browsers: Browsers, service: FastAPI) -> None:
    await person(db)
    browser = await browsers.signed_in(db)
    async with stream_of(service, {"Cookie": f"{SESSION}={browser.cookies[SESSION]}"}) as heard:
        assert (await anext(heard)).event == "ready"

        await browser.delete("/v1/session")

        assert [message.event async for message in heard][-1] == "bye"


async def test_of_a_key_ends_with_it(db: Database, service: FastAPI) -> None:
    token = await key(db, role=Role.LEAD)
    async with stream_of(service, {"Authorization": f"Bearer {token}"}) as heard:
        assert (await anext(heard)).event == "ready"

        async with db.begin() as tx:
            await actions.revoke_key(tx, key_id=token.split("_")[1], now=NOON)

        assert [message.event async for message in heard] == ["bye"]


async def test_does_not_keep_a_session_awake(db: Database, browsers: Browsers, service: FastAPI, wall: Ticking) -> None:
    await person(db)
    browser = await browsers.signed_in(db)
    wall.pass_(minutes=9)
    async with stream_of(service, {"Cookie": f"{SESSION}={browser.cookies[SESSION]}"}) as heard:
        assert (await anext(heard)).event == "ready"
        (session,) = await all_rows(db, "sessions")
        assert session["seen_at"] == NOON

        wall.pass_(minutes=1)

        assert [message.event async for message in heard][-1] == "bye"
    assert (await browser.get("/v1/stores/1/pulls")).json()["code"] == "session-locked"
