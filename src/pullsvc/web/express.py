"""The shortest way from a request to its endpoint, for the addresses that handhelds and tills call all day.

FastAPI looks for the route among all, walks the tree of dependencies and opens two exit stacks, for each request anew:
more than half a millisecond of CPU. Here the same routes are worked out once, at start-up: one look-up finds the
endpoint, a flat list of steps gives it its arguments, and the body is validated straight from its bytes.

What is not plainly right is not judged here: a value that does not fit, a missing body, another content type. Such a
request goes the usual way and gets FastAPI's answer, so there is one truth about what is refused, and how.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, get_type_hints

from fastapi import APIRouter
from fastapi.dependencies.models import Dependant
from fastapi.params import ParamTypes
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

JSON = "application/json"


class _NotPlain(Exception):
    """This request has to go the usual way."""


@dataclass(frozen=True, slots=True)
class _Parameter:
    """A value taken from the address or a header."""

    name: str
    alias: str
    in_header: bool
    type: TypeAdapter[Any]

    def value(self, request: Request) -> object:
        source: Mapping[str, Any] = request.headers if self.in_header else request.path_params
        try:
            return self.type.validate_python(source[self.alias])
        except (KeyError, ValidationError) as unfit:
            raise _NotPlain from unfit


@dataclass(frozen=True, slots=True)
class _Step:
    """A call with all that it is given; what it returns is kept under its place in the list of steps."""

    call: Callable[..., Any]
    waits: bool
    request_as: str | None
    parameters: Sequence[_Parameter]
    given: Sequence[tuple[str, int]]
    body_as: str | None = None

    async def take(self, request: Request, done: Sequence[object], body: object) -> Any:
        arguments: dict[str, object] = {one.name: one.value(request) for one in self.parameters}
        for name, place in self.given:
            arguments[name] = done[place]
        if self.request_as:
            arguments[self.request_as] = request
        if self.body_as:
            arguments[self.body_as] = body
        result = self.call(**arguments)
        return await result if self.waits else result


@dataclass(frozen=True, slots=True)
class _Way:
    """A route, worked out: the last step is its endpoint."""

    route: APIRoute
    steps: Sequence[_Step]
    body: TypeAdapter[Any] | None

    async def answer(self, request: Request) -> Response:
        body = await self._body(request) if self.body else None
        done: list[object] = []
        for step in self.steps:
            done.append(await step.take(request, done, body))
        response = done[-1]
        assert isinstance(response, Response)
        return response

    async def _body(self, request: Request) -> object:
        assert self.body
        raw = await request.body()
        if not raw or request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
            raise _NotPlain
        try:
            return self.body.validate_json(raw)
        except ValidationError as unfit:
            raise _NotPlain from unfit


class _TooSpecial(Exception):
    """The route uses something that only FastAPI knows how to do."""


def _worked_out(route: APIRoute) -> _Way:
    """Return the way to the endpoint of the route.

    Raises:
        _TooSpecial: its endpoint returns something else than a Response, or it takes what is not known here.
    """
    returns = get_type_hints(route.endpoint).get("return")
    if not (inspect.isclass(returns) and issubclass(returns, Response)):
        raise _TooSpecial
    bodies = route.dependant.body_params
    if len(bodies) > 1:
        raise _TooSpecial
    body = _type_of(bodies[0].field_info) if bodies else None
    steps: list[_Step] = []
    _add(route.dependant, steps, {}, body_as=bodies[0].name if bodies else None)
    return _Way(route, steps, body)


def _add(needed: Dependant, steps: list[_Step], places: dict[Any, int], *, body_as: str | None = None) -> int:
    """Add the steps that `needed` takes, those it depends on first, each but once; return its place."""
    unknown = [needed.query_params, needed.cookie_params, [] if body_as else needed.body_params]
    unknown_names = [needed.response_param_name, needed.background_tasks_param_name, needed.security_scopes_param_name]
    call = needed.call
    if any(unknown) or any(unknown_names) or call is None or inspect.isasyncgenfunction(call):
        raise _TooSpecial
    if call in places:
        return places[call]
    given = [(part.name or "", _add(part, steps, places)) for part in needed.dependencies]
    parameters = [_parameter(one) for one in (*needed.path_params, *needed.header_params)]
    waits = inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(getattr(call, "__call__", None))  # noqa: B004 - an object may be the dependency
    request_as = needed.request_param_name or needed.http_connection_param_name
    steps.append(_Step(call, waits, request_as, parameters, given, body_as))
    places[call] = len(steps) - 1
    return places[call]


def _parameter(one: Any) -> _Parameter:
    info = one.field_info
    in_header = info.in_ is ParamTypes.header
    alias = one.alias.lower() if in_header else one.alias
    return _Parameter(one.name, alias, in_header, _type_of(info))


def _type_of(info: Any) -> TypeAdapter[Any]:
    annotated: Any = Annotated[info.annotation, info]
    return TypeAdapter(annotated)


@dataclass(slots=True)
class _Table:
    """Finds a way by method and address in one look-up.

    Attributes:
        ways: By method and the parts of the address, '' where a parameter stands.
        shapes: By number of parts, the places of parameters that occur.
    """

    ways: dict[tuple[str, ...], tuple[_Way, tuple[str, ...]]] = field(default_factory=dict)
    shapes: dict[int, set[tuple[int, ...]]] = field(default_factory=dict)

    def add(self, way: _Way, method: str) -> None:
        parts = way.route.path.split("/")
        places = tuple(n for n, part in enumerate(parts) if part.startswith("{"))
        names = tuple(parts[n].strip("{}") for n in places)
        key = (method, *("" if n in places else part for n, part in enumerate(parts)))
        self.ways[key] = (way, names)
        self.shapes.setdefault(len(parts), set()).add(places)

    def find(self, method: str, path: str) -> tuple[_Way, dict[str, str]] | None:
        parts = path.split("/")
        for places in self.shapes.get(len(parts), ()):
            masked = [method, *parts]
            for n in places:
                masked[n + 1] = ""
            found = self.ways.get(tuple(masked))
            if found and all(parts[n] for n in places):
                way, names = found
                return way, {name: parts[n] for name, n in zip(names, places, strict=True)}
        return None


class Express:
    """Serves plain requests to the routes that could be worked out; hands all others on.

    Args:
        app: Where all other requests go.
        routers: Whose POST routes to work out; no two of them may answer the same address.
    """

    def __init__(self, app: ASGIApp, *, routers: Iterable[APIRouter]) -> None:
        self.app = app
        self.table = _Table()
        for router in routers:
            for route in router.routes:
                if isinstance(route, APIRoute) and route.methods == {"POST"}:
                    try:
                        self.table.add(_worked_out(route), "POST")
                    except _TooSpecial:
                        continue

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        found = None
        if scope["type"] == "http" and scope["method"] == "POST" and not scope.get("root_path"):
            found = self.table.find("POST", scope["path"])
        if found is None:
            await self.app(scope, receive, send)
            return
        way, path_params = found
        request = Request({**scope, "path_params": path_params}, receive)
        try:
            response = await way.answer(request)
        except (_NotPlain, ClientDisconnect):
            await self.app(scope, _again(request, receive), send)
            return
        except Exception as refusal:
            handler = _handler(scope["app"].exception_handlers, refusal)
            if handler is None:
                raise
            response = await handler(request, refusal)
        scope["route"] = way.route  # For the metrics, which count by route.
        await response(scope, receive, send)


def _handler(handlers: Mapping[Any, Callable[..., Any]], refusal: Exception) -> Callable[..., Any] | None:
    """Return who turns the refusal into an answer: the handler of its class, or of the nearest one above."""
    return next((handlers[kind] for kind in type(refusal).__mro__ if kind in handlers), None)


def _again(request: Request, receive: Receive) -> Receive:
    """Return what receives the body once more, if it has been read, and then goes on with what follows."""
    read = getattr(request, "_body", None)
    if read is None:
        return receive
    told = False

    async def receive_again() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": read, "more_body": False}

    return receive_again
