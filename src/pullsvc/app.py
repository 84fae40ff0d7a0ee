"""Assembly of the web app: rooms, conventions, nothing else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from pullsvc import __version__
from pullsvc.access import routes as access
from pullsvc.access.cookies import Cookies
from pullsvc.access.hashing import PinHasher
from pullsvc.access.ring import KeyRing
from pullsvc.board import routes as board
from pullsvc.catalog import routes as catalog
from pullsvc.clock import Clock, wall_clock
from pullsvc.config import Settings
from pullsvc.db import Database
from pullsvc.feed import routes as feed
from pullsvc.feed.hub import Hub
from pullsvc.frontend import routes as frontend
from pullsvc.labels import routes as labels
from pullsvc.pulls import ask_routes as asks
from pullsvc.pulls import routes as pulls
from pullsvc.pulls.lead_times import LeadBook
from pullsvc.restock import routes as restock
from pullsvc.sales import routes as sales
from pullsvc.stock import routes as stock
from pullsvc.tubs import routes as tubs
from pullsvc.tubs import tub_routes as tub_plates
from pullsvc.web import health, idempotency, openapi, problems, site
from pullsvc.web.express import Express
from pullsvc.web.limits import Shell
from pullsvc.web.throttle import Throttle

DESCRIPTION = """
Backroom stock pulls and shelf replenishment. Programs sign in with an API key (`pullsvc keys create`) as bearer
token, people with badge and PIN on an enrolled device (a session cookie). A store
that is none of yours does not exist for you (404). Every writing POST takes an `Idempotency-Key`: repeat a request
with the same key as often as you like, it is done once. Every error is an RFC 9457 problem with a stable `code`.
""".strip().replace("\n", " ")

TAGS = [
    {"name": "access", "description": "Devices, people, and who is signed in."},
    {"name": "catalog", "description": "Stores, items, barcodes, locations, placements."},
    {"name": "stock", "description": "The ledger and the books: receive, move, adjust, count."},
    {"name": "sales", "description": "Receipts from the POS, each counted once."},
    {"name": "pulls", "description": "Ask for goods on a shelf, and see what came of it."},
    {"name": "tubs", "description": "Claim, fill, stage, deliver and settle tub-fill tasks."},
    {"name": "demand", "description": "Sell-through: how fast an item leaves the shelf."},
    {"name": "restock", "description": "The watch that opens pulls before a shelf is empty."},
    {"name": "board", "description": "The live picture of a store."},
    {"name": "labels", "description": "Labels to print for tubs, places and badges."},
    {"name": "feed", "description": "What happened, to read through or to listen to."},
    {"name": "operations", "description": "Health and metrics."},
]

ROOMS = (
    access.router,
    board.router,
    labels.router,
    catalog.router,
    sales.router,
    stock.router,
    asks.router,
    pulls.router,
    restock.router,
    tubs.router,
    tub_plates.router,
    feed.router,
    health.router,
    site.router,
    frontend.router,
)


def create_app(*, db: Database, clock: Clock, settings: Settings, wall: Clock | None = None) -> FastAPI:
    """Return the service on the given database and clock; it closes the database when it stops.

    Args:
        db: The database.
        clock: The time of what happens in the stores; may be a replayed day's.
        settings: The settings.
        wall: The time that keys and sessions run by; the clock on the wall unless a test gives another.
    """
    app = FastAPI(
        title="pullsvc",
        summary="Backroom stock pulls and shelf replenishment for stores.",
        description=DESCRIPTION,
        version=__version__,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        openapi_tags=TAGS,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # Asked for anew at each request; see /metrics.
        generate_unique_id_function=openapi.operation_id,
        lifespan=_lifespan,
    )
    equip(app, db=db, clock=clock, settings=settings, wall=wall)
    problems.install(app)
    idempotency.install(app)
    openapi.install(app)
    for router in ROOMS:
        app.include_router(router)
    app.add_middleware(Express, routers=ROOMS)
    app.add_middleware(Shell)
    return app


def equip(app: FastAPI, *, db: Database, clock: Clock, settings: Settings, wall: Clock | None = None) -> None:
    """Give the app what its requests live on, as `create_app` takes it; nothing of what it had before stays."""
    app.state.db = db
    app.state.clock = clock
    app.state.settings = settings
    app.state.wall = wall or wall_clock()
    app.state.keys = KeyRing(believe_s=settings.key_cache_s, idle_s=settings.session_idle_s, wall=app.state.wall)
    app.state.cookies = Cookies(insecure=settings.insecure_cookies)
    app.state.pins = PinHasher()
    app.state.enrolling = Throttle(per_minute=settings.enrolments_per_minute)
    app.state.lead_times = LeadBook()
    app.state.hub = Hub(db=db, clock=clock, max_streams=settings.max_streams)
    app.state.stopping = False


async def begin_stop(app: FastAPI) -> None:
    """Tell load balancers to go elsewhere, and open streams to end: nothing else would end them."""
    app.state.stopping = True
    await app.state.hub.stop()


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    await begin_stop(app)
    await app.state.db.close()
