"""The short way gives the very answers of the long one, and takes what it should."""

from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from pydantic import BaseModel

from pullsvc.access.edge import Act, keyed
from pullsvc.access.rules import Perm
from pullsvc.app import ROOMS
from pullsvc.clock import Clock
from pullsvc.db import Database
from pullsvc.web.express import Express
from tests.apps import app_on
from tests.conftest import Ticking
from tests.factories import fresh_key, key, stocked, store

ASK = {"code": "milk"}
AS_JSON = {"content-type": "application/json"}
HOT = ("asks", "gap-scans", "claims", "tasks//picks", "tasks//staging", "tasks//delivery", "tasks//puts")


def long_way(app: FastAPI) -> FastAPI:
    """The same service without the short way."""
    app.user_middleware = [one for one in app.user_middleware if getattr(one.cls, "__name__", "") != "Express"]
    return app


@pytest.fixture
def apps(db: Database, clock: Ticking) -> tuple[FastAPI, FastAPI]:
    """The service without the short way, and with it."""
    held: Clock = clock  # type: ignore[assignment]  # stands still where the real one runs
    return long_way(app_on(db, held, name="long way")), app_on(db, held, name="short way")


async def send(app: FastAPI, path: str, **request: Any) -> httpx.Response:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://pullsvc.test") as client:
        return await client.post(path, **request)


class TestExpress:
    def test_knows_the_addresses_that_are_called_all_day(self) -> None:
        known = {"/".join(parts) for parts in Express(FastAPI(), routers=ROOMS).table.ways}

        assert {f"POST//v1/stores//{hot}" for hot in HOT} <= known

    @pytest.mark.parametrize(
        ("path", "request_"),
        [
            ("/v1/stores/1/asks", {"json": ASK}),
            ("/v1/stores/1/asks", {"json": {**ASK, "qty": 0}}),
            ("/v1/stores/1/asks", {"json": {**ASK, "qty": "2", "due_at": "2026-03-14T12:30:00+01:00"}}),
            ("/v1/stores/1/asks", {"json": {**ASK, "colour": "red"}}),
            ("/v1/stores/1/asks", {"json": {"code": "no-such"}}),
            ("/v1/stores/1/asks", {"json": [ASK]}),
            ("/v1/stores/1/asks", {"content": b"", "headers": AS_JSON}),
            ("/v1/stores/1/asks", {"content": b"{", "headers": AS_JSON}),
            ("/v1/stores/1/asks", {"content": b'{"code":"milk","qty":NaN}', "headers": AS_JSON}),
            ("/v1/stores/1/asks", {"content": b'{"code":"\xff"}', "headers": AS_JSON}),
            ("/v1/stores/1/asks", {"content": b'{"code":"\\ud800"}', "headers": AS_JSON}),
            ("/v1/stores/1/asks", {"content": b'{"code":"milk"}', "headers": {"content-type": "text/plain"}}),
            ("/v1/stores/1/asks", {"content": b'{"code":"milk"}', "headers": {"content-type": "application/x+json"}}),
            ("/v1/stores/1/asks", {"content": b'{"code":"milk"}', "headers": {"content-type": "Application/JSON; a"}}),
            ("/v1/stores/1/asks", {"json": ASK, "headers": {"idempotency-key": "short"}}),
            ("/v1/stores/1/asks", {"json": ASK, "headers": {"authorization": "Bearer nonsense"}}),
            ("/v1/stores/1/asks", {"json": ASK, "headers": {"authorization": "Basic bm9ib2R5"}}),
            ("/v1/stores/2/asks", {"json": ASK}),
            ("/v1/stores/0/asks", {"json": ASK}),
            ("/v1/stores/one/asks", {"json": ASK}),
            ("/v1/stores//asks", {"json": ASK}),
            ("/v1/stores/1/asks/", {"json": ASK}),
            ("/v1/stores/1/tasks/7/picks", {"json": {"fence": 1, "code": "milk"}}),
            ("/v1/stores/1/tasks/99999999999999999999/picks", {"json": {"fence": 1, "code": "milk"}}),
            ("/v1/stores/1/tasks/7/delivery", {}),
        ],
    )  # fmt: skip
    async def test_answers_as_the_framework_does(
        self, apps: tuple[FastAPI, FastAPI], db: Database, path: str, request_: dict[str, Any]
    ) -> None:
        await store(db)
        await stocked(db, sku="milk", bins={"B1": 30})
        token = await key(db)
        answers = []
        for app in apps:
            headers = httpx.Headers({"Authorization": f"Bearer {token}", "x-request-id": "same", **fresh_key()})
            headers.update(request_.get("headers", {}))
            answers.append(await send(app, path, **{**request_, "headers": headers}))

        first, second = answers
        assert (first.status_code, sorted(first.headers)) == (second.status_code, sorted(second.headers))
        told = [without_ids(one) for one in answers]
        assert told[0] == told[1]

    async def test_counts_its_requests_under_their_route(self, apps: tuple[FastAPI, FastAPI], db: Database) -> None:
        await store(db)
        app = apps[1]
        headers = {"Authorization": f"Bearer {await key(db)}", **fresh_key()}
        await send(app, "/v1/stores/1/tasks/7/renewals", json={"fence": 1}, headers=headers)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://x") as client:
            text = (await client.get("/metrics")).text

        assert 'route="/v1/stores/{store_id}/tasks/{task_id}/renewals",status="404"' in text

    @pytest.mark.parametrize("what", ["query", "no response", "generator"])
    def test_leaves_what_it_does_not_know_to_the_framework(self, what: str) -> None:
        router = APIRouter()

        async def with_query(n: Annotated[int, Query()]) -> Response:
            return Response(str(n))

        async def with_model() -> BaseModel:
            return BaseModel()

        async def opened(request: Request) -> Any:
            yield request

        async def with_generator(one: Annotated[Any, Depends(opened)]) -> Response:
            return Response(str(one))

        endpoints: dict[str, Any] = {"query": with_query, "no response": with_model, "generator": with_generator}
        router.post("/things")(endpoints[what])

        assert Express(FastAPI(), routers=[router]).table.find("POST", "/things") is None

    async def test_calls_each_dependency_once(self, apps: tuple[FastAPI, FastAPI], db: Database) -> None:
        """The caller is needed by the act and by the endpoint itself."""
        await store(db)
        app, seen = apps[1], []
        router = APIRouter(prefix="/v1/stores/{store_id}")

        async def noted(request: Request) -> int:
            seen.append(request)
            return len(seen)

        async def twice(first: Annotated[int, Depends(noted)]) -> int:
            return first

        @router.post("/things", status_code=201)
        async def make_thing(
            act: Annotated[Act, keyed(Perm.ASK)], a: Annotated[int, Depends(noted)], b: Annotated[int, Depends(twice)]
        ) -> Response:
            return Response(f"{act.caller.store_id} {a} {b}")

        way, params = Express(app, routers=[router]).table.find("POST", "/v1/stores/1/things") or (None, {})
        assert way
        headers = [(b"authorization", f"Bearer {await key(db)}".encode()), (b"idempotency-key", b"12345678")]
        scope = {"type": "http", "method": "POST", "path": "/", "headers": headers, "app": app, "path_params": params}

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        answer = await way.answer(Request(scope, receive))

        assert answer.body == b"1 1 1"
        assert len(seen) == 1


def without_ids(answer: httpx.Response) -> Any:
    if not answer.content:
        return None
    body = answer.json()
    return {
        name: value
        for name, value in body.items()
        if name not in ("ask_id", "pull_id", "ask_count", "qty", "outcome", "urgency")
    }
