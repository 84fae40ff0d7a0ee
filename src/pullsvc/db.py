"""The database: short transactions on PostgreSQL, SQL as SQL, refusals in place of driver errors.

    async with db.begin() as tx:            # the edge opens, visibly; nobody else commits
        row = await tx.row(CLAIM_NEXT, store_id=1, now=now)

Statements are constants made with `sql(...)`: written by hand, compiled once by SQLAlchemy, prepared once per
connection and run on the driver's own connection: what lies between costs more than most of them (docs/decisions.md).
"""

import asyncio
import socket
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import asyncpg
import structlog
from asyncpg.pool import Pool
from pydantic_core import from_json, to_json
from sqlalchemy import make_url, text
from sqlalchemy.dialects.postgresql.asyncpg import dialect

from pullsvc.errors import BeyondBooks, Busy

log = structlog.get_logger("pullsvc.db")

CONNECT_TIMEOUT_S = 3.0
POOL_TIMEOUT_S = 1.0
IDLE_IN_TRANSACTION_TIMEOUT_S = 10
PREPARED_STATEMENTS = 300
# After so many queries a connection is replaced, so that nothing in its server process grows for ever.
MAX_QUERIES_A_CONNECTION = 5_000_000

# serialization_failure, deadlock_detected, lock_not_available, query_canceled, the server going down or coming up, a
# process of ours so starved that its transaction stood idle for too long, and a plan that a migration has overtaken.
BUSY_STATES = frozenset(
    {"40001", "40P01", "55P03", "57014", "57P01", "57P02", "57P03", "57P05", "25P03", "25P04", "0A000"}
)
NUMERIC_VALUE_OUT_OF_RANGE = "22003"
CONNECTION_EXCEPTIONS = "08"
INSUFFICIENT_RESOURCES = "53"  # Connections, locks, memory or disk of the server.
# InternalClientError: what the driver says to a statement on a connection that the server ended since the last one.
LOST = (asyncpg.InterfaceError, asyncpg.InternalClientError, ConnectionError, TimeoutError)
UNREACHABLE = (*LOST, FileNotFoundError, socket.gaierror)

CLOSE_TIMEOUT_S = 5.0

_BEGIN = "BEGIN"
_BEGIN_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_DIALECT = dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's dialects have no annotations


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL as the driver takes it.

    Attributes:
        text: With `$1`, `$2` ... for its parameters.
        names: Name of each parameter, in that order.
    """

    text: str
    names: tuple[str, ...]

    def arguments(self, params: Mapping[str, object]) -> list[object]:
        """Return the parameters in the order of the statement; KeyError when one is missing."""
        return [params[name] for name in self.names]

    def explained(self, options: str = "") -> "Statement":
        """Return the statement that shows the plan of this one; options as in `EXPLAIN (ANALYZE, BUFFERS)`."""
        return Statement(f"EXPLAIN {options} {self.text}", self.names)


def sql(statement: str) -> Statement:
    """Make a named statement; parameters are written `:name`."""
    compiled = text(statement).compile(dialect=_DIALECT)
    return Statement(str(compiled), tuple(compiled.positiontup or ()))


def json_text(value: object) -> str:
    """Return JSON for a parameter of a statement; times, dates and enumerations may stand in it as they are."""
    return to_json(value).decode()


def array_of_numbers(values: Sequence[int]) -> str:
    """Return the text of an array of numbers, for `CAST(CAST(:name AS text) AS integer[])`.

    The driver looks at each element of a list to see whether it is a list itself, for half a microsecond: where
    statements take arrays of thousands, their texts are five times cheaper, in all.
    """
    return "{" + ",".join(map(str, values)) + "}"


def array_of_texts(values: Sequence[str | None]) -> str:
    """Return the text of an array of texts, as `array_of_numbers` does; None is null."""
    if not values:
        return "{}"
    if None not in values:
        joined = '","'.join(values)  # type: ignore[arg-type]  # None is not among them
        if "\\" not in joined and joined.count('"') == 2 * (len(values) - 1):
            return f'{{"{joined}"}}'
    return "{" + ",".join(map(_quoted, values)) + "}"


def _quoted(value: str | None) -> str:
    if value is None:
        return "NULL"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


class Row(asyncpg.Record):  # type: ignore[misc]  # the driver has no annotations
    """A row of a result: a tuple whose values also go by the names of their columns."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def _asdict(self) -> dict[str, Any]:
        """Return the values by column."""
        return dict(self)


