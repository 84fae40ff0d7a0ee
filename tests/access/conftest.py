"""Browsers, and a wall clock that stands still until a test moves it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from fastapi import FastAPI

from pullsvc.clock import Clock
from pullsvc.db import Database
from tests.access.people import Browsers
from tests.apps import app_on
from tests.conftest import Ticking
from tests.factories import store


@pytest.fixture
def wall() -> Ticking:
    return Ticking()


@pytest.fixture
async def service(db: Database, clock: Ticking, wall: Ticking) -> FastAPI:
    """The service with a store, believing nobody for longer than a request."""
    await store(db)
    stores_clock: Clock = clock  # type: ignore[assignment]  # stands still where the real one runs
    on_the_wall: Clock = wall  # type: ignore[assignment]  # as above
    return app_on(db, stores_clock, wall=on_the_wall, name="access")


@pytest.fixture
async def browsers(service: FastAPI) -> AsyncIterator[Browsers]:
    async with AsyncExitStack() as stack:
        yield Browsers(service, stack)
