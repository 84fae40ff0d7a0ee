"""Every answer that a test gets is held against the contract: what is written by hand may not drift from its model."""

import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

import httpx
from fastapi.routing import APIRoute
from pydantic import TypeAdapter

from pullsvc.app import ROOMS

JSON = "application/json"
# Each route with the adapter of its answer; None: it is no JSON of ours.
ROUTES = [
    (route, None if route.response_model is None else TypeAdapter[Any](route.response_model))
    for router in ROOMS
    for route in router.routes
    if isinstance(route, APIRoute)
]


def hold_to_contract() -> dict[str, list[Callable[[httpx.Response], Awaitable[None]]]]:
    """Return the event hooks of a client that checks each good answer: all members of its model, as it writes them."""
    return {"response": [_check]}


async def _check(response: httpx.Response) -> None:
    if response.is_success and response.headers.get("content-type") == JSON:
        adapter = _adapter(response)
        if adapter is not None:
            said = json.loads(await response.aread())
            meant = json.loads(adapter.dump_json(adapter.validate_json(response.content), by_alias=True))
            assert said == meant, f"{response.request.method} {response.request.url.path} answers beside its model"


def _adapter(response: httpx.Response) -> TypeAdapter[Any] | None:
    path, method = response.request.url.path, response.request.method
    for route, adapter in ROUTES:
        if method in (route.methods or ()) and route.path_regex.match(path):
            usual = response.status_code == (route.status_code or HTTPStatus.OK)
            return adapter if usual else None
    return None
