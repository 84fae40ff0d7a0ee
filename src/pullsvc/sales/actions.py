"""Take receipts in: each version once, and of a correction only the difference."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from pullsvc.catalog.wares import Known, Wanted, wares
from pullsvc.db import Tx
from pullsvc.errors import Rejection
from pullsvc.outbox.actions import Stamp, append
from pullsvc.sales import booking, queries, rules
from pullsvc.sales.booking import NOTHING_BOOKED, Booked, Effect
from pullsvc.sales.columns import StoreKey
from pullsvc.sales.rules import Receipt, Result, Standing
from pullsvc.stock.rules import Passage
from pullsvc.stock.till import pass_tills


@dataclass(frozen=True, slots=True)
class Sent:
    """What one caller sent: taken in all together, or refused.

    Attributes:
        stamp: Who and when.
        receipts: At most MAX_BATCH_RECEIPTS with MAX_BATCH_LINES lines together; the same key may come twice.
    """

    stamp: Stamp
    receipts: Sequence[Receipt]


class Taken(NamedTuple):
    """What taking in one version of a receipt did.

    Attributes:
        receipt: The version.
        result: New, repeated, corrected or superseded.
        unknown_codes: Codes among its lines that no item has; empty unless it counts now.
        effect: By (sku, location), the change of its book in eaches; empty when nothing moved.
    """

    receipt: Receipt
    result: Result
    unknown_codes: tuple[str, ...] = ()
    effect: Mapping[tuple[str, str], int] = MappingProxyType({})


@dataclass(slots=True)
class _Case:
    """One receipt of the batch while it is judged.

    Attributes:
        versions: All that were sent of it, in that order.
        stamp: Of who sent them.
        standing: How it stands after them.
        results: What each version was to it.
        was: The version that counted before, and its lines as booked; None: it was not there.
        before: What that moved.
        waited: Codes that lines of it waited for until now.
        booked: The lines that count now, as booked.
        moved: What that moves.
        unknown: The code of each line that would move units if anybody knew it.
    """

    versions: list[Receipt]
    stamp: Stamp
    standing: Standing
    results: list[Result]
    was: tuple[Receipt, Booked] | None = None
    before: Effect | None = None
    waited: Collection[str] = ()
    booked: Booked = NOTHING_BOOKED
    moved: Effect = field(default_factory=dict)
    unknown: Sequence[str] = ()

    @property
    def counts_anew(self) -> bool:
        """Tell whether one of the versions is what counts now, so that its lines are to be written."""
        return Result.NEW in self.results or Result.CORRECTED in self.results

    @property
    def fingerprint(self) -> str:
        """The fingerprint that makes it a repeat; empty when there are several versions to judge."""
        return self.versions[0].fingerprint if len(self.versions) == 1 else ""


Cases = dict[StoreKey, _Case]


async def receive_receipts(tx: Tx, stamp: Stamp, receipts: Sequence[Receipt]) -> list[Taken]:
    """Take in what one caller sent; as `receive_all`.

    Raises:
        ClockAhead, ReceiptTooOld, BusinessDateOff: the times of a receipt cannot be true; nothing was taken.
    """
    (taken,) = await receive_all(tx, [Sent(stamp, receipts)])
    if isinstance(taken, Rejection):
        raise taken
    return taken


async def receive_all(tx: Tx, sent: Sequence[Sent]) -> list[list[Taken] | Rejection]:
    """Take in what several callers sent, of any stores, one after the other; at most 8 statements, 4 for what is new.

    Callers who sent the same receipt at the same moment are taken in after each other, with statements of their own.

    Sending a version again changes nothing; another version of the same receipt moves the difference, at the time of
    the receipt. Lines of unknown codes are kept, and move their units once the code is known.

    Returns:
        For each caller one result for each version, in the order given, or why nothing of it was taken.
    """
    answers: list[list[Taken] | Rejection] = []
    for apart in _apart(sent):
        answers += await _receive(tx, apart)
    return answers


def _apart(sent: Sequence[Sent]) -> Iterator[Sequence[Sent]]:
    """Yield runs of callers of whom no two sent the same receipt, so that each finds what the one before left."""
    start = 0
    keys: set[StoreKey] = set()
    for place, one in enumerate(sent):
        own = {(one.stamp.store_id, receipt.key) for receipt in one.receipts}
        if keys & own:
            yield sent[start:place]
            start, keys = place, set()
        keys |= own
    yield sent[start:]


async def _receive(tx: Tx, sent: Sequence[Sent]) -> list[list[Taken] | Rejection]:
    refusals = [_refusal(one) for one in sent]
    cases = _cases(one for one, refusal in zip(sent, refusals, strict=True) if refusal is None)
    if cases:
        await _take_in(tx, cases)
    return [_told(tx, one, cases) if refusal is None else refusal for one, refusal in zip(sent, refusals, strict=True)]


def _told(tx: Tx, sent: Sent, cases: Cases) -> list[Taken]:
    """Return what became of each version that a caller sent, and tell of it."""
    own = [cases[sent.stamp.store_id, receipt.key] for receipt in sent.receipts]
    results = {id(case): iter(case.results) for case in own}
    taken = [_taken(case, receipt, next(results[id(case)])) for case, receipt in zip(own, sent.receipts, strict=True)]
    _tell(tx, sent, taken, cases)
    return taken


def _refusal(sent: Sent) -> Rejection | None:
    return next(filter(None, (rules.refusal(receipt, now=sent.stamp.now) for receipt in sent.receipts)), None)


def _cases(sent: Iterable[Sent]) -> Cases:
    """Return a case for each receipt, as if none of them was there yet."""
    cases: Cases = {}
    for one in sent:
        for receipt in one.receipts:
            key = (one.stamp.store_id, receipt.key)
            case = cases.get(key)
            standing, result = rules.take(case.standing if case else None, receipt)
            if case is None:
                cases[key] = _Case([receipt], one.stamp, standing, [result])
            else:
                case.versions.append(receipt)
                case.standing = standing
                case.results.append(result)
    return cases


async def _take_in(tx: Tx, cases: Cases) -> None:
    """Lock every receipt, make those that are new, say what each version is to them, and move what it moves."""
    now = max(case.stamp.now for case in cases.values())
    seen = await queries.look(tx, {key: case.fingerprint for key, case in cases.items()})
    for key in seen.repeated:
        cases[key].results = [Result.REPEATED]
    live = {key: case for key, case in cases.items() if key not in seen.repeated}
    if not live:
        return
    known = await _look_up(tx, live, seen.marks)
    for (store_id, _), case in live.items():
        _book(case, known[store_id])
    standings = {key: case.standing for key, case in live.items()}
    there = await queries.insert_or_lock(tx, standings, [case.booked for case in live.values()], now=now)
    await _judge(tx, {key: live[key] for key in live if key in there}, known)
    await _write(tx, live, now=now)


async def _look_up(tx: Tx, live: Cases, marks: Mapping[int, str]) -> Mapping[int, Known]:
    """Return what each store's catalog knows of the codes and places on the receipts."""
    wanted: dict[int, Wanted] = {}
    for (store_id, _), case in live.items():
        one = wanted.get(store_id) or wanted.setdefault(store_id, Wanted(marks.get(store_id)))
        for receipt in case.versions:
            one.codes.update(receipt.lines.codes)
            one.locations.update(filter(None, receipt.lines.locations))
    return await wares(tx, wanted)


