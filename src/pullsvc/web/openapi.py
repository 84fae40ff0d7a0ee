"""The contract: what FastAPI derives from the routes, completed to a document that generators and checkers accept.

Stays at OpenAPI 3.1.0, which every client generator reads. Every operation gets its error responses, all of one shape,
and every JSON body an example put together from the examples of its fields.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field

from pullsvc.web.problems import MEDIA_TYPE, RETRY_AFTER_S

Json = dict[str, Any]

METHODS = ("get", "put", "post", "delete", "patch")
WRITING = ("put", "post", "delete", "patch")
SCHEMA_REF = "#/components/schemas/"
RESPONSE_REF = "#/components/responses/"
MAX_EXAMPLE_DEPTH = 12
NAMED_BY_MODULE = re.compile(r"^pullsvc__([a-z]+)__[a-z_]+__(\w+)$")
GENERIC_PAGE = re.compile(r"^Page_(\w+?)(?:View)?_$")


class ProblemError(BaseModel):
    """One value that does not fit."""

    pointer: str | None = Field(default=None, description="JSON pointer into the body.", examples=["/lines/0/qty"])
    parameter: str | None = Field(default=None, description="Name of the parameter, for those outside the body.")
    in_: str | None = Field(default=None, alias="in", description="Where the parameter stands: path, query, header.")
    detail: str = Field(description="What is wrong with it.", examples=["Input should be greater than 0"])


class Problem(BaseModel):
    """An error, as RFC 9457 has it; members beside these are facts that a program can act on."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="Page that explains the code.", examples=["/problems/not-found"])
    title: str = Field(description="What went wrong, the same for every case of the code.")
    status: int = Field(description="The HTTP status.", ge=400, le=599, examples=[404])
    detail: str = Field(description="What went wrong in this case, and what to do about it.")
    code: str = Field(description="Stable name of what went wrong: what a program looks at.", examples=["not-found"])
    errors: list[ProblemError] | None = Field(default=None, description="Each value that does not fit, if any.")


class Refusal(BaseModel):
    """How one error status is described in the contract."""

    name: str
    description: str
    code: str
    title: str
    headers: dict[str, str] = {}


REFUSALS: Mapping[int, Refusal] = {
    400: Refusal(
        name="Malformed",
        description="The request could not be read.",
        code="malformed-request",
        title="The request could not be read.",
    ),
    401: Refusal(
        name="UnknownCaller",
        description="Neither a valid API key nor a live session came with the request.",
        code="unknown-caller",
        title="Sign in first.",
        headers={"WWW-Authenticate": "The scheme to sign in with: Bearer."},
    ),
    403: Refusal(
        name="Forbidden",
        description="The caller's role in the store does not allow this.",
        code="forbidden",
        title="Your role does not allow this.",
    ),
    404: Refusal(
        name="NotFound",
        description="There is no such thing, or it is in a store that is none of the caller's.",
        code="not-found",
        title="There is no such thing here.",
    ),
    409: Refusal(
        name="Conflict",
        description="The present state does not allow it; the code says why.",
        code="conflict",
        title="That does not go with the present state.",
    ),
    412: Refusal(
        name="EditedMeanwhile",
        description="Somebody changed it since the version in If-Match.",
        code="edited-meanwhile",
        title="Somebody changed this since you read it.",
    ),
    413: Refusal(
        name="BodyTooLarge",
        description="The body is larger than this address takes.",
        code="body-too-large",
        title="The body is larger than this address takes.",
    ),
    415: Refusal(
        name="UnsupportedMediaType",
        description="The body is of another kind than this address takes.",
        code="unsupported-media-type",
        title="This address does not take that kind of body.",
    ),
    422: Refusal(
        name="Invalid",
        description="A value does not fit the contract, or the words of the domain; `errors` says where.",
        code="invalid-request",
        title="The request does not fit the contract of this address.",
    ),
    428: Refusal(
        name="VersionNeeded",
        description="Overwriting needs If-Match with the version it is based on.",
        code="version-needed",
        title="Say which version you are changing.",
    ),
    429: Refusal(
        name="Throttled",
        description="Too many attempts; Retry-After says when to try again.",
        code="locked-out",
        title="Too many wrong PINs.",
        headers={"Retry-After": "Seconds to wait."},
    ),
    503: Refusal(
        name="Busy",
        description="The service is busy, starting or stopping; the same request may succeed in a moment.",
        code="busy",
        title="The service is busy; try again in a moment.",
        headers={"Retry-After": f"Seconds to wait: {RETRY_AFTER_S}."},
    ),
}


