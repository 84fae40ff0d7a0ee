"""The feed and the stream over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from pullsvc.app import begin_stop
from pullsvc.db import Database
from pullsvc.feed.positions import Position
from pullsvc.outbox.actions import append
from tests.conftest import Ticking
from tests.factories import key, signed_in, stamp, store
from tests.feed.listening import Message, messages
from tests.serving import listening
from tests.waiting import PATIENCE_S, until

EVENTS = "/v1/stores/1/events"


async def tell(db: Database, *subjects: str, kind: str = "thing.done") -> None:
    for subject in subjects:
        async with db.begin() as tx:
            append(tx, stamp(), kind, subject, {"qty": 1})


async def listed(reader: httpx.AsyncClient) -> Any:
    return (await reader.get(EVENTS)).json()["items"]


@pytest.fixture
async def reader(db: Database, client: httpx.AsyncClient) -> httpx.AsyncClient:
    await store(db)
    return await signed_in(db, client, role="readonly")


class TestListEvents:
    async def test_pages_through_everything_and_stays_where_it_is(
        self, db: Database, reader: httpx.AsyncClient
    ) -> None:
        await tell(db, "a", "b", "c")
        seen: list[str] = []
        page: dict[str, Any] = {"next_cursor": None, "more": True}
        async with asyncio.timeout(PATIENCE_S):
            while len(seen) < 3:
                params = {"limit": 2, **({"after": page["next_cursor"]} if page["next_cursor"] else {})}
                page = (await reader.get(EVENTS, params=params)).json()
                seen += [event["subject"] for event in page["items"]]
        await tell(db, "d")
        async with asyncio.timeout(PATIENCE_S):
            while len(seen) < 4:
                page = (await reader.get(EVENTS, params={"after": page["next_cursor"]})).json()
                seen += [event["subject"] for event in page["items"]]

        assert seen == ["a", "b", "c", "d"]
        assert page["more"] is False

    async def test_the_cursor_moves_on_over_kinds_not_wanted(self, db: Database, reader: httpx.AsyncClient) -> None:
        await tell(db, "a")
        await until(lambda: listed(reader))
        page = (await reader.get(EVENTS, params={"kind": "pull."})).json()
        rest = (await reader.get(EVENTS, params={"after": page["next_cursor"]})).json()

        assert (page["items"], rest["items"]) == ([], [])

    async def test_refuses_cursors_that_it_cannot_read_on_from(self, reader: httpx.AsyncClient, clock: Ticking) -> None:
        foreign = Position(txid=2**62, event_id=0, day=clock.now().date()).cursor()
        old = (await reader.get(EVENTS)).json()["next_cursor"]
        clock.pass_(days=500)
        answers = [await reader.get(EVENTS, params={"after": after}) for after in ("nonsense", foreign, old)]

        assert [a.status_code for a in answers] == [422, 422, 422]
        assert [a.json()["code"] for a in answers] == ["bad-cursor", "cursor-too-old", "cursor-too-old"]

    async def test_a_foreign_store_is_no_store(self, db: Database, reader: httpx.AsyncClient) -> None:
        await store(db, store_id=2)

        assert (await reader.get("/v1/stores/2/events")).status_code == 404


@pytest.fixture
async def board(db: Database, app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A signed-in client on a real socket."""
    await store(db)
    headers = {"Authorization": f"Bearer {await key(db, role='lead')}"}
    async with listening(app) as address, httpx.AsyncClient(base_url=address, headers=headers) as client:
        yield client


async def next_of(stream: AsyncIterator[Message]) -> Message:
    async with asyncio.timeout(PATIENCE_S):
        return await anext(stream)


class TestStreamEvents:
    async def test_tells_events_with_their_cursor_as_id(self, db: Database, board: httpx.AsyncClient) -> None:
        async with messages(board, "/v1/stores/1/stream") as stream:
            ready = await next_of(stream)
            await tell(db, "a")
            fact = await next_of(stream)
        shown = (await board.get(EVENTS)).json()["items"]

        assert (ready.event, ready.id) == ("ready", ready.data["cursor"])
        assert fact == Message("", fact.data["cursor"], shown[0])

    async def test_resumes_by_last_event_id(self, db: Database, board: httpx.AsyncClient) -> None:
        async with messages(board, "/v1/stores/1/stream") as stream:
            ready = await next_of(stream)
        await tell(db, "a", "b")
        came: list[str] = []
        headers = {"Last-Event-ID": ready.id or ""}
        async with messages(board, "/v1/stores/1/stream?after=ignored", headers=headers) as stream:
            while len(came) < 2:
                message = await next_of(stream)
                if not message.event:
                    came.append(message.data["subject"])

        assert came == ["a", "b"]

    async def test_says_resync_to_an_id_that_it_cannot_resume_from(self, board: httpx.AsyncClient) -> None:
        async with messages(board, "/v1/stores/1/stream", headers={"Last-Event-ID": "of another time"}) as stream:
            message = await next_of(stream)

        assert message.event == "resync"
        assert message.id == message.data["cursor"]

    async def test_says_bye_when_the_service_stops_and_refuses_new_ones(
        self, app: FastAPI, board: httpx.AsyncClient
    ) -> None:
        async with messages(board, "/v1/stores/1/stream") as stream:
            await next_of(stream)
            await begin_stop(app)
            left = [message.event async for message in stream]
        refused = await board.get("/v1/stores/1/stream")

        assert left == ["bye"]
        assert (refused.status_code, refused.json()["code"]) == (503, "stopping")
        assert "retry-after" in refused.headers

    async def test_gives_its_place_back_when_the_client_leaves(self, app: FastAPI, board: httpx.AsyncClient) -> None:
        async with messages(board, "/v1/stores/1/stream") as stream:
            await next_of(stream)
            assert len(app.state.hub._listeners) == 1
        await until(lambda: nobody_listens(app))


async def nobody_listens(app: FastAPI) -> bool:
    return not app.state.hub._listeners