@dataclass(frozen=True, slots=True, eq=False)
class Trailing:
    """Rows that nobody reads back in their own transaction, so they can all be written just before the commit.

    Each is a thing of its own, found by its identity: acts write dozens of such rows.

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


Listener = Callable[[str], None]


class Tx:
    """One open transaction."""

    def __init__(self, connection: "_Connection", listeners: Sequence[Listener] = ()) -> None:
        self._connection = connection
        self._listeners = listeners
        self._trailing: defaultdict[Trailing, list[Mapping[str, object]]] = defaultdict(list)

    async def rows(self, statement: Statement, /, **params: object) -> list[Row]:
        """Run the statement and return all its rows."""
        self._tell(statement)
        rows: list[Row] = await self._connection.fetch(statement.text, *statement.arguments(params))
        return rows

    async def row(self, statement: Statement, /, **params: object) -> Row | None:
        """Run the statement and return its row, or None; more than one row is a programmer's mistake."""
        rows = await self.rows(statement, **params)
        assert len(rows) <= 1, "one row was expected"
        return rows[0] if rows else None

    async def one(self, statement: Statement, /, **params: object) -> Row:
        """Run the statement and return its one row."""
        (row,) = await self.rows(statement, **params)
        return row

    async def run(self, statement: Statement, /, **params: object) -> int:
        """Run the statement and return how many rows it touched."""
        self._tell(statement)
        # The driver says "UPDATE 3"; without arguments it would not prepare the statement, which is right for DDL.
        done = await self._connection.execute(statement.text, *statement.arguments(params))
        count = done.rpartition(" ")[2]
        return int(count) if count.isdigit() else 0

    def write_last(self, trailing: Trailing, row: Mapping[str, object]) -> None:
        """Have `row` written together with all other trailing rows, in one statement just before the commit.

        Its values are those that `json_text` takes.
        """
        self._trailing[trailing].append(row)

    async def write_trailing(self) -> None:
        """Write the trailing rows; called by `Database.begin` before it commits."""
        if self._trailing:
            params = {trailing.name: json_text(rows) for trailing, rows in self._trailing.items()}
            await self.rows(_combined(tuple(self._trailing)), **params)
            self._trailing.clear()

    def _tell(self, statement: Statement) -> None:
        for listener in self._listeners:
            listener(statement.text)


@lru_cache(maxsize=64)
def _combined(parts: tuple[Trailing, ...]) -> Statement:
    """Return one statement that writes them all."""
    ctes = ",\n".join(f"written_{part.name} AS ({part.write})" for part in parts)
    return sql(f"WITH {ctes} SELECT 1")


class _Connection(asyncpg.Connection):  # type: ignore[misc]  # as above
    """The driver's connection, without the query that resets a session: ours have no state of their own."""

    def get_reset_query(self) -> str:
        """Return nothing to run; an open transaction is rolled back all the same."""
        return ""


