"""Take receipts in: each version once, and of a correction only the difference."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pullsvc.catalog.queries import FoundItem, find_items
from pullsvc.db import Tx
from pullsvc.outbox.actions import Stamp, append
from pullsvc.sales import queries, rules
from pullsvc.sales.rules import BookedLine, Effect, Key, Receipt, Result, Standing
from pullsvc.stock import actions as stock


@dataclass(frozen=True, slots=True)
class Taken:
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
    effect: Mapping[tuple[str, str], int] = field(default_factory=dict)


@dataclass(slots=True)
class _Case:
    """One receipt of the batch while it is judged: how it stands after all versions of it, and what each was to it."""

    standing: Standing
    results: list[Result]
    before: Effect = field(default_factory=dict)
    booked: tuple[BookedLine, ...] = ()
    effect: Effect = field(default_factory=dict)

    @property
    def counts_anew(self) -> bool:
        """Tell whether one of the versions is what counts now, so that its lines are to be written."""
        return Result.NEW in self.results or Result.CORRECTED in self.results


async def receive_receipts(tx: Tx, stamp: Stamp, receipts: Sequence[Receipt]) -> list[Taken]:
    """Take in a batch of receipts; at most 8 statements, however many there are.

    Sending a version again changes nothing; another version of the same receipt moves the difference, at the time of
    the receipt. Lines of unknown codes are kept, and move their units once the code is known.

    Args:
        tx: The transaction of the batch.
        stamp: Who and when.
        receipts: At most MAX_BATCH_RECEIPTS with MAX_BATCH_LINES lines together; the same key may come twice.
    Returns:
        One result for each version, in the order given.
    Raises:
        ClockAhead, ReceiptTooOld, BusinessDateOff: the times of a receipt cannot be true; nothing was taken.
    """
    for receipt in receipts:
        if refusal := rules.refusal(receipt, now=stamp.now):
            raise refusal
    cases = await _judge(tx, stamp, receipts)
    changed = [case for case in cases.values() if case.counts_anew]
    await _book(tx, stamp, changed)
    await _write(tx, stamp, list(cases.values()), changed)
    return _results(receipts, cases)


async def _judge(tx: Tx, stamp: Stamp, receipts: Sequence[Receipt]) -> dict[Key, _Case]:
    """Lock every receipt of the batch, make those that are new, and say what each version is to them."""
    versions: dict[Key, list[Receipt]] = {}
    for receipt in receipts:
        versions.setdefault(receipt.key, []).append(receipt)
    cases = {key: _take_all(None, given) for key, given in versions.items()}
    new = await queries.insert_or_lock(tx, stamp, [case.standing for case in cases.values()])
    there = {key: given for key, given in versions.items() if key not in new}
    if there:
        fingerprints = {key: given[0].fingerprint if len(given) == 1 else "" for key, given in there.items()}
        held = await queries.held(tx, store_id=stamp.store_id, fingerprints=fingerprints)
        for key, given in there.items():
            standing, before = held[key]
            cases[key] = _take_all(standing, given)
            cases[key].before = before
    return cases


def _take_all(standing: Standing | None, versions: list[Receipt]) -> _Case:
    results = []
    for version in versions:
        standing, result = rules.take(standing, version)
        results.append(result)
    assert standing is not None  # A key is in the batch because a version of it is.
    return _Case(standing=standing, results=results)


async def _book(tx: Tx, stamp: Stamp, changed: Sequence[_Case]) -> None:
    """Find out what the lines stand for, and what that moves beyond what was moved before."""
    lines = [line for case in changed for line in case.standing.receipt.lines]
    wares = await wares_of(tx, store_id=stamp.store_id, codes={line.code for line in lines})
    named = {line.location for line in lines if line.location}
    shelves = await queries.shelves_among(tx, store_id=stamp.store_id, locations=named)
    for case in changed:
        receipt = case.standing.receipt
        case.booked = tuple(
            rules.book_line(line, status=receipt.status, ware=wares.get(line.code), shelves=shelves)
            for line in receipt.lines
        )
        after = rules.effect_of(case.booked, occurred_at=receipt.occurred_at)
        case.effect = rules.difference(case.before, after)


async def wares_of(tx: Tx, *, store_id: int, codes: set[str]) -> Mapping[str, FoundItem]:
    """Return what the catalog knows of the codes; no statement when there are none."""
    return await find_items(tx, store_id=store_id, codes=sorted(codes)) if codes else {}


async def _write(tx: Tx, stamp: Stamp, cases: Sequence[_Case], changed: Sequence[_Case]) -> None:
    """Write versions, lines, movements and events of a batch that has been judged and booked."""
    revised = [case.standing for case in cases if case.standing.aside]
    if revised:
        await queries.replace(tx, stamp, revised)
    unknown = Counter(code for case in changed for code in _unknown(case))
    if changed:
        booked = [(case.standing.receipt, line) for case in changed for line in case.booked]
        for code in sorted(await queries.write_lines(tx, stamp, booked, unknown=unknown)):
            append(tx, stamp, "code.unknown", code, {"lines": unknown[code]})
    legs = [leg for case in changed for leg in rules.legs_of(case.effect, key=case.standing.receipt.key)]
    await stock.move(tx, stamp, legs)
    _tell(tx, stamp, cases, unknown_lines=unknown.total())


def _unknown(case: _Case) -> list[str]:
    """Return the code of each line that would move units if anybody knew it."""
    status = case.standing.receipt.status
    lines = (booked.line for booked in case.booked if booked.sku is None)
    return [line.code for line in lines if rules.moves_units(status, line.kind)]


def _tell(tx: Tx, stamp: Stamp, cases: Sequence[_Case], *, unknown_lines: int) -> None:
    """Append the events of the batch: one for all of it, one for each receipt that was corrected. None for repeats."""
    results = Counter(result for case in cases for result in case.results)
    if set(results) <= {Result.REPEATED}:
        return
    lines = sum(len(case.standing.receipt.lines) for case in cases if case.counts_anew)
    counts = {result.value: results[result] for result in Result}
    append(tx, stamp, "sales.received", "receipts", {**counts, "lines": lines, "unknown_lines": unknown_lines})
    for case in cases:
        if Result.CORRECTED in case.results:
            moved = sum(abs(qty) for qty in case.effect.values())
            facts = {"revision": case.standing.revision, "status": case.standing.receipt.status, "moved_qty": moved}
            append(tx, stamp, "receipt.corrected", case.standing.receipt.key, facts)


def _results(receipts: Sequence[Receipt], cases: Mapping[Key, _Case]) -> list[Taken]:
    """Return what became of each version; what moved is told of the one that counts now."""
    results = {key: iter(case.results) for key, case in cases.items()}
    taken = []
    for receipt in receipts:
        case, result = cases[receipt.key], next(results[receipt.key])
        # A repeat within the batch is equal to what counts, but it is not what moved the units.
        if result in (Result.NEW, Result.CORRECTED) and receipt.fingerprint == case.standing.receipt.fingerprint:
            changes = rules.book_changes(rules.legs_of(case.effect, key=receipt.key))
            unknown_codes = tuple(sorted(set(_unknown(case))))
            taken.append(Taken(receipt, result, unknown_codes=unknown_codes, effect=changes))
        else:
            taken.append(Taken(receipt, result))
    return taken
