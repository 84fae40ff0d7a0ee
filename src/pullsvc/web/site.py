"""The few pages for people: where to begin, the contract to read and try, and what each error code means.

Everything comes from the package itself, as stores often have no internet; the policy lets nothing else in.
"""

import inspect
from functools import lru_cache
from html import escape
from importlib.resources import files

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from pullsvc.errors import NotFound, Rejection
from pullsvc.web.problems import STATUS_OF_KIND, TITLES

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
STATIC = {"docs.js": "text/javascript", "site.css": "text/css"}
# Errors that the framework or the outermost layer finds, before any code of ours could refuse.
OF_THE_FRAME = {
    "invalid-request": (422, "The request does not fit the contract of this address.", "See `errors`, value by value."),
    "internal-error": (500, "Something is broken on our side.", "A mistake of ours; the log has it by request id."),
    "http-error": (400, "The request was refused.", "See the status."),
} | {code: (status, title, "See the detail.") for status, (code, title) in TITLES.items()}

router = APIRouter(include_in_schema=False)


def _page(title: str, body: str) -> HTMLResponse:
    html = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/docs/site.css">'
        f"<main>{body}</main></html>"
    )
    return HTMLResponse(html, headers={"content-security-policy": CONTENT_SECURITY_POLICY})


@router.get("/")
async def show_index(request: Request) -> HTMLResponse:
    """Say what this is and where to go."""
    links = {
        "/app/": "the app for handhelds, board and managers",
        "/docs": "the API to read and try",
        "/openapi.json": "the same for programs (OpenAPI 3.1)",
        "/problems": "what each error code means",
        "/readyz": "is it ready",
        "/metrics": "how it is doing (Prometheus)",
    }
    rows = "".join(f'<li><a href="{path}">{path}</a> {text}' for path, text in links.items())
    app = request.app
    return _page(
        app.title, f"<h1>{escape(app.title)} {escape(app.version)}</h1><p>{escape(app.summary)}<ul>{rows}</ul>"
    )


@router.get("/openapi.json")
async def read_contract(request: Request) -> JSONResponse:
    """Return the contract."""
    return JSONResponse(request.app.openapi())


@router.get("/docs")
async def show_docs() -> HTMLResponse:
    """Show the contract: a page of our own that reads /openapi.json."""
    body = (
        '<header><h1 id="title">API</h1><input id="filter" type="search" placeholder="Filter operations" '
        'aria-label="Filter operations"><input id="key" type="password" placeholder="API key, to try" '
        'autocomplete="off" aria-label="API key"></header><div id="api">Loading ...</div>'
        '<script src="/docs/docs.js" defer></script>'
    )
    return _page("pullsvc API", body)


@router.get("/docs/{name}")
async def read_asset(name: str) -> Response:
    """Return a file of the pages."""
    if name not in STATIC:
        raise NotFound("There is no such file.")
    headers = {"cache-control": "public, max-age=300"}
    return Response(_asset(name), media_type=STATIC[name], headers=headers)


@lru_cache(maxsize=len(STATIC))
def _asset(name: str) -> bytes:
    return (files("pullsvc.web") / "static" / name).read_bytes()


@router.get("/problems")
async def list_problems() -> HTMLResponse:
    """List all error codes."""
    rows = "".join(
        f'<tr><td>{status}<td><a href="/problems/{code}">{code}</a><td>{escape(title)}'
        for code, (status, title, _) in sorted(problems().items())
    )
    return _page("Problems", f"<h1>Problems</h1><table><tr><th>Status<th>Code<th>Meaning{rows}</table>")


@router.get("/problems/{code}")
async def show_problem(code: str) -> HTMLResponse:
    """Say what an error code means and what to do."""
    if code not in problems():
        raise NotFound("There is no such code; /problems lists them.")
    status, title, text = problems()[code]
    paragraphs = "".join(f"<p>{escape(part)}" for part in text.split("\n\n"))
    back = '<p><a href="/problems">All codes</a>'
    return _page(code, f"<h1>{escape(title)}</h1><p><code>{escape(code)}</code>, status {status}{paragraphs}{back}")


@lru_cache(maxsize=1)
def problems() -> dict[str, tuple[int, str, str]]:
    """Return every error code with its status, its title and what its class says of it."""
    found = dict(OF_THE_FRAME)
    for refusal in _all_below(Rejection):
        found[refusal.code] = (STATUS_OF_KIND[refusal.kind], refusal.title, inspect.getdoc(refusal) or "")
    return found


def _all_below(parent: type[Rejection]) -> list[type[Rejection]]:
    below = parent.__subclasses__()
    return [cls for cls in below if hasattr(cls, "code")] + [deep for cls in below for deep in _all_below(cls)]
