"""One real PostgreSQL for the whole run, one database per test process, real commits, emptied before each test."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import asyncpg
import httpx
import hypothesis
import pytest
from fastapi import FastAPI
from sqlalchemy import make_url

from pullsvc.clock import Clock
from pullsvc.db import Database, sql
from pullsvc.migrate import migrate
from tests.apps import app_on
from tests.contract import hold_to_contract
from tests.factories import NOON

TEST_URL = "PULLSVC_TEST_DATABASE_URL"

hypothesis.settings.register_profile("untimed", deadline=None)  # No test is judged by how busy the machine is.
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a PostgreSQL server that may create databases: the one given, or an embedded one for this run."""
    if given := os.environ.get(TEST_URL):
        yield given
        return
    from pullsvc import embedded  # noqa: PLC0415 - only needed, and only installed, when no server is given

    with ExitStack() as stack:
        data_dir = embedded.throwaway_dir(stack)
        server = stack.enter_context(embedded.server(data_dir=data_dir, unsafe_fast=True))
        yield server.url("postgres")


@pytest.fixture(scope="session")
async def database_url(server_url: str, worker_id: str) -> str:
    """URL of this process's own database, migrated to head."""
    name = f"pullsvc_test_{worker_id}"
    server = make_url(server_url).set(drivername="postgresql")
    connection = await asyncpg.connect(server.render_as_string(hide_password=False))
    try:
        await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await connection.execute(f"CREATE DATABASE {name}")
    finally:
        await connection.close()
    url = server.set(database=name).render_as_string(hide_password=False)
    await migrate(url)
    connection = await asyncpg.connect(url)
    try:
        # Tests name people by small numbers; whoever comes from the service beside them gets another one.
        await connection.execute("ALTER TABLE principals ALTER principal_id RESTART WITH 1000000")
    finally:
        await connection.close()
    return url


@pytest.fixture(scope="session")
def worker_id(request: pytest.FixtureRequest) -> str:
    """Name of the test process, by which runs that share a server are told apart."""
    run = os.environ.get("PYTEST_DB", "main")
    return f"{run}_{getattr(request.config, 'workerinput', {}).get('workerid', 'alone')}"


@pytest.fixture(scope="session")
async def shared_db(database_url: str) -> AsyncIterator[Database]:
    """The pool of this process: large enough for the races, patient enough for two busy cores."""
    db = Database(database_url, pool_size=30, statement_timeout_s=20, lock_timeout_s=10)
    yield db
    await db.close()


EMPTY = sql("""
    DO $$ DECLARE t text; BEGIN
        FOREACH t IN ARRAY ARRAY['worker_heartbeats', 'expected_deliveries', 'gap_checks', 'pull_wrongs', 'watched',
            'watch_schedule', 'watch_settings', 'sell_through', 'store_rhythms', 'offers',
            'task_lines', 'tasks', 'tubs', 'asks', 'pulls', 'waiting_receipts', 'unknown_codes', 'receipt_revisions',
            'receipts', 'discrepancies', 'counts', 'ledger_openings', 'movements', 'balances', 'placements',
            'catalog_marks', 'locations', 'barcodes', 'items', 'events', 'idempotency_keys', 'api_keys',
            'sign_in_guards', 'sessions', 'device_enrolments', 'devices', 'people', 'grants', 'principals', 'stores']
        LOOP EXECUTE 'DELETE FROM ' || t; END LOOP;
    END $$
""")


@pytest.fixture
async def db(shared_db: Database) -> Database:
    """An empty, migrated database."""
    async with shared_db.begin() as tx:
        await tx.run(EMPTY)
    return shared_db


@dataclass
class Ticking:
    """A clock that stands still until a test moves it."""

    at: datetime = NOON
    speed: float = 1.0
    origin: datetime = field(default=datetime(1970, 1, 1, tzinfo=UTC))
    start: datetime = field(default=datetime(1970, 1, 1, tzinfo=UTC))

    def now(self) -> datetime:
        return self.at

    def pass_(self, **duration: float) -> datetime:
        self.at += timedelta(**duration)
        return self.at


@pytest.fixture
def clock() -> Ticking:
    return Ticking()


@pytest.fixture
def app(db: Database, clock: Ticking) -> FastAPI:
    """The service, on the test's database and clock."""
    held: Clock = clock  # type: ignore[assignment]  # stands still where the real one runs
    return app_on(db, held)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A caller without a key; see factories.signed_in."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    hooks = hold_to_contract()
    async with httpx.AsyncClient(transport=transport, base_url="http://pullsvc.test", event_hooks=hooks) as client:
        yield client


@pytest.fixture
async def neighbour(db: Database, database_url: str, clock: Ticking) -> AsyncIterator[httpx.AsyncClient]:
    """A caller of another process of the same service: it has its own connections and its own batches."""
    held: Clock = clock  # type: ignore[assignment]  # as above
    own = Database(database_url, pool_size=4, statement_timeout_s=20, lock_timeout_s=10)
    transport = httpx.ASGITransport(app=app_on(own, held, name="neighbour"), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://pullsvc.test") as client:
        yield client
    await own.close()


class Statements(list[str]):
    """The SQL that went over the wire while this was listening, without BEGIN and COMMIT."""


@pytest.fixture
def statements(db: Database) -> Iterator[Statements]:
    """Records each statement sent to the database, to pin how many an act takes."""
    seen = Statements()

    db.listeners.append(seen.append)
    yield seen
    db.listeners.remove(seen.append)
