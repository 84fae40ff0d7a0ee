"""What a stretch of work took: processor time by party, statements, write-ahead log, memory."""

import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from pullsvc.embedded.errors import need

MIB = 1024 * 1024
READ_DATABASE = """
    SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn AS wal_bytes, xact_commit AS commits
    FROM pg_stat_database WHERE datname = current_database()
"""
READ_STATEMENTS = """
    SELECT coalesce(sum(calls), 0) FROM pg_stat_statements
    WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@dataclass(frozen=True, slots=True)
class Reading:
    """The counters at one moment; each only grows.

    Attributes:
        at: Monotonic seconds.
        app_s: Processor time of the service, all its processes.
        postgres_s: Of PostgreSQL, all its processes, also those that have ended; None: not our server.
        load_s: Of the load generators.
        wal_bytes: Written to the log by the whole server.
        statements: Run in the database, with BEGIN and COMMIT; None: pg_stat_statements is not there.
        app_mib: Resident memory of the largest process of the service.
        app_total_mib: Of all its processes together.
    """

    at: float
    app_s: float
    postgres_s: float | None
    load_s: float
    wal_bytes: int
    statements: int | None
    app_mib: float
    app_total_mib: float


class Meter:
    """Reads the counters."""

    def __init__(
        self, connection: Any, *, app_pid: int, postgres_pid: int | None, load_pids: Sequence[int], counts: bool
    ) -> None:
        self._connection = connection
        self._app_pid = app_pid
        self._postgres_pid = postgres_pid
        self._load_pids = load_pids
        self._counts = counts

    async def read(self) -> Reading:
        """Read them all."""
        at = time.monotonic()
        app = family(self._app_pid)
        row = await self._connection.fetchrow(READ_DATABASE)
        sizes = [process.memory_info().rss / MIB for process in app]
        return Reading(
            at=at,
            app_s=cpu_s(app),
            postgres_s=cpu_s(family(self._postgres_pid)) if self._postgres_pid else None,
            load_s=sum(cpu_s(family(pid)) for pid in self._load_pids),
            wal_bytes=int(row["wal_bytes"]),
            statements=int(await self._connection.fetchval(READ_STATEMENTS)) if self._counts else None,
            app_mib=round(max(sizes), 1),
            app_total_mib=round(sum(sizes), 1),
        )


def family(pid: int) -> list[Any]:
    """Return the process and all that descend from it."""
    psutil = need("psutil")
    first = psutil.Process(pid)
    return [first, *first.children(recursive=True)]


def cpu_s(processes: Iterable[Any]) -> float:
    """Return the processor time of the processes and of those children that have ended.

    A child that ends between two readings is counted by its parent: nothing is lost.
    """
    psutil = need("psutil")
    total = 0.0
    for process in processes:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


@asynccontextmanager
async def metering(
    url: str, *, app_pid: int, postgres_pid: int | None, load_pids: Sequence[int]
) -> AsyncIterator[Meter]:
    """Open a meter on the database."""
    connection = await asyncpg.connect(url, server_settings={"application_name": "pullsvc bench"})
    try:
        loaded = "pg_stat_statements" in await connection.fetchval("SHOW shared_preload_libraries")
        if loaded:
            await connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        yield Meter(connection, app_pid=app_pid, postgres_pid=postgres_pid, load_pids=load_pids, counts=loaded)
    finally:
        await connection.close()
