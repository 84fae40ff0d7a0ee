"""Migrations: bring the schema to head, once, whoever starts first."""

from importlib.resources import files
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from pullsvc.db import async_url

ADVISORY_LOCK = 7_245_018  # Any number that nothing else in this database uses.


def migrations_folder() -> Path:
    """Return the folder of the migrations: inside the wheel, or beside `src` in a checkout."""
    packed = Path(str(files("pullsvc"))) / "migrations"
    return packed if packed.is_dir() else Path(__file__).parents[2] / "migrations"


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def head_revision() -> str:
    """Return the revision that this version of the service needs."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head


async def applied_revision(url: str) -> str | None:
    """Return the revision that the database has, None when it was never migrated."""
    engine = create_async_engine(async_url(url))
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())
    finally:
        await engine.dispose()


async def migrate(url: str, *, revision: str = "head") -> None:
    """Move the schema to `revision`; processes that start together wait for one another."""
    engine = create_async_engine(async_url(url))
    try:
        async with engine.connect() as lock, engine.connect() as connection:
            # Held by a connection of its own: each migration commits, and must not let go of it.
            await lock.execute(text("SELECT pg_advisory_lock(:key)"), {"key": ADVISORY_LOCK})
            await connection.run_sync(_run, revision)
            await connection.commit()
    finally:
        await engine.dispose()


def _run(connection: Connection, revision: str) -> None:
    config = _config(connection)
    if revision in ("head", head_revision()):
        command.upgrade(config, "head")
    else:
        command.downgrade(config, revision)
