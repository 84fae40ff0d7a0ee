"""The thin client, against a server that answers as awkwardly as TCP allows."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from pullsvc.bench.failures import CallRefused
from pullsvc.bench.wire import Wire, request_of


@asynccontextmanager
async def answering(*answers: Sequence[bytes]) -> AsyncIterator[Wire]:
    """A connection to a server that answers each request with the next pieces, one write each, and then hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with (
            contextlib.closing(writer),
            contextlib.suppress(asyncio.IncompleteReadError),
        ):  # The caller may leave first.
            for pieces in (*answers, ()):
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    wire = Wire()
    try:
        host, port = server.sockets[0].getsockname()[:2]
        await wire.connect(f"http://{host}:{port}")
        yield wire
    finally:
        wire.close()
        server.close()


REQUEST = request_of("POST", "/x", token="t", body=b'{"n": 1}', idempotency_key="k" * 8)


class TestWire:
    async def test_puts_each_answer_together(self) -> None:
        def whole(text: bytes) -> bytes:
            return b"HTTP/1.1 201 Created\r\ncontent-length: 11\r\nx: y\r\n\r\n" + text

        first, second = whole(b"hello world"), whole(b"other words")
        pieces = [first[:5], first[5:30], first[30:50], first[50:-1], first[-1:]]
        async with answering(pieces, [second]) as wire:
            assert await wire.send(REQUEST) == (201, b"hello world")
            assert await wire.send(REQUEST) == (201, b"other words")

    async def test_takes_an_answer_without_a_body(self) -> None:
        nothing = [b"HTTP/1.1 204 No Content\r\nx: y\r\n\r\n"]
        async with answering(nothing, nothing) as wire:
            assert [await wire.send(REQUEST) for _ in range(2)] == [(204, b"")] * 2

    async def test_tells_when_the_server_hangs_up(self) -> None:
        async with answering() as wire:
            with pytest.raises(CallRefused, match="closed"):
                await wire.send(REQUEST)


class TestRequestOf:
    def test_writes_what_the_service_reads(self) -> None:
        head, _, body = REQUEST.partition(b"\r\n\r\n")

        assert head.splitlines()[0] == b"POST /x HTTP/1.1"
        assert {b"authorization: Bearer t", b"idempotency-key: kkkkkkkk", b"content-length: 8"} <= set(
            head.splitlines()
        )
        assert body == b'{"n": 1}'
