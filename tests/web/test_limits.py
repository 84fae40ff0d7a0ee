"""The body limit on a real socket, where a connection that ends too early takes the answer with it."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from pullsvc.web.limits import MAX_BODY_BYTES, MAX_DRAINED_BYTES
from tests.factories import fresh_key, key, store
from tests.serving import listening
from tests.waiting import PATIENCE_S

CHUNK = b" " * 65_536
URL = "/v1/stores/1/receivings"
SENT_BYTES = MAX_DRAINED_BYTES - MAX_BODY_BYTES  # More than the kernel holds between the two ends.


@pytest.fixture
async def caller(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    db = app.state.db
    await store(db)
    headers = {**fresh_key(), "Authorization": f"Bearer {await key(db, role='lead')}"}
    async with (
        listening(app) as address,
        httpx.AsyncClient(base_url=address, headers=headers, timeout=PATIENCE_S, trust_env=False) as client,
    ):
        yield client


async def chunks() -> AsyncIterator[bytes]:
    for _ in range(SENT_BYTES // len(CHUNK)):
        yield CHUNK


class TestShell:
    @pytest.mark.parametrize("headers", [{}, {"Content-Encoding": "gzip"}])
    async def test_who_sends_too_much_is_told_so(self, caller: httpx.AsyncClient, headers: dict[str, str]) -> None:
        body = b" " * SENT_BYTES

        answer = await caller.post(URL, content=body, headers={"Content-Type": "application/json", **headers})

        assert answer.status_code == 413

    async def test_also_when_nothing_was_declared(self, caller: httpx.AsyncClient) -> None:
        answer = await caller.post(URL, content=chunks(), headers={"Content-Type": "application/json"})

        assert answer.status_code == 413
