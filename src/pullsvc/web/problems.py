"""Every error leaves as RFC 9457 problem+json, never echoing what was sent."""

from collections.abc import Mapping, Sequence

import structlog
from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import Scope

from pullsvc.db import UniqueViolation
from pullsvc.errors import Busy, Kind, Rejection
from pullsvc.web.methods import allowed_methods

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 1
MAX_ERRORS_SHOWN = 50
MAX_SHOWN_CHARS = 200

STATUS_OF_KIND = {
    Kind.INVALID: 422,
    Kind.UNKNOWN_CALLER: 401,
    Kind.FORBIDDEN: 403,
    Kind.NOT_FOUND: 404,
    Kind.CONFLICT: 409,
    Kind.STALE_EDIT: 412,
    Kind.EDIT_NEEDS_VERSION: 428,
    Kind.BUSY: 503,
    Kind.THROTTLED: 429,
}
assert set(STATUS_OF_KIND) == set(Kind)

TITLES = {
    400: ("malformed-request", "The request could not be read."),
    404: ("not-found", "There is nothing at this address."),
    405: ("method-not-allowed", "This address does not take that method."),
    413: ("body-too-large", "The body is larger than this address takes."),
    415: ("unsupported-media-type", "This address does not take that kind of body."),
}


def problem(
    status: int,
    *,
    code: str,
    title: str,
    detail: str,
    headers: Mapping[str, str] | None = None,
    **facts: object,
) -> JSONResponse:
    """Build an RFC 9457 problem; `facts` may not overwrite the standard members."""
    standard = {"type": f"/problems/{code}", "title": title, "status": status, "detail": detail, "code": code}
    content = jsonable_encoder({**standard, **facts, **standard})  # Read first, and never overwritten.
    return JSONResponse(content, status_code=status, media_type=MEDIA_TYPE, headers=dict(headers or {}))


def problem_of_status(status: int, detail: str, *, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Return the problem of a status that has but one meaning here; see TITLES."""
    code, title = TITLES.get(status, ("http-error", "The request was refused."))
    return problem(status, code=code, title=title, detail=detail, headers=headers)


def rejection_response(rejection: Rejection) -> JSONResponse:
    """Turn a refusal into its problem."""
    status = STATUS_OF_KIND[rejection.kind]
    headers = {"Retry-After": str(rejection.facts.get("retry_after_s", RETRY_AFTER_S))} if status in {429, 503} else {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return problem(
        status,
        code=rejection.code,
        title=rejection.title,
        detail=rejection.detail,
        headers=headers,
        **rejection.facts,
    )


def install(app: FastAPI) -> None:
    """Have the app answer every error as a problem."""
    app.add_exception_handler(Rejection, _on_rejection)
    app.add_exception_handler(UniqueViolation, _on_meeting)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http_error)


async def _on_rejection(_request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, Rejection)
    return rejection_response(exc)


async def _on_meeting(_request: Request, exc: Exception) -> JSONResponse:
    """Two made the same thing at the same moment; the one that lost finds it there when it tries again."""
    assert isinstance(exc, UniqueViolation)
    return rejection_response(Busy("Somebody did this at the same moment; send the request again."))


async def _on_invalid(_request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, RequestValidationError)
    errors = exc.errors()
    if any(error["type"] == "json_invalid" for error in errors):
        return problem_of_status(400, "The body is not valid JSON.")
    if isinstance(exc.body, bytes) and any(tuple(error["loc"]) == ("body",) for error in errors):
        # The framework hands a body over as bytes when it was not declared to be JSON.
        return problem_of_status(415, "Send JSON, with Content-Type: application/json.")
    return problem(
        422,
        code="invalid-request",
        title="The request does not fit the contract of this address.",
        detail=f"{len(errors)} value(s) do not fit; see errors.",
        errors=[explained(error["loc"], error["msg"]) for error in errors[:MAX_ERRORS_SHOWN]],
    )


def explained(loc: Sequence[str | int], message: str) -> dict[str, str]:
    """Say where a value does not fit: a JSON pointer into the body, or the name of a parameter."""
    place, *path = [_shown(step) for step in loc] or ["body"]
    if place == "body":
        escaped = (step.replace("~", "~0").replace("/", "~1") for step in path)
        return {"pointer": "".join(f"/{step}" for step in escaped), "detail": _shown(message)}
    return {"parameter": ".".join(path), "in": place, "detail": _shown(message)}


def _shown(value: str | int) -> str:
    """Return a name that may have come from outside as text that can be sent: half characters replaced, and short."""
    return str(value)[:MAX_SHOWN_CHARS].encode("utf-8", "replace").decode()


async def _on_http_error(request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, HTTPException)
    status = exc.status_code
    headers = {name: value for name, value in (exc.headers or {}).items() if name.lower() != "allow"}
    detail = "Check the address against /openapi.json."
    if status == 405:
        headers["Allow"] = ", ".join(allowed_methods(request.app, request.scope["path"]))
        detail = f"Use one of: {headers['Allow']}."
    elif status == 400:
        detail = "The body could not be read as JSON in UTF-8."
    elif status == 413:
        detail = exc.detail
    return problem_of_status(status, detail, headers=headers)


def bug_response(bug: Exception, scope: Scope, *, request_id: str) -> JSONResponse:
    """Log a mistake of ours, and say no more of it than where to ask."""
    log.error("bug", method=scope["method"], path=scope["path"], exc_info=bug)
    return problem(
        500,
        code="internal-error",
        title="Something is broken on our side.",
        detail="Tell the operator the request id; a repeat with the same Idempotency-Key is safe.",
        request_id=request_id,
    )
