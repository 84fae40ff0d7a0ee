"""What the bodies of all rooms have in common: no unknown members, no values of another kind, times fit to store."""

import re
from datetime import UTC, date, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

# Times that can be reckoned with in every time zone; what a device may really send is a matter for the rules.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2999, 1, 1, tzinfo=UTC)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Body(BaseModel):
    """A body that refuses members it does not know, and values of another kind than the contract says.

    A misspelt member must not be lost in silence, and a `false` where eaches are counted is not a 0. A field whose
    kind JSON has only as text (a word of an enumeration, a date, a decimal) says `strict=False`.
    """

    model_config = ConfigDict(extra="forbid", strict=True)


def _written_out(value: object) -> object:
    """Refuse a bare number, which would be taken for seconds since 1970."""
    if isinstance(value, int | float) or (isinstance(value, str) and not _DATE.match(value)):
        raise ValueError("must be written out, as 2026-03-14 or 2026-03-14T12:00:00Z")
    return value


def _in_utc(at: datetime) -> datetime:
    if not EARLIEST <= at <= LATEST:
        raise ValueError(f"must be between the years {EARLIEST.year} and {LATEST.year}")
    return at.astimezone(UTC)  # The database refuses some offsets from UTC that are valid in themselves.


Day = Annotated[date, BeforeValidator(_written_out), Field(strict=False)]
Moment = Annotated[AwareDatetime, BeforeValidator(_written_out), Field(strict=False), AfterValidator(_in_utc)]
