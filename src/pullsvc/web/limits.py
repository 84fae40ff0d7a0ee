"""The outermost layer, plain ASGI: body limit, request id, security headers, request log and metrics."""

import logging
import re
import time
import uuid

import structlog
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pullsvc.web import metrics
from pullsvc.web.problems import bug_response, problem_of_status

log = structlog.get_logger("pullsvc.http")
_stdlib_log = logging.getLogger("pullsvc.http")

MAX_BODY_BYTES = 1 * 1024 * 1024
MAX_BULK_BODY_BYTES = 32 * 1024 * 1024
MAX_DRAINED_BYTES = 8 * 1024 * 1024
BULK_PATH = re.compile(r"/v1/stores/[^/]+/(imports/[^/]+|receipt-streams)$")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,80}")

SECURITY_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
)


class _TooLarge(HTTPException):
    """An HTTPException, because the framework turns any other one raised while it reads a body into a 400."""

    def __init__(self, limit: int) -> None:
        super().__init__(413, f"Send at most {limit} bytes; split the batch.", {"connection": "close"})


class Shell:
    """Wraps the app: nothing behind it sees a body over the limit, nothing leaves without a request id."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        headers = Headers(scope=scope)
        request_id = _request_id(headers)
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.bind_contextvars(request_id=request_id)
        sent = _Sent(send, request_id=request_id)
        limit = MAX_BULK_BODY_BYTES if BULK_PATH.search(scope["path"]) else MAX_BODY_BYTES
        try:
            if refusal := _refusal(headers, limit):
                if "expect" not in headers:  # Who expects 100 waits for our word before it sends.
                    await _drain(receive)
                await refusal(scope, receive, sent)
            else:
                await self.app(scope, _limited(receive, limit), sent)
        except Exception as bug:
            if sent.status:
                raise  # The answer has begun: all that is left is to break the connection off.
            await bug_response(bug, scope, request_id=request_id)(scope, receive, sent)
        finally:
            duration_s = time.perf_counter() - started
            metrics.observe_request(scope, status=sent.status or 499, duration_s=None if sent.is_stream else duration_s)
            if _stdlib_log.isEnabledFor(logging.DEBUG):
                log.debug(
                    "request", method=scope["method"], path=scope["path"], status=sent.status, duration_s=duration_s
                )
            structlog.contextvars.unbind_contextvars("request_id")


class _Sent:
    """Sends on, with the headers that every answer has, and remembers what was answered.

    Attributes:
        status: Status of the answer, 0 while there is none.
        is_stream: Whether the answer is an open stream, whose duration says nothing.
    """

    def __init__(self, send: Send, *, request_id: str) -> None:
        self.status = 0
        self.is_stream = False
        self._send = send
        self._request_id = request_id

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            given = dict(message["headers"])
            self.is_stream = given.get(b"content-type", b"").startswith(b"text/event-stream")
            ours = [(b"x-request-id", self._request_id.encode()), *SECURITY_HEADERS]
            message["headers"] = [*message["headers"], *(header for header in ours if header[0] not in given)]
        await self._send(message)


def _refusal(headers: Headers, limit: int) -> Response | None:
    """Return the answer to a request whose body we will not even begin to read."""
    if _declared_length(headers) > limit:
        too_large = _TooLarge(limit)
        return problem_of_status(413, too_large.detail, headers=too_large.headers)
    if headers.get("content-encoding", "identity").lower() != "identity":
        # A megabyte of zeros packs into a kilobyte: whoever unpacks has to count on that.
        return problem_of_status(415, "Send the body as it is, without Content-Encoding.")
    return None


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def _declared_length(headers: Headers) -> int:
    declared = headers.get("content-length", "0")
    return int(declared[:20]) if declared.isascii() and declared.isdigit() else 0


def _limited(receive: Receive, limit: int) -> Receive:
    received = 0

    async def receive_limited() -> Message:
        nonlocal received
        message = await receive()
        if message["type"] == "http.request":
            received += len(message.get("body", b""))
            if received > limit:
                if message.get("more_body"):
                    await _drain(receive)
                raise _TooLarge(limit)
        return message

    return receive_limited


async def _drain(receive: Receive) -> None:
    """Read on for a while and forget it: who is still sending when the connection ends never sees our answer."""
    drained = 0
    more = True
    while more and drained < MAX_DRAINED_BYTES:
        message = await receive()
        drained += len(message.get("body", b""))
        more = message.get("more_body", False)
