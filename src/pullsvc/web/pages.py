"""Keyset pages: an opaque cursor says after which row the next page begins."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel, Field

from pullsvc.errors import Kind, Rejection

T = TypeVar("T")

MAX_PAGE_ROWS = 200
DEFAULT_PAGE_ROWS = 50
MAX_CURSOR_CHARS = 400


class BadCursor(Rejection):
    """The cursor did not come from this list."""

    kind = Kind.INVALID
    code = "bad-cursor"
    title = "The cursor does not belong to this list."


class Page(BaseModel, Generic[T]):
    """One page of a list."""

    items: list[T]
    next_cursor: str | None = Field(description="Give it as `cursor` to read on; null on the last page.")


@dataclass(frozen=True, slots=True)
class Window:
    """Where a page begins and how many rows it holds.

    Attributes:
        after: Key of the last row already read, None at the start.
        limit: Rows wanted, 1..MAX_PAGE_ROWS.
    """

    after: tuple[Any, ...] | None
    limit: int

    def key(self, *types: type) -> tuple[Any, ...]:
        """Return the key to read after, one value a column, None for each at the start.

        Raises:
            BadCursor: the cursor is of another list.
        """
        if self.after is None:
            return (None,) * len(types)
        if len(self.after) != len(types) or not all(map(isinstance, self.after, types)):
            raise BadCursor("Take the cursor from next_cursor of this same list, or leave it out.")
        return self.after

    def page(
        self, rows: Sequence[Any], key: Callable[[Any], Sequence[Any]], view: Callable[[Any], Any]
    ) -> dict[str, Any]:
        """Return the page made of `limit + 1` rows read: the last one only tells whether there is more."""
        shown = rows[: self.limit]
        more = len(rows) > self.limit
        return {
            "items": [view(row) for row in shown],
            "next_cursor": encode_cursor(key(shown[-1])) if more else None,
        }


def encode_cursor(key: Sequence[Any]) -> str:
    """Return the opaque form of a row's key."""
    return base64.urlsafe_b64encode(json.dumps(list(key), separators=(",", ":")).encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> tuple[Any, ...]:
    """Return the key that was made opaque by `encode_cursor`.

    Raises:
        BadCursor: it was not.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        key = json.loads(base64.urlsafe_b64decode(padded.encode("ascii")))
    except (ValueError, binascii.Error, UnicodeError, RecursionError):
        key = None
    if not isinstance(key, list) or not all(type(v) in (str, int) and _storable(v) for v in key):
        raise BadCursor("Take the cursor from next_cursor of this same list, or leave it out.")
    return tuple(key)


def a_day(text: str) -> date:
    """Return the day that a cursor holds.

    Raises:
        BadCursor: it holds something else.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadCursor("Take the cursor from next_cursor of this same list, or leave it out.") from None


def _storable(value: str | int) -> bool:
    if isinstance(value, int):
        return abs(value) < 2**63
    return "\x00" not in value and value.isprintable()


async def _window(
    cursor: Annotated[str | None, Query(max_length=MAX_CURSOR_CHARS, description="From `next_cursor`.")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE_ROWS)] = DEFAULT_PAGE_ROWS,
) -> Window:
    return Window(after=decode_cursor(cursor) if cursor else None, limit=limit)


Paging = Annotated[Window, Depends(_window)]
