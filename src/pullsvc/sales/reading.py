"""Batches read by the column: what is plainly right costs a look at each distinct value instead of one at each.

The document is turned about, so that all dates, all codes and all quantities are a list each, which is held against the
type of its field. What is not plainly right in every respect is `NotPlain`: the model of the body then looks at it
value by value, to take it after all or to say where it does not fit. Both go by the types of the fields.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate, chain, pairwise
from operator import itemgetter
from typing import Any

from pydantic import TypeAdapter

from pullsvc.sales import fields
from pullsvc.sales.booking import QUANTITIES_REMEMBERED
from pullsvc.sales.rules import (
    MAX_BATCH_LINES,
    MAX_BATCH_RECEIPTS,
    Key,
    LineKind,
    Receipt,
    Status,
    Uom,
    make_lines,
    make_receipt,
)
from pullsvc.web.bodies import Body, Moment
from pullsvc.web.deps import Code

DAYS_REMEMBERED = 1_000
NUMBERS = frozenset({int, float, str})  # What JSON may write a quantity as; `true` is none although Python counts it.

HEAD = ("business_date", "register", "sequence", "occurred_at")
HEAD_AT_WILL = {"revision": None, "status": Status.COMPLETED.value}
LINE = ("line_no", "code", "quantity")
LINE_AT_WILL = {"kind": "sale", "uom": "each", "location": None}
# The array that holds a member of the lines; and what is meant by one that is left out.
LEAN = {"code": "codes", "quantity": "quantities"}
LEAN_USUAL: Mapping[str, tuple[str, Callable[[int], list[Any]]]] = {
    "line_nos": ("line_no", lambda length: list(range(1, length + 1))),
    "kinds": ("kind", lambda length: ["sale"] * length),
    "uoms": ("uom", lambda length: ["each"] * length),
    "locations": ("location", lambda length: [None] * length),
}
LEAN_AT_WILL = dict.fromkeys(LEAN_USUAL)


class NotPlain(Exception):
    """The document is not plainly right, which does not say that it is wrong."""


def plain(read: Callable[[Any], list[Receipt]], document: object) -> list[Receipt]:
    """Return the receipts of a document as `full` or `lean` reads them.

    Raises:
        NotPlain: it has to be looked at value by value.
    """
    try:
        return read(document)
    except (KeyError, TypeError, ValueError) as unfit:  # What Python and the types say of values of another kind.
        raise NotPlain from unfit


def full(document: Any) -> list[Receipt]:
    """Return the receipts of a batch whose lines are written out one by one."""
    heads = _Table(_receipts_in(document), needed={*HEAD, "lines"}, at_will=HEAD_AT_WILL)
    lengths = _lengths(heads["lines"])
    lines = _Table(list(chain.from_iterable(heads["lines"])), needed=LINE, at_will=LINE_AT_WILL)
    return _receipts(heads, lengths, {name: lines[name] for name in (*LINE, *LINE_AT_WILL)})


def lean(document: Any) -> list[Receipt]:
    """Return the receipts of a batch whose lines are written as arrays."""
    heads = _Table(_receipts_in(document), needed={*HEAD, *LEAN.values()}, at_will={**HEAD_AT_WILL, **LEAN_AT_WILL})
    lengths = _lengths(heads["codes"])
    lines = {name: heads[column] for name, column in LEAN.items()}
    for column, (name, usual) in LEAN_USUAL.items():
        lines[name] = [
            usual(length) if given is None else given for given, length in zip(heads[column], lengths, strict=True)
        ]
    if any(_lengths(column) != lengths for column in lines.values()):
        raise NotPlain
    return _receipts(heads, lengths, {name: list(chain.from_iterable(column)) for name, column in lines.items()})


class _Table:
    """Objects of JSON by the column.

    Args:
        rows: The objects.
        needed: Members that each of them has.
        at_will: Members that they may have, and what is meant where one is left out.
    """

    def __init__(self, rows: Sequence[Any], *, needed: Iterable[str], at_will: Mapping[str, object]) -> None:
        if set(map(type, rows)) - {dict}:
            raise NotPlain
        self._rows = rows
        self._at_will = at_will
        self._shapes = set(map(tuple, rows))  # Nearly always one: programs write all their objects alike.
        known = {*needed, *at_will}
        if any(not known.issuperset(shape) or not set(needed).issubset(shape) for shape in self._shapes):
            raise NotPlain

    def __getitem__(self, name: str) -> list[Any]:
        """Return the values of a member."""
        having = sum(name in shape for shape in self._shapes)
        if having == len(self._shapes):
            return list(map(itemgetter(name), self._rows))
        usual = self._at_will[name]
        if not having:
            return [usual] * len(self._rows)
        return [row.get(name, usual) for row in self._rows]


def _receipts_in(document: Any) -> list[Any]:
    if type(document) is not dict or len(document) != 1:
        raise NotPlain
    receipts: list[Any] = document["receipts"]
    if type(receipts) is not list or not 1 <= len(receipts) <= MAX_BATCH_RECEIPTS:
        raise NotPlain
    return receipts


def _lengths(column: Sequence[Any]) -> list[int]:
    if set(map(type, column)) - {list}:
        raise NotPlain
    return list(map(len, column))


def _receipts(heads: _Table, lengths: Sequence[int], lines: Mapping[str, Sequence[Any]]) -> list[Receipt]:
    """Return the receipts whose lines, one after the other, are in the columns."""
    if sum(lengths) > MAX_BATCH_LINES or set(map(type, lines["quantity"])) - NUMBERS:
        raise NotPlain
    numbers = _line_nos(lines["line_no"])
    ends = list(accumulate(lengths, initial=0))
    if any(len(set(numbers[start:end])) < end - start for start, end in pairwise(ends)):
        raise NotPlain
    all_lines = make_lines(
        numbers=numbers,
        kinds=_kinds(lines["kind"]),
        codes=list(map(_code, lines["code"])),
        milli_qtys=list(map(_milli, lines["quantity"])),
        uoms=_uoms(lines["uom"]),
        locations=list(map(_place, lines["location"])),
    )
    keys = map(Key, map(_day, heads["business_date"]), map(_register, heads["register"]), _sequences(heads["sequence"]))
    said = zip(
        keys, _moments(heads["occurred_at"]), _revisions(heads["revision"]), _statuses(heads["status"]), strict=True
    )
    return [
        make_receipt(key, occurred_at=at, pos_revision=revision, status=status, lines=all_lines.between(start, end))
        for (key, at, revision, status), (start, end) in zip(said, pairwise(ends), strict=True)
    ]


def _type(kind: Any) -> Callable[[Any], Any]:
    """Return what holds a value against the type of a field, just as a body does."""
    return TypeAdapter(kind, config=Body.model_config).validate_python


_line_nos = _type(list[fields.LineNo])
_kinds: Callable[[Any], list[LineKind]] = _type(list[fields.Kind])
_uoms: Callable[[Any], list[Uom]] = _type(list[fields.Unit])
_sequences = _type(list[fields.Sequence])
_revisions = _type(list[fields.Revision | None])
_statuses = _type(list[fields.ReceiptStatus])
_moments = _type(list[Moment])
# Tills say the same few things again and again.
_day = lru_cache(DAYS_REMEMBERED)(_type(fields.BusinessDate))
_register = lru_cache(fields.CODES_REMEMBERED)(_type(fields.Register))
_place = lru_cache(fields.CODES_REMEMBERED)(_type(Code | None))


_text, _quantity = _type(Code), _type(fields.Quantity)


@lru_cache(fields.CODES_REMEMBERED)
def _code(sent: Any) -> str:
    return fields.code_of(_text(sent))


@lru_cache(QUANTITIES_REMEMBERED)
def _milli(sent: Any) -> int:
    milli_qty = fields.milli(_quantity(sent))
    if not milli_qty:
        raise NotPlain
    return milli_qty
