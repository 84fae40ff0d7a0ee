"""Apps for the tests: built once in a process, as that takes longer than most tests, and equipped anew for each."""

from collections.abc import Sequence

from fastapi import APIRouter, FastAPI

from pullsvc.app import create_app, equip
from pullsvc.clock import Clock
from pullsvc.config import Settings
from pullsvc.db import Database

_built: dict[str, FastAPI] = {}


def app_on(
    db: Database,
    clock: Clock,
    *,
    settings: Settings | None = None,
    wall: Clock | None = None,
    name: str = "app",
    routers: Sequence[APIRouter] = (),
) -> FastAPI:
    """Return the service on the database and clock, believing nobody for longer than a request.

    It is one app for each name: who needs two at a time, or further routes, names it.
    """
    settings = settings or Settings(key_cache_s=0)
    if name not in _built:
        _built[name] = create_app(db=db, clock=clock, settings=settings, wall=wall)
        for router in routers:
            _built[name].include_router(router)
    else:
        equip(_built[name], db=db, clock=clock, settings=settings, wall=wall)
    return _built[name]