def operation_id(route: APIRoute) -> str:
    """Return the name of the route's function: what generated clients call the operation."""
    return route.name


def install(app: FastAPI) -> None:
    """Have the app describe itself by the completed document, made once."""

    def described() -> Json:
        if app.openapi_schema is None:
            app.openapi_schema = document(app)
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]  # FastAPI's documented way to extend the contract


def document(app: FastAPI) -> Json:
    """Return the contract of the app."""
    spec = get_openapi(
        title=app.title,
        version=app.version,
        openapi_version="3.1.0",
        summary=app.summary,
        description=app.description,
        routes=app.routes,
        tags=app.openapi_tags,
        servers=[{"url": "/", "description": "Where this document was read."}],
        license_info=app.license_info,
    )
    schemas = spec.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    _add_problem(spec["components"])
    used = {tag for _, _, operation in operations(spec) for tag in operation.get("tags", ())}
    schemas = _name_schemas(spec)
    spec["tags"] = [tag for tag in spec.get("tags", ()) if tag["name"] in used]
    for path, method, operation in operations(spec):
        _say_what_it_does(operation)
        _complete_responses(path, method, operation)
        _plain_streams(operation)
        _add_example(operation, schemas)
    return spec


def operations(spec: Json) -> list[tuple[str, str, Json]]:
    """Return (path, method, operation) of each operation of the document."""
    return [
        (path, method, operation)
        for path, item in spec["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    ]


def _add_problem(components: Json) -> None:
    """Add the one shape of all errors, and each error status as a response to refer to."""
    schema = Problem.model_json_schema(ref_template=SCHEMA_REF + "{model}")
    components["schemas"] |= schema.pop("$defs") | {"Problem": schema}
    components["responses"] = {
        refusal.name: {
            "description": refusal.description,
            "headers": {
                name: {"description": text, "schema": {"type": "string"}} for name, text in refusal.headers.items()
            },
            "content": {
                MEDIA_TYPE: {
                    "schema": {"$ref": SCHEMA_REF + "Problem"},
                    "example": {
                        "type": f"/problems/{refusal.code}",
                        "title": refusal.title,
                        "status": status,
                        "detail": "What went wrong in this case, and what to do about it.",
                        "code": refusal.code,
                    },
                }
            },
        }
        for status, refusal in REFUSALS.items()
    }


def _name_schemas(spec: Json) -> Json:
    """Give schemas names fit for classes of a client; return the schemas.

    A page of a list becomes `<thing>Page`, where pydantic says `Page_<thing>_`; of two models with one name, each gets
    the name of its room in front, where pydantic says `pullsvc__<room>__views__<name>`.
    """
    schemas: Json = spec["components"]["schemas"]
    names = {}
    for name in schemas:
        in_room = NAMED_BY_MODULE.sub(lambda match: match[1].capitalize() + match[2], name)
        names[name] = GENERIC_PAGE.sub(r"\1Page", in_room)
    spec["components"]["schemas"] = {names[name]: schema for name, schema in schemas.items()}
    _refer_anew(spec, {SCHEMA_REF + old: SCHEMA_REF + new for old, new in names.items() if old != new})
    for old, new in names.items():
        if old != new:
            spec["components"]["schemas"][new]["title"] = new
    renamed: Json = spec["components"]["schemas"]
    return renamed


def _refer_anew(node: Any, refs: Mapping[str, str]) -> None:
    """Replace references anywhere below the node."""
    if isinstance(node, dict):
        if node.get("$ref") in refs:
            node["$ref"] = refs[node["$ref"]]
        for part in node.values():
            _refer_anew(part, refs)
    elif isinstance(node, list):
        for part in node:
            _refer_anew(part, refs)


def _say_what_it_does(operation: Json) -> None:
    """Take the first line of the route's docstring as summary, where FastAPI says the function's name again."""
    first, _, rest = operation.get("description", "").partition("\n")
    if first:
        operation["summary"] = first.rstrip(".")
        operation["description"] = rest.strip()
    if not operation.get("description"):
        operation.pop("description", None)


def _complete_responses(path: str, method: str, operation: Json) -> None:
    """Give the operation the refusals that it can answer with, and its good answers a body."""
    responses = operation["responses"]
    if responses.get("422", {}).get("content", {}).get("application/json"):
        del responses["422"]  # FastAPI's own shape of it, which is never sent.
    if "content" in responses.get("200", {}) and "201" in responses:
        responses["201"].setdefault("content", responses["200"]["content"])  # Made or changed: the same answer.
    for response in responses.values():
        if MEDIA_TYPE in response.get("content", {}):
            response["content"][MEDIA_TYPE] = {"schema": {"$ref": SCHEMA_REF + "Problem"}}
    for status in _refusals_of(path, method, operation):
        responses.setdefault(str(status), {"$ref": RESPONSE_REF + REFUSALS[status].name})
    operation["responses"] = dict(sorted(responses.items()))


def _refusals_of(path: str, method: str, operation: Json) -> set[int]:
    """Return the statuses with which the operation may refuse, by what it takes."""
    headers = {p["name"].lower() for p in operation.get("parameters", ()) if p["in"] == "header"}
    statuses = {503}
    if operation.get("security"):
        statuses |= {401, 403, 404, 422}
    if "{" in path or operation.get("parameters"):
        statuses |= {404, 422}
    if method in WRITING:
        statuses |= {409}
    if "requestBody" in operation:
        statuses |= {400, 413, 415, 422}
    statuses |= set(operation.pop("x-refuses", ()))  # What a route says of itself, as nothing else shows it.
    if "if-match" in headers:
        statuses |= {412, 428}
    return statuses


def _plain_streams(operation: Json) -> None:
    """Turn `itemSchema`, a word of OpenAPI 3.2, into what 3.1 allows."""
    for response in operation["responses"].values():
        for media in response.get("content", {}).values():
            if "itemSchema" in media:
                media["x-item-schema"] = media.pop("itemSchema")
                media["schema"] = {"type": "string"}


def _add_example(operation: Json, schemas: Json) -> None:
    """Give a JSON body that has no example one made of the examples of its fields."""
    for media_type, media in operation.get("requestBody", {}).get("content", {}).items():
        if "json" in media_type and not media.keys() & {"example", "examples"}:
            media["example"] = example_of(media["schema"], schemas)


def example_of(schema: Json, schemas: Json, *, depth: int = 0) -> Any:
    """Return an example of the schema: its own, else one made of the examples of its parts."""
    if "$ref" in schema and depth < MAX_EXAMPLE_DEPTH:
        return example_of(schemas[schema["$ref"].removeprefix(SCHEMA_REF)], schemas, depth=depth + 1)
    for word, pick in _SPOKEN:
        if word in schema:
            return pick(schema[word])
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema:
            return example_of(schema[word][0], schemas, depth=depth + 1)
    if schema.get("type") == "object" or "properties" in schema:
        parts = schema.get("properties", {})
        needed = [name for name in parts if name in schema.get("required", ()) or "examples" in parts[name]]
        return {name: example_of(parts[name], schemas, depth=depth + 1) for name in needed}
    if schema.get("type") == "array":
        return [example_of(schema["items"], schemas, depth=depth + 1)]
    return _PLAIN.get(schema.get("format") or schema.get("type", ""), "text")


_SPOKEN: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("example", lambda value: value),
    ("examples", lambda values: values[0]),
    ("const", lambda value: value),
    ("enum", lambda values: values[0]),
    ("default", lambda value: value),
)
_PLAIN: Mapping[str, Any] = {
    "date-time": "2026-03-14T12:00:00Z",
    "date": "2026-03-14",
    "time": "12:00:00",
    "integer": 1,
    "number": 1.5,
    "boolean": True,
    "null": None,
}
