"""The web app over HTTP: one page, its modules, its service worker."""

from functools import lru_cache

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from pullsvc.errors import NotFound
from pullsvc.frontend.assets import App, Asset, load

KEPT_FOR_EVER = "public, max-age=31536000, immutable"
ASKED_EACH_TIME = "no-cache"

router = APIRouter(include_in_schema=False)


@lru_cache(maxsize=1)
def the_app() -> App:
    """Return the web app; read once in a process."""
    return load()


@router.get("/app")
async def lead_to_shell() -> Response:
    """Lead to the address that a service worker can serve."""
    return RedirectResponse("/app/", status_code=308)


@router.get("/app/")
async def show_shell(request: Request) -> Response:
    """Show the page that starts the app."""
    return _sent(request, the_app().shell, caching=ASKED_EACH_TIME)


@router.get("/app/sw.js")
async def read_worker(request: Request) -> Response:
    """Return the service worker."""
    return _sent(request, the_app().worker, caching=ASKED_EACH_TIME)


@router.get("/app/app.webmanifest")
async def read_manifest(request: Request) -> Response:
    """Return what a device needs to install the app."""
    return _sent(request, the_app().manifest, caching=ASKED_EACH_TIME)


@router.get("/app/{build}/{path:path}")
async def read_module(request: Request, build: str, path: str) -> Response:
    """Return a file of the running version; one of another version is gone, and the page must be loaded again."""
    app = the_app()
    if build != app.build or path not in app.modules:
        raise NotFound("The app has been renewed, or has no such file. Load /app/ again.")
    return _sent(request, app.modules[path], caching=KEPT_FOR_EVER)


def _sent(request: Request, asset: Asset, *, caching: str) -> Response:
    headers = {
        "cache-control": caching,
        "etag": asset.etag,
        "vary": "accept-encoding",
        "content-security-policy": the_app().policy,
    }
    if asset.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if asset.packed and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(asset.packed, media_type=asset.media_type, headers={**headers, "content-encoding": "gzip"})
    return Response(asset.body, media_type=asset.media_type, headers=headers)
