"""What a stretch of time shows of items: its sale lines, and when their shelves stood empty by the books. Pure.

The books of an item's shelves are run through in order of time. It is believed to be gone

    from     when the last of its shelves falls to nothing; or later: each sale after that proves that there was more
    until    units are put on one of them, or the book of one rises above nothing

A book below zero has been wrong for a while, so it says nothing by itself: a day that begins with one begins with a
stocked shelf, and only a book that stands at nothing again, or is counted to nothing, ends that. Nor does the nothing
of a shelf that nobody ever booked units to. Else a store that sends its sales and books no goods would be believed to
have sold out on its first day.

All of it is worked out anew from what is written down, so it does not matter when, or how often, that is done.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from pullsvc.demand.horizon import Floats, Ints, Mask
from pullsvc.demand.levels import Events, Kind, nanodays


class Cause(IntEnum):
    """What moved the book of a shelf, as far as that makes a difference here."""

    OPENING = 0  # Nothing: the book as the stretch begins.
    COUNT = 1
    OTHER = 2


@dataclass(frozen=True, slots=True)
class Lines:
    """Sale lines, one entry each, in any order.

    Attributes:
        item: Row of the item.
        second: Seconds since the business day began.
        qty: Eaches; >= 1.
    """

    item: Ints
    second: Floats
    qty: Ints

    def __len__(self) -> int:
        """Return the number of lines."""
        return len(self.item)


@dataclass(frozen=True, slots=True)
class Steps:
    """The books of shelves: each one's opening, then what moved it, in order of item, time and movement.

    Attributes:
        item: Row of the item.
        shelf: Number of the shelf among all shelves.
        second: Seconds since the business day began; 0 for openings.
        cause: See Cause.
        delta: Eaches that came (above zero) or went.
        book: Of the shelf, after it.
    """

    item: Ints
    shelf: Ints
    second: Floats
    cause: Ints
    delta: Ints
    book: Ints


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a business day, or what has passed of it, shows.

    Attributes:
        lines: Its sale lines.
        steps: What moved the shelves' books.
        seen_item, seen_second: Items that somebody counted on a shelf and found there, and when.
    """

    lines: Lines
    steps: Steps
    seen_item: Ints
    seen_second: Floats

    def events(self, *, is_empty: Ints, passed: Callable[[Floats], Floats]) -> Events:
        """Return it as the levels take it in.

        Args:
            is_empty: 1 for the items that are believed gone as the day begins, by the day before.
            passed: What of the day has passed at a second; see `profile.DayCurve.at`.
        """
        turned = turns(self.steps, self.lines, is_empty=is_empty)
        seen = np.full(len(self.seen_item), int(Kind.SEEN), dtype=np.int64)
        item = np.concatenate((turned.item, self.lines.item, self.seen_item))
        second = np.concatenate((turned.second, self.lines.second, self.seen_second))
        kind = np.concatenate((turned.kind, np.full(len(self.lines), int(Kind.SOLD), dtype=np.int64), seen))
        ones = np.ones(len(turned.item), dtype=np.int64), np.ones(len(seen), dtype=np.int64)
        qty = np.concatenate((ones[0], self.lines.qty, ones[1]))
        order = np.lexsort((second, item))
        return Events(item=item[order], kind=kind[order], at=nanodays(passed(second[order])), qty=qty[order])


@dataclass(frozen=True, slots=True)
class Turns:
    """When items began and ceased to be believed gone, in order of item and time."""

    item: Ints
    second: Floats
    kind: Ints


