"""The PostgreSQL of a bench: one of its own with the settings of the embedded server, or one that was named."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import asyncpg
from sqlalchemy import make_url

from pullsvc import embedded
from pullsvc.bench.failures import BenchFailed
from pullsvc.db import driver_url
from pullsvc.embedded.probe import postmaster

# Beyond the embedded server's own: what the bench must see. Each costs the service and pgbench alike.
EXTRA_SETTINGS = MappingProxyType(
    {
        "shared_preload_libraries": "pg_stat_statements",
        "pg_stat_statements.max": "1000",
        "pg_stat_statements.track_planning": "off",
        "track_commit_timestamp": "on",  # Tells when the act behind an event was committed.
        "log_destination": "jsonlog",
        "log_parameter_max_length": "-1",
    }
)
SHOWN_SETTINGS = (
    "shared_buffers", "synchronous_commit", "fsync", "full_page_writes", "wal_buffers", "max_wal_size",
    "checkpoint_timeout", "commit_delay", "autovacuum_naptime", "max_connections", "jit", "work_mem",
    "shared_preload_libraries", "track_commit_timestamp",
)  # fmt: skip
COMMAND_LIMIT_S = 3_600.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running server.

    Attributes:
        url: URL of a database on it, as the driver takes it; holds the password.
        bindir: Folder with pgbench.
        data: Its data folder when it is the bench's own; None: nothing outside SQL is known of it.
    """

    url: str = field(repr=False)
    bindir: Path | None
    data: Path | None

    def url_of(self, database: str) -> str:
        """Return the URL of one of its databases."""
        return make_url(self.url).set(database=database).render_as_string(hide_password=False)

    @property
    def is_own(self) -> bool:
        """Whether the bench started it, so that its log and its processes can be looked at."""
        return self.data is not None

    @property
    def pid(self) -> int | None:
        """The process that all its others descend from; None: not ours."""
        return postmaster(self.data) if self.data else None

    @property
    def logs(self) -> Path:
        """The folder of its log."""
        if self.data is None:
            raise BenchFailed("The log of a server that the bench did not start cannot be read.")
        return self.data / "log"

    def program(self, name: str) -> str:
        """Return the path of one of PostgreSQL's client programs."""
        found = str(self.bindir / name) if self.bindir and (self.bindir / name).exists() else shutil.which(name)
        if found is None:
            raise BenchFailed(f"There is no {name} on this machine; install PostgreSQL's client programs.")
        return found

    async def create(self, database: str, *, template: str | None = None) -> str:
        """Make the database anew, as a copy of another one if that is named; nobody may use either. Return its URL."""
        await self.drop(database)
        await self.command(
            f"CREATE DATABASE {database}" + (f" TEMPLATE {template} STRATEGY FILE_COPY" if template else "")
        )
        return self.url_of(database)

    async def drop(self, database: str) -> None:
        """Drop the database if it is there, whoever uses it."""
        await self.command(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")

    async def command(self, *statements: str) -> None:
        """Run statements that no transaction may hold."""
        await run(self.url_of("postgres") if self.is_own else self.url, *statements)

    async def facts(self) -> dict[str, Any]:
        """Return the version and the settings that matter."""
        connection = await asyncpg.connect(self.url_of("postgres") if self.is_own else self.url)
        try:
            rows = await connection.fetch(
                "SELECT name, current_setting(name) AS value FROM pg_settings WHERE name = ANY($1) ORDER BY name",
                list(SHOWN_SETTINGS),
            )
            version = await connection.fetchval("SHOW server_version")
        finally:
            await connection.close()
        return {"version": version, "settings": {row["name"]: row["value"] for row in rows}}


async def run(url: str, *statements: str) -> None:
    """Run statements one by one on a connection of their own, each as long as it takes."""
    connection = await asyncpg.connect(url, command_timeout=COMMAND_LIMIT_S)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def column(url: str, statement: str, *params: object) -> Sequence[Any]:
    """Return the first column of a statement's rows."""
    connection = await asyncpg.connect(url, command_timeout=COMMAND_LIMIT_S)
    try:
        return [row[0] for row in await connection.fetch(statement, *params)]
    finally:
        await connection.close()


@contextmanager
def own_cluster(*, extra: Mapping[str, str] = EXTRA_SETTINGS, unsafe_fast: bool = False) -> Iterator[Cluster]:
    """Start a server with a throwaway data folder; gone with the block.

    Args:
        extra: Settings beyond the embedded server's.
        unsafe_fast: For tests of the bench itself: no figure of such a server means anything.
    """
    with ExitStack() as stack:
        data_dir = embedded.throwaway_dir(stack)
        with embedded.server(data_dir=data_dir, unsafe_fast=unsafe_fast) as first:
            for name, value in extra.items():
                first.sql(f"ALTER SYSTEM SET {name} = '{value}'")
        # Some take effect at a start only: the last user has left, so this one starts it anew.
        server = stack.enter_context(embedded.server(data_dir=data_dir, unsafe_fast=unsafe_fast))
        yield Cluster(url=driver_url(server.url()), bindir=server.programs.bindir, data=server.home.cluster)


def named_cluster(url: str) -> Cluster:
    """Return a server that somebody else runs; the role of the URL must be allowed to make databases."""
    return Cluster(url=driver_url(url), bindir=embedded.binaries().bindir, data=None)
