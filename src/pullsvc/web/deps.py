"""What a route may ask for besides its caller: the database, the time, texts that fit the database."""

from datetime import datetime
from typing import Annotated

from fastapi import Depends, Path, Request
from pydantic import AfterValidator, StringConstraints

from pullsvc.clock import Clock
from pullsvc.db import Database

MAX_ID = 2**63 - 1
MAX_STORE_ID = 2**31 - 1


def printable(value: str) -> str:
    """Return the text; control characters and half characters are refused, as no label or screen can show them."""
    if not value.isprintable():
        raise ValueError("must not hold control characters")
    return value


# All async, although nothing here waits: the framework runs any other function in a thread.


async def _db(request: Request) -> Database:
    db: Database = request.app.state.db
    return db


async def _clock(request: Request) -> Clock:
    clock: Clock = request.app.state.clock
    return clock


async def _now(request: Request) -> datetime:
    clock: Clock = request.app.state.clock
    return clock.now()


async def _wall(request: Request) -> Clock:
    clock: Clock = request.app.state.wall
    return clock


Db = Annotated[Database, Depends(_db)]
TheClock = Annotated[Clock, Depends(_clock)]
Now = Annotated[datetime, Depends(_now)]
# Keys, sessions and lock-outs run by the wall, also while a past day is being replayed on a scaled clock.
TheWall = Annotated[Clock, Depends(_wall)]
Code = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=40, pattern=r"^[^@/\s][^/]*$"),
    AfterValidator(printable),
]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120), AfterValidator(printable)]
Note = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(printable)]
PathId = Annotated[int, Path(ge=1, le=MAX_ID)]