def turns(steps: Steps, lines: Lines, *, is_empty: Ints) -> Turns:
    """Return what changes in the belief of which items are on the floor.

    Args:
        steps: The books of their shelves; items without any are left alone.
        lines: Their sales.
        is_empty: 1 for the items that are believed gone as the day begins.
    """
    item, second, gone, is_sale = _merged(steps, lines)
    first, was_gone = _first(item), np.append(np.zeros(1, dtype=bool), gone)[:-1]
    begins, ends = gone & (first | ~was_gone), ~gone & was_gone & ~first
    # Of a stretch without goods its last sale tells when it really began: what comes after that is empty for sure.
    rows = np.flatnonzero(begins | (gone & is_sale))
    emptied = rows[_last(np.cumsum(begins)[rows])]
    since_opening = np.zeros(len(item), dtype=bool)
    since_opening[emptied] = first[emptied]
    was_empty = is_empty[item] == 1
    stocked = np.flatnonzero(ends | (first & was_empty & ~since_opening))
    emptied = emptied[~(since_opening & was_empty)[emptied]]
    # A row can be both: the day began with a full shelf after all, and its first sale emptied it.
    rows = np.concatenate((stocked, emptied))
    kind = np.repeat(np.array([int(Kind.STOCKED), int(Kind.EMPTIED)]), [len(stocked), len(emptied)])
    order = np.argsort(rows, kind="stable")
    return Turns(item[rows][order], second[rows][order], kind[order])


def _merged(steps: Steps, lines: Lines) -> tuple[Ints, Floats, Mask, Mask]:
    """Return steps and sales by item and time: the item, when, whether it is gone after it, and whether it is a sale.

    Only with its last opening all shelves of an item are known; from there on it has a state.
    """
    opening = steps.cause == Cause.OPENING
    known = ~(opening & np.append(_same(steps.item) & opening[1:], np.zeros(1, dtype=bool))[: len(opening)])
    sold = np.isin(lines.item, steps.item)
    item = np.concatenate((steps.item[known], lines.item[sold]))
    second = np.concatenate((steps.second[known], lines.second[sold]))
    is_sale = np.repeat(np.array([False, True]), [int(known.sum()), int(sold.sum())])
    gone = np.concatenate((_gone(steps)[known], np.zeros(int(sold.sum()), dtype=bool)))
    order = np.lexsort((is_sale, second, item))
    item, second, is_sale, gone = item[order], second[order], is_sale[order], gone[order]
    step_before = np.maximum.accumulate(np.where(is_sale, 0, np.arange(len(item))))
    return item, second, gone[step_before], is_sale


def _gone(steps: Steps) -> Mask:
    """Tell after each step whether all shelves of its item are believed empty."""
    by_shelf = np.argsort(steps.shelf, kind="stable")
    shelf, book, delta, cause = (part[by_shelf] for part in (steps.shelf, steps.book, steps.delta, steps.cause))
    sound = _since_first(shelf, (book >= 0).astype(np.int64)) > 0
    brought = (delta > 0) & (cause != Cause.COUNT)
    empty = (sound & (book <= 0) & ~brought).astype(np.int64)
    before = np.where(_first(shelf), 0, np.append(np.zeros(1, dtype=np.int64), empty)[:-1])
    change = np.empty_like(empty)
    change[by_shelf] = empty - before
    opened = (steps.cause == Cause.OPENING).astype(np.int64)
    return np.asarray(_since_first(steps.item, change) == _since_first(steps.item, opened))


def _same(keys: Ints) -> Mask:
    """Tell of each key but the last whether the next one is the same."""
    return np.asarray(keys[1:] == keys[:-1])


def _first(keys: Ints) -> Mask:
    """Tell which keys are the first of a run of the same ones."""
    return np.append(np.ones(1, dtype=bool), ~_same(keys))[: len(keys)]


def _last(keys: Ints) -> Mask:
    """Tell which keys are the last of a run of the same ones."""
    return np.append(~_same(keys), np.ones(1, dtype=bool))[-len(keys) :] if len(keys) else np.zeros(0, dtype=bool)


def _since_first(keys: Ints, values: Ints) -> Ints:
    """Return the running sum of the values, begun anew with each run of the same keys."""
    starts = np.flatnonzero(_first(keys))
    sizes = np.diff(np.append(starts, len(keys)))
    total = np.cumsum(values)
    return np.asarray(total - np.repeat((total - values)[starts], sizes), dtype=np.int64)
