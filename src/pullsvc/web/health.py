"""Is the process alive, may it be sent work, how is it doing: for load balancers, not for people."""

from functools import lru_cache

from asyncpg import UndefinedTableError
from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, Field

from pullsvc.db import sql
from pullsvc.errors import Kind, Rejection
from pullsvc.migrate import head_revision
from pullsvc.web import metrics
from pullsvc.web.deps import Db

APPLIED = sql("SELECT version_num FROM alembic_version")

router = APIRouter(tags=["operations"])


class NotReady(Rejection):
    """The process lives, but should get no requests now: it is stopping, or its database is not in order."""

    kind = Kind.BUSY
    code = "not-ready"
    title = "The service cannot take requests now."


class Health(BaseModel):
    """A yes."""

    status: str = Field(examples=["ok"])


_head = lru_cache(maxsize=1)(head_revision)


@router.get("/livez")
async def check_alive() -> Health:
    """Tell that the process is alive; asks nobody else."""
    return Health(status="ok")


@router.get("/readyz")
async def check_ready(request: Request, db: Db) -> Health:
    """Tell whether the process takes requests: not stopping, database within reach, migrations at head."""
    if request.app.state.stopping:
        raise NotReady("It is stopping; send requests to another process.")
    try:
        async with db.read() as tx:
            row = await tx.row(APPLIED)
    except UndefinedTableError:
        row = None  # The table is missing: nothing was ever migrated.
    applied = row.version_num if row else None
    if applied != _head():
        raise NotReady("Run `pullsvc migrate`.", applied=applied, needed=_head())
    return Health(status="ok")


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def read_metrics() -> Response:
    """Return counters and histograms in the Prometheus text format."""
    return Response(metrics.exposition(), media_type=CONTENT_TYPE_LATEST)
