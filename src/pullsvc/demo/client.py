"""How a simulated person reaches the service: over HTTP, with an own key, as any app would."""

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from pullsvc.access.rules import Role
from pullsvc.demo.failures import CallFailed

TRIES_MAX = 8
RETRY_AFTER_S = 0.1  # Real seconds, doubled each time.
CALL_LIMIT_S = 60.0
BUSY = 503
SHOWN_MAX_CHARS = 400


@dataclass(slots=True)
class Calls:
    """What the service was asked, and how long it took as seen by who asked.

    Attributes:
        latencies_s: Real seconds of every call that was answered, repeats after a 503 counted by themselves.
        statuses: How many answers had which status.
    """

    latencies_s: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    def note(self, status: int, latency_s: float) -> None:
        """Count one answer."""
        self.latencies_s.append(latency_s)
        self.statuses[status] += 1


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody or something with a key: a simulated associate, a till, the manager.

    Attributes:
        name: As the service knows it; says that it is simulated.
        role: In the store.
        token: The key.
        store_id: Where.
        http: The connections, shared.
        calls: Where the calls are counted.
    """

    name: str
    role: Role
    token: str = field(repr=False)
    store_id: int
    http: httpx.AsyncClient = field(repr=False)
    calls: Calls = field(repr=False)

    async def act(self, path: str, body: Mapping[str, Any] | None = None, *, fine: frozenset[str] = frozenset()) -> Any:
        """Do a keyed act; return the answer, None where there is nothing (204) or the refusal is one of `fine`.

        Sent again, with the same key, when the service is busy: it is done once.

        Raises:
            CallFailed: any other refusal.
        """
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        return (await self.send("POST", path, json=body or {}, headers=headers, fine=fine))[0]

    async def get(self, path: str, **params: Any) -> Any:
        """Return what stands there."""
        return (await self.send("GET", path, params=params))[0]

    async def all_of(self, path: str, **params: Any) -> list[dict[str, Any]]:
        """Return a whole list, page by page."""
        rows: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            page = await self.get(path, limit=200, **cursor, **params)
            rows += page["items"]
            if page["next_cursor"] is None:
                return rows
            cursor = {"cursor": page["next_cursor"]}

    async def send(
        self,
        method: str,
        path: str,
        *,
        fine: frozenset[str] = frozenset(),
        headers: Mapping[str, str] | None = None,
        **request: Any,
    ) -> tuple[Any, httpx.Headers]:
        """Send a request that may be repeated; return the answer's body (None: there is none) and its headers.

        Raises:
            CallFailed: it was refused for a reason that is none of `fine`, or the service stayed busy.
        """
        url = f"/v1/stores/{self.store_id}/{path}".rstrip("/")
        sent = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        answer = None
        for attempt in range(TRIES_MAX):
            answer = await self._try(method, url, headers=sent, **request)
            if answer is not None and answer.status_code != BUSY:
                break
            await asyncio.sleep(RETRY_AFTER_S * 2**attempt)
        if answer is None:
            raise CallFailed(f"{self.name}: {method} {url}: no answer in {TRIES_MAX} tries")
        if answer.is_success:
            return (answer.json() if answer.content else None), answer.headers
        if _code(answer) in fine:
            return None, answer.headers
        raise CallFailed(f"{self.name}: {method} {url}: {answer.status_code} {answer.text[:SHOWN_MAX_CHARS]}")

    async def _try(self, method: str, url: str, **request: Any) -> httpx.Response | None:
        """Send the request once; None when no answer came."""
        started = time.perf_counter()
        try:
            answer = await self.http.request(method, url, **request)
        except httpx.TransportError:
            return None
        self.calls.note(answer.status_code, time.perf_counter() - started)
        return answer


def _code(answer: httpx.Response) -> str:
    if answer.headers.get("content-type", "") != "application/problem+json":
        return ""
    return str(answer.json()["code"])


def connect(address: str) -> httpx.AsyncClient:
    """Return the connections to the service, as many as there are people."""
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=64, keepalive_expiry=20)
    return httpx.AsyncClient(base_url=address, timeout=CALL_LIMIT_S, limits=limits, trust_env=False)