def _book(case: _Case, known: Known) -> None:
    """Find out what the lines that count stand for, and what that moves beyond what was moved before."""
    receipt = case.standing.receipt
    booked = booking.book(receipt, wares=known.wares, shelves=known.shelves)
    case.booked = booked = booking.keep(receipt, booked, *case.was) if case.was else booked
    effect = booking.effect_of(booked, occurred_at=receipt.occurred_at)
    case.moved = booking.difference(case.before, effect) if case.before else effect
    kinds = receipt.lines.kinds
    case.unknown = [booked.codes[line] for line in booked.unknown if booking.moves_units(receipt.status, kinds[line])]


async def _judge(tx: Tx, there: Cases, known: Mapping[int, Known]) -> None:
    """Judge the versions of receipts that were there already, now that they are locked."""
    if not there:
        return
    held = await queries.held(tx, {key: case.fingerprint for key, case in there.items()})
    for key, case in there.items():
        case.standing, case.booked = held[key]
        case.was = case.standing.receipt, case.booked
        case.before = booking.effect_of(case.booked, occurred_at=case.standing.receipt.occurred_at)
        case.waited = case.booked.waiting()
        case.moved, case.unknown, case.results = {}, (), []
        for version in case.versions:
            case.standing, result = rules.take(case.standing, version)
            case.results.append(result)
        if case.counts_anew:
            _book(case, known[key[0]])


