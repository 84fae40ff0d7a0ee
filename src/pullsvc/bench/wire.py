"""One HTTP/1.1 connection, as thin as it can be: the load generator shares the machine with what it measures.

httpx takes about 400 µs of processor time a request, as much as the service itself takes for some; this takes about
20 µs. It knows just what our own server sends: an answer with Content-Length, or 204 without a body.
"""

import asyncio
from typing import cast
from urllib.parse import urlsplit

from pullsvc.bench.failures import CallRefused

ANSWER_LIMIT_S = 60.0
HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length: "
SHOWN_MAX_CHARS = 600


class Wire(asyncio.Protocol):
    """A kept connection that carries one request at a time."""

    def __init__(self) -> None:
        self._address = ""
        self._transport: asyncio.WriteTransport | None = None
        self._held = b""
        self._waiter: asyncio.Future[tuple[int, bytes]] | None = None

    async def connect(self, address: str) -> None:
        """Connect to the server at the URL, unless connected to it already."""
        if address == self._address and self._transport and not self._transport.is_closing():
            return
        self.close()
        where = urlsplit(address)
        await asyncio.get_running_loop().create_connection(lambda: self, where.hostname or "", where.port or 80)
        self._address = address

    def close(self) -> None:
        """Let go of the connection."""
        if self._transport:
            self._transport.close()
        self._transport = None
        self._held = b""

    def write(self, request: bytes) -> None:
        """Send a request whose answer nobody waits for."""
        assert self._transport is not None
        self._transport.write(request)

    async def send(self, request: bytes) -> tuple[int, bytes]:
        """Send a whole request; return status and body of its answer.

        Raises:
            CallRefused: the connection was lost, or ANSWER_LIMIT_S passed.
        """
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        limit = loop.call_later(ANSWER_LIMIT_S, self._lost, f"no answer within {ANSWER_LIMIT_S:.0f} s")
        try:
            self.write(request)
            return await self._waiter
        finally:
            limit.cancel()
            self._waiter = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's does not descend from it.

    def data_received(self, data: bytes) -> None:
        """Collect the answer; give it to who waits once it is whole."""
        held = self._held = self._held + data if self._held else data
        head = held.find(HEAD_END)
        if head < 0:
            return
        found = held.find(LENGTH, 0, head)
        length = int(held[found + len(LENGTH) : held.find(b"\r\n", found)]) if found >= 0 else 0
        end = head + len(HEAD_END) + length
        if len(held) < end:
            return
        self._held = held[end:]
        if self._waiter and not self._waiter.done():
            self._waiter.set_result((int(held[9:12]), held[end - length : end]))

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who waits for an answer that none will come."""
        self._transport = None
        self._lost(f"the connection was closed ({exc})" if exc else "the connection was closed")

    def _lost(self, why: str) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_exception(CallRefused(why))


def request_of(method: str, path: str, *, token: str, body: bytes = b"", idempotency_key: str | None = None) -> bytes:
    """Return the bytes of a request."""
    keyed = f"idempotency-key: {idempotency_key}\r\n" if idempotency_key else ""
    head = (
        f"{method} {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n"
        f"content-type: application/json\r\n{keyed}content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def refused(what: str, status: int, body: bytes) -> CallRefused:
    """Return the failure of a call that got the wrong answer."""
    return CallRefused(f"{what}: {status} {body.decode(errors='replace')[:SHOWN_MAX_CHARS]}")
