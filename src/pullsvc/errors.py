"""Refusals: one family of exceptions, each with a domain kind and a stable public code.

A rule or an action raises its own `Rejection`, defined beside the code that raises it. The only place that knows
HTTP status codes is `web.problems`, which turns the kind into one.
"""

from enum import StrEnum
from typing import ClassVar


class Kind(StrEnum):
    """Why something was refused, in the words of the domain."""

    INVALID = "invalid"
    UNKNOWN_CALLER = "unknown_caller"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    STALE_EDIT = "stale_edit"
    EDIT_NEEDS_VERSION = "edit_needs_version"
    BUSY = "busy"
    THROTTLED = "throttled"


class Rejection(Exception):
    """An expected refusal: nothing was changed, and the detail says what to do next.

    Subclasses set `kind`, `code` (stable, part of the public API) and `title`; an instance adds the detail of this
    case and facts (plain JSON values) that a program can act on.
    """

    kind: ClassVar[Kind]
    code: ClassVar[str]
    title: ClassVar[str]

    def __init__(self, detail: str, **facts: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.facts = facts


class NotFound(Rejection):
    """The thing named in the URL does not exist in a store that the caller may see."""

    kind = Kind.NOT_FOUND
    code = "not-found"
    title = "There is no such thing here."


class Busy(Rejection):
    """The database is busy or out of reach; the same request may succeed in a moment."""

    kind = Kind.BUSY
    code = "busy"
    title = "The service is busy; try again in a moment."


class BeyondBooks(Rejection):
    """A figure would grow beyond what the books can hold: two thousand million eaches of one item in one place."""

    kind = Kind.CONFLICT
    code = "beyond-the-books"
    title = "The books cannot hold so large a number."
