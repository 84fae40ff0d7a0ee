"""What a receipt is, which version of it counts, and when it is refused."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from hashlib import blake2b
from operator import lt
from typing import NamedTuple

from pullsvc.errors import Kind, Rejection

MAX_BATCH_LINES = 1_000
MAX_BATCH_RECEIPTS = 500
MAX_CLOCK_AHEAD_S = 600
# After this long the receipt's key may be gone, and a repeat could no longer be told from a new one.
MAX_RECEIPT_AGE_DAYS = 400
# A business date is the store's own: it runs past midnight, and ahead of or behind UTC by up to half a day.
MAX_DATE_AHEAD_DAYS = 1
MAX_DATE_BEHIND_DAYS = 2

MILLI = 1_000

FINGERPRINT_BYTES = 16
UNIT_SEPARATOR = "\x1f"  # No till's text holds it, as all of them are printable.

_CLOCK_AHEAD = timedelta(seconds=MAX_CLOCK_AHEAD_S)
_RECEIPT_AGE = timedelta(days=MAX_RECEIPT_AGE_DAYS)


class Status(StrEnum):
    """What became of the whole transaction at the till; only `completed` moves units."""

    COMPLETED = "completed"
    VOIDED = "voided"
    TRAINING = "training"


class LineKind(StrEnum):
    """What a line says of its units; `void` lines were taken back at the till and move nothing."""

    SALE = "sale"
    RETURN = "return"
    VOID = "void"


class Uom(StrEnum):
    """Unit of a line's quantity."""

    __hash__ = str.__hash__  # Enum's own is written in Python, and there is one for each line.

    EACH = "each"
    KG = "kg"
    LB = "lb"
    G = "g"


class Result(StrEnum):
    """What taking in a receipt did; the last two: another version of it was there already."""

    __hash__ = str.__hash__  # As above, for each receipt.

    NEW = "new"
    REPEATED = "repeated"
    CORRECTED = "corrected"
    SUPERSEDED = "superseded"


_OPPOSITE = {LineKind.SALE: LineKind.RETURN, LineKind.RETURN: LineKind.SALE, LineKind.VOID: LineKind.VOID}


class ClockAhead(Rejection):
    """A receipt from the future: believing it would put it after counts that it came before."""

    kind = Kind.INVALID
    code = "clock"
    title = "The receipt is from the future."


class ReceiptTooOld(Rejection):
    """A receipt from before the time that keys are kept for."""

    kind = Kind.INVALID
    code = "receipt-too-old"
    title = "The receipt is too old to be told from a repeat."


class BusinessDateOff(Rejection):
    """A business date that no store's clock can give to that moment."""

    kind = Kind.INVALID
    code = "business-date"
    title = "The business date does not fit the time of the receipt."


class Key(NamedTuple):
    """What a receipt is known by in its store, for ever."""

    business_date: date
    register: str
    sequence: int

    def __str__(self) -> str:
        return f"{self.business_date}/{self.register}/{self.sequence}"


class Lines(NamedTuple):
    """The lines of a receipt as columns, which cost a fraction of an object for each line.

    Attributes:
        numbers: Within the receipt, each once, rising.
        kinds: Sale, return or void.
        codes: Barcodes in their normal form, or skus.
        milli_qtys: Quantities in thousandths of their unit; > 0.
        uoms: Units of the quantities.
        locations: Shelves that the units were taken from, where the till knows them.
    """

    numbers: Sequence[int] = ()
    kinds: Sequence[LineKind] = ()
    codes: Sequence[str] = ()
    milli_qtys: Sequence[int] = ()
    uoms: Sequence[Uom] = ()
    locations: Sequence[str | None] = ()

    def at(self, places: Iterable[int]) -> "Lines":
        """Return those at the places, in their order."""
        chosen = list(places)
        return Lines._make([column[place] for place in chosen] for column in self)

    def between(self, start: int, end: int) -> "Lines":
        """Return those from one place to before another."""
        return Lines._make([column[start:end] for column in self])


class Receipt(NamedTuple):
    """One version of a till's transaction.

    Attributes:
        key: What it is known by.
        occurred_at: When it happened, aware.
        pos_revision: The till's own number of this version, higher is later; None: the till does not count them.
        status: What became of it.
        lines: Its lines, by number.
        fingerprint: Equal for two versions exactly when all of the above is.
    """

    key: Key
    occurred_at: datetime
    pos_revision: int | None
    status: Status
    lines: Lines
    fingerprint: str

    @property
    def line_count(self) -> int:
        """How many lines it has."""
        return len(self.lines.numbers)