async def _write(tx: Tx, live: Cases, *, now: datetime) -> None:
    """Write what was judged: versions set aside, codes to wait for, movements."""
    revised = {key: case for key, case in live.items() if case.standing.aside}
    if revised:
        standings = {key: case.standing for key, case in revised.items()}
        waited = [(key, code) for key, case in revised.items() if case.counts_anew for code in case.waited]
        await queries.replace(tx, standings, [case.booked for case in revised.values()], waited=waited, now=now)
    changed = {key: case for key, case in live.items() if case.counts_anew}
    await _wait(tx, changed, now=now)
    await pass_tills(tx, [(case.stamp, Passage(str(key), case.moved)) for (_, key), case in changed.items()])


async def _wait(tx: Tx, changed: Cases, *, now: datetime) -> None:
    """Keep what waits for a code that no item has; tell of codes never seen before."""
    waiting = [(key, code) for key, case in changed.items() for code in case.booked.waiting()]
    if not waiting:
        return
    unknown = Counter((store_id, code) for (store_id, _), case in changed.items() for code in case.unknown)
    stamps = {store_id: case.stamp for (store_id, _), case in changed.items()}
    for store_id, code in sorted(await queries.wait(tx, waiting, unknown=unknown, now=now)):
        append(tx, stamps[store_id], "code.unknown", code)


def _taken(case: _Case, receipt: Receipt, result: Result) -> Taken:
    """Return what became of a version; what moved is told of the one that counts now."""
    # A repeat within the batch is equal to what counts, but it is not what moved the units.
    if result in (Result.NEW, Result.CORRECTED) and receipt.fingerprint == case.standing.receipt.fingerprint:
        unknown_codes = tuple(sorted(set(case.unknown)))
        return Taken(receipt, result, unknown_codes, booking.book_changes(case.moved))
    return Taken(receipt, result)


def _tell(tx: Tx, sent: Sent, taken: Sequence[Taken], cases: Cases) -> None:
    """Append the events of what a caller sent: one for all of it, one for each receipt corrected; none for repeats."""
    results = Counter(one.result.value for one in taken)
    if results.keys() == {Result.REPEATED.value}:
        return
    anew = [
        (one, case)
        for one in taken
        if one.result in (Result.NEW, Result.CORRECTED)
        and one.receipt is (case := cases[sent.stamp.store_id, one.receipt.key]).standing.receipt
    ]
    counts = {
        **{result.value: results[result.value] for result in Result},
        "lines": sum(one.receipt.line_count for one, _ in anew),
        "unknown_lines": sum(len(case.unknown) for _, case in anew),
    }
    append(tx, sent.stamp, "sales.received", "receipts", counts)
    for one, case in anew:
        if one.result is Result.CORRECTED:
            moved = sum(map(abs, case.moved.values()))
            facts = {"revision": case.standing.revision, "status": one.receipt.status, "moved_qty": moved}
            append(tx, sent.stamp, "receipt.corrected", one.receipt.key, facts)
