"""The database: short transactions on PostgreSQL, SQL as SQL, refusals in place of driver errors.

    async with db.begin() as tx:            # the edge opens, visibly; nobody else commits
        row = await tx.row(CLAIM_NEXT, store_id=1, now=now)

Statements are constants made with `sql(...)`: written by hand, named, prepared once per connection.
"""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Row, TextClause, event, make_url, text
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from pullsvc.errors import BeyondBooks, Busy

CONNECT_TIMEOUT_S = 3.0
POOL_TIMEOUT_S = 1.0
IDLE_IN_TRANSACTION_TIMEOUT_S = 10
PREPARED_STATEMENTS = 300

# serialization_failure, deadlock_detected, lock_not_available, query_canceled, too_many_connections,
# and the server going down or coming up.
BUSY_STATES = frozenset({"40001", "40P01", "55P03", "57014", "53300", "57P01", "57P02", "57P03"})
NUMERIC_VALUE_OUT_OF_RANGE = "22003"


def sql(statement: str) -> TextClause:
    """Make a named statement; parameters are written `:name`."""
    return text(statement)


@dataclass(frozen=True, slots=True)
class Trailing:
    """Rows that nobody reads back in their own transaction, so they can all be written just before the commit.

    Attributes:
        name: Name of the table, also of the one parameter.
        write: INSERT or UPDATE from `jsonb_to_recordset(CAST(:<name> AS jsonb))`, no RETURNING.
    """

    name: str
    write: str


class UniqueViolation(Exception):
    """A unique constraint refused a row; carries the constraint's name."""

    def __init__(self, constraint: str) -> None:
        super().__init__(constraint)
        self.constraint = constraint


class Tx:
    """One open transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._trailing: dict[Trailing, list[Mapping[str, object]]] = {}

    async def rows(self, statement: TextClause, /, **params: object) -> list[Row[Any]]:
        """Run the statement and return all its rows."""
        return list((await self._connection.execute(statement, params)).all())

    async def row(self, statement: TextClause, /, **params: object) -> Row[Any] | None:
        """Run the statement and return its row, or None; more than one row is a programmer's mistake."""
        return (await self._connection.execute(statement, params)).one_or_none()

    async def one(self, statement: TextClause, /, **params: object) -> Row[Any]:
        """Run the statement and return its one row."""
        return (await self._connection.execute(statement, params)).one()

    async def run(self, statement: TextClause, /, **params: object) -> int:
        """Run the statement and return how many rows it touched."""
        return (await self._connection.execute(statement, params)).rowcount

    def write_last(self, trailing: Trailing, row: Mapping[str, object]) -> None:
        """Have `row` written together with all other trailing rows, in one statement just before the commit."""
        self._trailing.setdefault(trailing, []).append(row)

    async def write_trailing(self) -> None:
        """Write the trailing rows; called by `Database.begin` before it commits."""
        if self._trailing:
            params = {trailing.name: json.dumps(rows) for trailing, rows in self._trailing.items()}
            await self._connection.execute(_combined(tuple(self._trailing)), params)
            self._trailing.clear()


@lru_cache(maxsize=16)
def _combined(parts: tuple[Trailing, ...]) -> TextClause:
    """Return one statement that writes them all."""
    ctes = ",\n".join(f"written_{part.name} AS ({part.write})" for part in parts)
    return text(f"WITH {ctes} SELECT 1")


class Database:
    """A pool of connections to one PostgreSQL."""

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 8,
        statement_timeout_s: float = 3.0,
        lock_timeout_s: float = 0.5,
        application_name: str = "pullsvc",
    ) -> None:
        self.engine: AsyncEngine = create_async_engine(
            async_url(url),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=POOL_TIMEOUT_S,
            pool_pre_ping=False,
            connect_args={
                "timeout": CONNECT_TIMEOUT_S,
                # A margin above the server's own limit: this one is for a server that no longer answers.
                "command_timeout": statement_timeout_s + 1,
                "prepared_statement_cache_size": PREPARED_STATEMENTS,
                "server_settings": {
                    "application_name": application_name,
                    "statement_timeout": str(int(statement_timeout_s * 1000)),
                    "lock_timeout": str(int(lock_timeout_s * 1000)),
                    "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_TIMEOUT_S * 1000),
                    "timezone": "UTC",
                    "jit": "off",  # Compiling costs more than any of our short statements.
                },
            },
        )
        event.listen(self.engine.sync_engine, "connect", _speak_json)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Tx]:
        """Open a transaction (READ COMMITTED); commit at the end, roll back when anything is raised.

        Raises:
            Busy: deadlock, lock or statement timeout, no free connection, or the database is out of reach.
            BeyondBooks: a figure would grow out of its column.
            UniqueViolation: a unique constraint refused a row and nobody inside handled it.
        """
        with _translated():
            async with self.engine.begin() as connection:
                tx = Tx(connection)
                yield tx
                await tx.write_trailing()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Tx]:
        """Open a read-only transaction on one snapshot, for screens and reports."""
        with _translated():
            async with self.engine.connect() as plain:
                connection = await plain.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
                async with connection.begin():
                    yield Tx(connection)

    async def close(self) -> None:
        """Close all connections."""
        await self.engine.dispose()


class _translated:  # noqa: N801 - reads as a word in `with _translated():`
    """Turn driver errors that the caller can do something about into our own."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, IntegrityError) and sqlstate(error) == "23505":
            raise UniqueViolation(_constraint(error)) from error
        if isinstance(error, DBAPIError) and sqlstate(error) in BUSY_STATES:
            raise Busy("Another act holds what this one needs; send it again.") from error
        if isinstance(error, DBAPIError) and sqlstate(error) == NUMERIC_VALUE_OUT_OF_RANGE:
            raise BeyondBooks("Check the quantities; a count sets a wrong book right.") from error
        if isinstance(error, PoolTimeout):
            raise Busy("All database connections are in use; send the request again.") from error
        unreachable = OperationalError | InterfaceError
        if isinstance(error, unreachable) or (isinstance(error, DBAPIError) and error.connection_invalidated):
            raise Busy("The database is out of reach; send the request again.") from error
        if isinstance(error, ConnectionError | TimeoutError | FileNotFoundError):
            raise Busy("The database is out of reach; send the request again.") from error


def sqlstate(error: DBAPIError) -> str:
    """Return the five-character SQLSTATE of a database error, '' when it has none."""
    return str(getattr(error.orig, "sqlstate", None) or "")


def _constraint(error: IntegrityError) -> str:
    cause = error.orig.__cause__ if error.orig else None
    return str(getattr(cause, "constraint_name", ""))


def async_url(url: str) -> str:
    """Return the URL for the asyncpg driver, whichever PostgreSQL scheme it came with."""
    parsed = make_url(url)
    return parsed.set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)


def _speak_json(dbapi_connection: Any, _record: object) -> None:
    """Let jsonb columns arrive as Python values; parameters stay JSON text, written by the caller."""

    async def set_codec(connection: Any) -> None:
        await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=str, decoder=json.loads, format="text")

    dbapi_connection.run_async(set_codec)
