"""Bad requests of every kind: always a problem, never a 500, never an echo."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from pydantic import BaseModel, ConfigDict

from pullsvc.access.edge import StoreId
from pullsvc.clock import Clock
from pullsvc.config import Settings
from pullsvc.db import Database
from pullsvc.errors import Rejection
from pullsvc.web import limits, site
from pullsvc.web.deps import Code
from tests.apps import app_on
from tests.conftest import Ticking

JSON = {"Content-Type": "application/json"}
DEEP = 100_000


class Thing(BaseModel):
    model_config = ConfigDict(extra="forbid")

    code: Code = "x"
    qty: int = 0
    share: float = 0
    names: dict[str, int] = {}


router = APIRouter(prefix="/v1/stores/{store_id}")


@router.post("/things/{thing}")
async def make_thing(store_id: StoreId, thing: str, body: Thing) -> Thing:
    return body


@router.get("/things/{thing}")
async def look_at_thing(store_id: StoreId, thing: str) -> str:
    return thing


@router.put("/things/{thing}")
async def break_down(store_id: StoreId, thing: str) -> None:
    raise RuntimeError("the secret cause")


@pytest.fixture
def app(db: Database, clock: Ticking) -> FastAPI:
    held: Clock = clock  # type: ignore[assignment]  # stands still where the real one runs
    return app_on(db, held, settings=Settings(), name="problems", routers=[router])


THING = "/v1/stores/1/things/7"


def assert_problem(answer: httpx.Response, status: int, code: str) -> None:
    body = answer.json()
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"]
    assert {"type", "title", "detail"} <= body.keys()
    assert body["type"] == f"/problems/{code}"


class TestBodies:
    @pytest.mark.parametrize(
        ("body", "status", "code"),
        [
            (b'{"qty": 1', 400, "malformed-request"),
            (b"", 422, "invalid-request"),
            (b"null", 422, "invalid-request"),
            (b"\xff\xfe\x00", 400, "malformed-request"),
            (b'{"names": ' + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"}", 400, "malformed-request"),
            (b'{"names": ' + b"[" * 900 + b"]" * 900 + b"}", 422, "invalid-request"),
            (b'{"qty": ' + b"9" * 5_000 + b"}", 400, "malformed-request"),
            (b'{"qty": NaN}', 422, "invalid-request"),
            (b'{"code": "\\ud800"}', 422, "invalid-request"),
            (b'{"\\ud800": 1}', 422, "invalid-request"),
            (b'{"names": {"a/b~c": "x"}}', 422, "invalid-request"),
            (b'{"code": "a\\u0000b"}', 422, "invalid-request"),
        ],
    )
    async def test_bad_json_is_told_kindly(
        self, client: httpx.AsyncClient, body: bytes, status: int, code: str
    ) -> None:
        assert_problem(await client.post(THING, content=body, headers=JSON), status, code)

    async def test_says_where_a_value_does_not_fit_without_repeating_it(self, client: httpx.AsyncClient) -> None:
        answer = await client.post(THING, json={"names": {"a/b~c": "hunter2"}})

        assert answer.json()["errors"][0]["pointer"] == "/names/a~1b~0c"
        assert "hunter2" not in answer.text

    async def test_the_last_of_two_equal_keys_wins(self, client: httpx.AsyncClient) -> None:
        """As with every JSON parser that does not refuse them; the contract does not promise otherwise."""
        answer = await client.post(THING, content=b'{"qty": 1, "qty": 2}', headers=JSON)

        assert answer.json()["qty"] == 2

    @pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "", "multipart/form-data; boundary=x"])
    async def test_another_kind_of_body_is_refused(self, client: httpx.AsyncClient, media_type: str) -> None:
        answer = await client.post(THING, content=b'{"qty": 1}', headers={"Content-Type": media_type})

        assert_problem(answer, 415, "unsupported-media-type")

    async def test_a_packed_body_is_refused(self, client: httpx.AsyncClient) -> None:
        answer = await client.post(THING, content=b"x", headers={**JSON, "Content-Encoding": "gzip"})

        assert_problem(answer, 415, "unsupported-media-type")


class TestBodyLimit:
    async def test_refuses_what_is_declared_too_large_without_reading_it(self, client: httpx.AsyncClient) -> None:
        headers = {**JSON, "Content-Length": str(limits.MAX_BODY_BYTES + 1)}

        assert_problem(await client.post(THING, content=b"{}", headers=headers), 413, "body-too-large")

    async def test_refuses_what_grows_too_large_in_chunks(self, client: httpx.AsyncClient) -> None:
        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(limits.MAX_BODY_BYTES // 65_536 + 1):
                yield b" " * 65_536

        answer = await client.post(THING, content=chunks(), headers=JSON)

        assert_problem(answer, 413, "body-too-large")
        assert str(limits.MAX_BODY_BYTES) in answer.json()["detail"]

    async def test_takes_as_much_as_it_says(self, client: httpx.AsyncClient) -> None:
        body = b'{"qty": 1}'.ljust(limits.MAX_BODY_BYTES)

        assert (await client.post(THING, content=body, headers=JSON)).status_code == 200

    async def test_bulk_addresses_take_more(self, client: httpx.AsyncClient) -> None:
        headers = {"Content-Length": str(limits.MAX_BODY_BYTES + 1), "Content-Type": "text/csv"}
        answer = await client.post("/v1/stores/1/imports/items", content=b"x", headers=headers)

        assert answer.status_code == 401


class TestAddresses:
    @pytest.mark.parametrize("path", ["/nope", "/v1/nope", "/v1/stores/1/things/7/", "/v1//stores", "/docs/../etc"])
    async def test_an_unknown_one_is_a_problem(self, client: httpx.AsyncClient, path: str) -> None:
        assert_problem(await client.get(path), 404, "not-found")

    @pytest.mark.parametrize("method", ["DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "BREW"])
    async def test_a_wrong_method_is_told_all_that_work(self, client: httpx.AsyncClient, method: str) -> None:
        answer = await client.request(method, THING)

        assert answer.status_code == 405
        assert answer.headers["allow"] == "GET, POST, PUT"

    @pytest.mark.parametrize("thing", ["%00", "%ff", "%F0%9F%92%A9", "a" * 5_000])
    async def test_odd_characters_break_nothing(self, client: httpx.AsyncClient, thing: str) -> None:
        assert (await client.get(f"/v1/stores/1/things/{thing}")).status_code == 200

    @pytest.mark.parametrize("store_id", ["x", "1.5", "9" * 30])
    async def test_a_parameter_that_does_not_fit_is_named(self, client: httpx.AsyncClient, store_id: str) -> None:
        answer = await client.get(f"/v1/stores/{store_id}/things/7")

        assert_problem(answer, 422, "invalid-request")
        assert answer.json()["errors"][0] == {
            "parameter": "store_id",
            "in": "path",
            "detail": answer.json()["errors"][0]["detail"],
        }


class TestBugs:
    async def test_say_nothing_but_the_request_id(self, client: httpx.AsyncClient) -> None:
        answer = await client.put(THING, headers={"X-Request-Id": "r-1"})

        assert_problem(answer, 500, "internal-error")
        assert answer.json()["request_id"] == answer.headers["x-request-id"] == "r-1"
        assert "secret" not in answer.text
        assert answer.headers["x-content-type-options"] == "nosniff"


class TestRequestId:
    @pytest.mark.parametrize("given", ["", "a b", "x" * 81, "a\x7fb"])
    async def test_an_unusable_one_is_replaced(self, client: httpx.AsyncClient, given: str) -> None:
        answer = await client.get("/livez", headers={"X-Request-Id": given})

        assert answer.headers["x-request-id"] not in ("", given)


class TestPages:
    async def test_every_code_has_its_page(self, client: httpx.AsyncClient) -> None:
        for code in site.problems():
            answer = await client.get(f"/problems/{code}")
            assert answer.status_code == 200, code
            assert f"<code>{code}</code>" in answer.text

    async def test_no_two_refusals_share_a_code(self) -> None:
        codes = [refusal.code for refusal in site._all_below(Rejection)]

        assert sorted(set(codes)) == sorted(codes)

    @pytest.mark.parametrize("path", ["/", "/docs", "/problems"])
    async def test_need_nothing_from_outside(self, client: httpx.AsyncClient, path: str) -> None:
        answer = await client.get(path)

        assert answer.status_code == 200
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "//" not in answer.text.replace("<!doctype", "")
        for asset in ("/docs/docs.js", "/docs/site.css"):
            assert (await client.get(asset)).status_code == 200
        assert_problem(await client.get("/docs/nothing.js"), 404, "not-found")