@dataclass(frozen=True, slots=True)
class Standing:
    """A receipt as it stands while versions of it come in.

    Attributes:
        receipt: The version that counts.
        revision: How many different versions have come in; the one that counts bears this number.
        replaced: Fingerprints of all the others.
        aside: Those of them that were set aside since this was read, each with its number.
    """

    receipt: Receipt
    revision: int = 1
    replaced: frozenset[str] = frozenset()
    aside: tuple[tuple[int, Receipt], ...] = ()


def make_lines(
    *,
    numbers: Sequence[int],
    kinds: Sequence[LineKind],
    codes: Sequence[str],
    milli_qtys: Sequence[int],
    uoms: Sequence[Uom],
    locations: Sequence[str | None],
) -> Lines:
    """Return lines as tills say them: a quantity below 0 is of the opposite kind."""
    if min(milli_qtys, default=0) < 0:
        kinds = [kind if qty > 0 else opposite(kind) for kind, qty in zip(kinds, milli_qtys, strict=True)]
        milli_qtys = list(map(abs, milli_qtys))
    return Lines(numbers, kinds, codes, milli_qtys, uoms, locations)


def make_receipt(key: Key, *, occurred_at: datetime, pos_revision: int | None, status: Status, lines: Lines) -> Receipt:
    """Return the version with its fingerprint; order of lines and spelling of numbers and times are no matter."""
    numbers, kinds, codes, milli_qtys, uoms, locations = lines = _by_number(lines)
    # All columns are of one length, so no other lines come to the same text.
    said = UNIT_SEPARATOR.join(
        (
            str(key), occurred_at.astimezone(UTC).isoformat(), str(pos_revision), status,
            *map(str, numbers), *kinds, *codes, *map(str, milli_qtys), *uoms, *(place or "" for place in locations),
        )
    )  # fmt: skip
    digest = blake2b(said.encode(), digest_size=FINGERPRINT_BYTES)
    return Receipt(key, occurred_at, pos_revision, status, lines, digest.hexdigest())


def _by_number(lines: Lines) -> Lines:
    numbers = lines.numbers
    if all(map(lt, numbers, numbers[1:])):
        return lines
    return lines.at(sorted(range(len(numbers)), key=numbers.__getitem__))


def opposite(kind: LineKind) -> LineKind:
    """Return what a line of less than nothing is: some tills write a return as a sale of a negative quantity."""
    return _OPPOSITE[kind]


def refusal(receipt: Receipt, *, now: datetime) -> Rejection | None:
    """Return why the receipt's times cannot be true, None when they can. Late is no reason."""
    if receipt.occurred_at > now + _CLOCK_AHEAD:
        detail = "occurred_at lies ahead of our time; set the register's clock and send it again."
        return ClockAhead(detail, receipt=str(receipt.key))
    if receipt.occurred_at < now - _RECEIPT_AGE:
        detail = f"Receipts are taken for {MAX_RECEIPT_AGE_DAYS} days; leave it out."
        return ReceiptTooOld(detail, receipt=str(receipt.key))
    ahead_days = (receipt.key.business_date - receipt.occurred_at.astimezone(UTC).date()).days
    if not -MAX_DATE_BEHIND_DAYS <= ahead_days <= MAX_DATE_AHEAD_DAYS:
        detail = (
            f"business_date may be {MAX_DATE_BEHIND_DAYS} days before to {MAX_DATE_AHEAD_DAYS} day after the UTC date "
            "of occurred_at; correct one of them."
        )
        return BusinessDateOff(detail, receipt=str(receipt.key))
    return None


def take(standing: Standing | None, receipt: Receipt) -> tuple[Standing, Result]:
    """Take in one more version of a receipt; return how it stands then, and what this version was to it.

    The till's own number decides whatever the order of arrival, and any number beats none; without numbers the later
    arrival counts. A version that came before is a repeat, also when another one has replaced it since: tills
    send again what they got no answer to, and that must not undo a correction.
    """
    if standing is None:
        return Standing(receipt), Result.NEW
    if receipt.fingerprint == standing.receipt.fingerprint or receipt.fingerprint in standing.replaced:
        return standing, Result.REPEATED
    wins = _outranks(receipt, standing.receipt)
    winner, loser = (receipt, standing.receipt) if wins else (standing.receipt, receipt)
    after = replace(
        standing,
        receipt=winner,
        revision=standing.revision + 1,
        replaced=standing.replaced | {loser.fingerprint},
        aside=(*standing.aside, (standing.revision, loser)),
    )
    return after, Result.CORRECTED if wins else Result.SUPERSEDED


def _outranks(receipt: Receipt, present: Receipt) -> bool:
    if receipt.pos_revision is None:
        return present.pos_revision is None
    return receipt.pos_revision > (present.pos_revision or 0)
