"""A client of the stream, as a browser's EventSource is one."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass
class Message:
    """One message of a stream; `event` is '' for a fact."""

    event: str
    id: str | None
    data: Any


@asynccontextmanager
async def messages(client: httpx.AsyncClient, url: str, **options: Any) -> AsyncIterator[AsyncIterator[Message]]:
    """Open the stream and give its messages one by one."""
    async with client.stream("GET", url, timeout=20, **options) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield _messages(answer)


async def _messages(answer: httpx.Response) -> AsyncIterator[Message]:
    message = Message("", None, None)
    async for line in answer.aiter_lines():
        name, _, value = line.partition(": ")
        if name == "event":
            message.event = value
        elif name == "id":
            message.id = value
        elif name == "data":
            message.data = json.loads(value)
        elif line == "":
            if message.data is not None:
                yield message
            message = Message("", None, None)
