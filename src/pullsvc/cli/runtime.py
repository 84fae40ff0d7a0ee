"""What every command needs: the settings, a database, and a way to speak to people and to programs."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from pydantic import ValidationError
from rich.console import Console

from pullsvc import embedded, logs
from pullsvc.clock import wall_clock
from pullsvc.config import Settings, load_settings
from pullsvc.db import Database
from pullsvc.migrate import applied_revision, head_revision, migrate

T = TypeVar("T")

EXIT_FOUND = 1
EXIT_USAGE = 2
DATABASE_NAME = "pullsvc"
COMMAND_POOL_SIZE = 2
COMMAND_LOCK_TIMEOUT_S = 5.0

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]

people = Console(stderr=True, highlight=False, soft_wrap=True)
page = Console(highlight=False)


class NotMigrated(Exception):
    """The database has not the schema that this version needs."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the data are.

    Attributes:
        url: URL of the database; holds its password.
        is_embedded: Whether it is the server that we start ourselves.
    """

    url: str
    is_embedded: bool


def settings() -> Settings:
    """Return the settings, with logging set up and a scaled clock's origin fixed; leave if they are wrong."""
    try:
        read = load_settings()
    except ValidationError as invalid:
        # Never with the value: a wrong URL still holds a password.
        fail(*(f"PULLSVC_{'_'.join(map(str, e['loc'])).upper() or '*'}: {e['msg']}" for e in invalid.errors()))
    except ValueError as wrong:
        fail(str(wrong))
    logs.configure(form=read.log_format, level=read.log_level)
    if read.clock_start and not read.clock_origin:
        # From here on every process of this run tells the same time.
        return read.model_copy(update={"clock_origin": wall_clock().now()})
    return read


def fail(*lines: str, status: int = EXIT_USAGE) -> NoReturn:
    """Say on stderr why it does not go on, and leave."""
    for line in lines:
        people.print(f"[red]error:[/] {_plain(line)}")
    sys.exit(status)


def _plain(text: str) -> str:
    """Return the text with nothing in it that rich would take for markup."""
    return text.replace("[", r"\[")


def say_json(value: Any) -> None:
    """Print a value as JSON on stdout; times and the like as text."""
    sys.stdout.write(json.dumps(value, indent=2, default=str, ensure_ascii=False) + "\n")


@contextmanager
def place(config: Settings) -> Iterator[Place]:
    """Yield the database to use; the embedded one is started if need be, and stopped when its last user leaves."""
    if given := config.given_database_url():
        yield Place(given, is_embedded=False)
        return
    with embedded.server(
        data_dir=config.data_dir, pg_bindir=config.pg_bindir, pg_user=config.pg_user, report=people.print
    ) as server:
        server.ensure_database(DATABASE_NAME)
        yield Place(server.url(DATABASE_NAME), is_embedded=True)


def ensure_migrated(where: Place) -> None:
    """Bring the embedded database to head; another one is the operator's own, and only looked at.

    Raises:
        NotMigrated: it is not at head.
    """
    if where.is_embedded:
        asyncio.run(migrate(where.url))
    elif asyncio.run(applied_revision(where.url)) != head_revision():
        raise NotMigrated("The database has not the schema of this version. Run: pullsvc migrate")


def with_database(act: Callable[[Database], Awaitable[T]], *, config: Settings | None = None) -> T:
    """Run `act` on the migrated database of the settings, and return what it returns."""
    config = config or settings()

    async def run(url: str) -> T:
        async with opened(url, config) as db:
            return await act(db)

    with place(config) as where:
        ensure_migrated(where)
        return asyncio.run(run(where.url))


@asynccontextmanager
async def opened(url: str, config: Settings) -> AsyncIterator[Database]:
    """Open a small pool, patient enough for what a command does."""
    db = Database(
        url,
        pool_size=COMMAND_POOL_SIZE,
        statement_timeout_s=config.job_statement_timeout_s,
        lock_timeout_s=COMMAND_LOCK_TIMEOUT_S,
        application_name="pullsvc command",
    )
    try:
        yield db
    finally:
        await db.close()