class Database:
    """A pool of connections to one PostgreSQL; opened by its first use.

    Attributes:
        listeners: Called with the text of each statement before it runs, BEGIN and COMMIT left out.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 8,
        statement_timeout_s: float = 3.0,
        lock_timeout_s: float = 0.5,
        application_name: str = "pullsvc",
    ) -> None:
        self.listeners: list[Listener] = []
        self._pool: Pool | None = None
        self._opening = asyncio.Lock()
        self._options: dict[str, Any] = {
            "dsn": driver_url(url),
            "min_size": 0,
            "max_size": pool_size,
            "max_queries": MAX_QUERIES_A_CONNECTION,
            "max_inactive_connection_lifetime": 0,
            "connection_class": _Connection,
            "record_class": Row,
            "init": _speak_json,
            "timeout": CONNECT_TIMEOUT_S,
            # A margin above the server's own limit: this one is for a server that no longer answers.
            "command_timeout": statement_timeout_s + 1,
            "statement_cache_size": PREPARED_STATEMENTS,
            "max_cached_statement_lifetime": 0,
            "server_settings": {
                "application_name": application_name,
                "statement_timeout": str(int(statement_timeout_s * 1000)),
                "lock_timeout": str(int(lock_timeout_s * 1000)),
                "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_TIMEOUT_S * 1000),
                "timezone": "UTC",
                "jit": "off",  # Compiling costs more than any of our short statements.
            },
        }

    def begin(self) -> "_Transaction":
        """Open a transaction (READ COMMITTED); commit at the end, roll back when anything is raised.

        Raises (at the `async with`):
            Busy: deadlock, lock or statement timeout, no free connection, or the database is out of reach.
            BeyondBooks: a figure would grow out of its column.
            UniqueViolation: a unique constraint refused a row and nobody inside handled it.
        """
        return _Transaction(self, _BEGIN)

    def read(self) -> "_Transaction":
        """Open a read-only transaction on one snapshot, for screens and reports."""
        return _Transaction(self, _BEGIN_SNAPSHOT)

    async def pool(self) -> Pool:
        """Return the pool, opened."""
        if self._pool is None:
            async with self._opening:
                if self._pool is None:
                    self._pool = await asyncpg.create_pool(**self._options)
        return self._pool

    async def close(self) -> None:
        """Close all connections; a transaction that comes later opens new ones."""
        pool, self._pool = self._pool, None
        if pool:
            try:
                await asyncio.wait_for(pool.close(), CLOSE_TIMEOUT_S)
            except TimeoutError:
                pool.terminate()


class _Transaction:
    """A transaction on a connection of the pool, from `async with` to commit or rollback."""

    __slots__ = ("_begin", "_connection", "_db", "_pool", "_tx")

    def __init__(self, db: Database, begin: str) -> None:
        self._db = db
        self._begin = begin

    async def __aenter__(self) -> Tx:
        try:
            self._pool = await self._db.pool()
            self._connection = await self._pool.acquire(timeout=POOL_TIMEOUT_S)
        except TimeoutError as none_free:
            raise Busy("All database connections are in use; send the request again.") from none_free
        except Exception as error:
            _raise_ours(error)
            raise
        try:
            await self._connection.execute(self._begin)
        except BaseException as error:
            self._connection.terminate()
            await self._pool.release(self._connection)
            _raise_ours(error)
            raise
        self._tx = Tx(self._connection, self._db.listeners)
        return self._tx

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            if error is None:
                await self._tx.write_trailing()
                await self._commit()
            else:
                await self._roll_back()
        except Exception as failure:
            error = failure
            await self._roll_back()
            raise
        finally:
            await self._pool.release(self._connection)
            if error is not None:
                _raise_ours(error)

    async def _commit(self) -> None:
        if await self._connection.execute("COMMIT") != "COMMIT":
            raise RuntimeError("a statement of this transaction had failed, so nothing was committed")

    async def _roll_back(self) -> None:
        if self._connection.is_in_transaction():
            try:
                await self._connection.execute("ROLLBACK")
            except (asyncpg.PostgresError, *LOST):
                # A connection that cannot even do this is of no use to the next one, nor has its transaction a chance.
                self._connection.terminate()


def _raise_ours(error: BaseException) -> None:
    """Raise the refusal that a driver's error stands for; return when it stands for none."""
    if isinstance(error, asyncpg.UniqueViolationError):
        raise UniqueViolation(error.constraint_name or "") from error
    if isinstance(error, asyncpg.PostgresError):
        if error.sqlstate in BUSY_STATES:
            raise Busy("Another act holds what this one needs; send it again.") from error
        if error.sqlstate == NUMERIC_VALUE_OUT_OF_RANGE:
            raise BeyondBooks("Check the quantities; a count sets a wrong book right.") from error
        if (error.sqlstate or "").startswith(CONNECTION_EXCEPTIONS):
            raise Busy("The database is out of reach; send the request again.") from error
        if (error.sqlstate or "").startswith(INSUFFICIENT_RESOURCES):
            log.error("the database lacks resources", sqlstate=error.sqlstate, says=str(error))
            raise Busy("The database has no room for this now; send the request again.") from error
    elif isinstance(error, UNREACHABLE) and not isinstance(error, ValueError):  # ValueError: a wrong parameter.
        raise Busy("The database is out of reach; send the request again.") from error


def driver_url(url: str) -> str:
    """Return the URL as the driver takes it, whichever PostgreSQL scheme it came with."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def async_url(url: str) -> str:
    """Return the URL as SQLAlchemy's asyncpg dialect takes it, for the migrations."""
    return make_url(url).set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)


async def _speak_json(connection: Any) -> None:
    """Let jsonb columns arrive as Python values; parameters stay JSON text, written by the caller."""
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=str, decoder=from_json, format="text")
