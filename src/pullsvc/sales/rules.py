"""What a receipt means: which version of it counts, how many eaches each line is, and which units that moves."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from operator import lt
from typing import NamedTuple, Protocol

from pullsvc.errors import Kind, Rejection
from pullsvc.stock.rules import MAX_MOVE_QTY, Cause, TillLeg

MAX_BATCH_LINES = 1_000
MAX_BATCH_RECEIPTS = 500
MAX_CLOCK_AHEAD_S = 600
# After this long the receipt's key may be gone, and a repeat could no longer be told from a new one.
MAX_RECEIPT_AGE_DAYS = 400
# A business date is the store's own: it runs past midnight, and ahead of or behind UTC by up to half a day.
MAX_DATE_AHEAD_DAYS = 1
MAX_DATE_BEHIND_DAYS = 2

# Every store has these two: the shelf of items without one, and the cart that customers' returns go into.
UNPLACED = "UNPLACED"
RETURNS = "RETURNS"

# Tills sell by ones and twos: a quantity is nearly always one that was worked out before.
QUANTITIES_REMEMBERED = 10_000
MILLI = 1_000
MICRO = 1_000_000

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


MICROGRAMS = {Uom.KG: 1_000_000_000, Uom.LB: 453_592_370, Uom.G: 1_000_000}
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


class Ware(Protocol):
    """What the catalog tells of a code."""

    @property
    def sku(self) -> str:
        """The item."""

    @property
    def pack_qty(self) -> int:
        """Eaches that one scan of the code stands for."""

    @property
    def weight_g(self) -> int:
        """Weight of one each in grams; 0: not known."""

    @property
    def home(self) -> str | None:
        """The item's home shelf."""


class Booked(NamedTuple):
    """Lines and what the books make of them, in columns.

    Attributes:
        codes: As the till sent them.
        skus: The items; None: the code is unknown.
        locations: Where their units are booked from or to; the till's own word on it while the code is unknown.
        sold_qtys: Eaches sold, negative when they came back; 0 where the line moves nothing.
    """

    codes: Sequence[str] = ()
    skus: Sequence[str | None] = ()
    locations: Sequence[str | None] = ()
    sold_qtys: Sequence[int] = ()

    @property
    def unknown(self) -> list[int]:
        """The places of the lines whose code is unknown."""
        return [place for place, sku in enumerate(self.skus) if sku is None] if None in self.skus else []

    def waiting(self) -> list[str]:
        """Return the unknown codes, each once, sorted."""
        return sorted({self.codes[place] for place in self.unknown})

    def filled(self, looked_up: "Booked") -> "Booked":
        """Return the lines with those of unknown codes replaced by what another look made of them, in their order."""
        skus, locations, sold_qtys = list(self.skus), list(self.locations), list(self.sold_qtys)
        for place, sku, location, sold_qty in zip(self.unknown, *looked_up[1:], strict=True):
            skus[place], locations[place], sold_qtys[place] = sku, location, sold_qty
        return Booked(self.codes, skus, locations, sold_qtys)


NOTHING_BOOKED = Booked()

Flow = tuple[str, Cause, str, datetime]
"""Where units of an item went, and when (sku, cause, location, occurred_at): two versions are compared by it."""

Effect = Mapping[Flow, int]


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


@lru_cache(maxsize=QUANTITIES_REMEMBERED)
def eaches(milli_qty: int, uom: Uom, pack_qty: int, weight_g: int) -> int:
    """Return how many eaches a quantity is: 1..MAX_MOVE_QTY.

    Packs count what is in them, weights are divided by the weight of one each; both are rounded half up, and never
    to nothing, as something left the shelf. Where no weight of the item is known, a weighed line is one
    each. What is beyond the largest move is a slip of the till (a barcode typed as a quantity), left to a count.
    """
    if uom is Uom.EACH:
        exact, one = milli_qty * pack_qty, MILLI
    else:
        exact, one = milli_qty * MICROGRAMS[uom], MILLI * MICRO * weight_g
    return min(max((2 * exact + one) // (2 * one), 1), MAX_MOVE_QTY) if one else 1


def moves_units(status: Status, kind: LineKind) -> bool:
    """Tell whether a line says that units changed hands."""
    return status is Status.COMPLETED and kind is not LineKind.VOID


def book(receipt: Receipt, *, wares: Mapping[str, Ware | None], shelves: Mapping[str, bool]) -> Booked:
    """Return the lines of a receipt as the books see them.

    Args:
        receipt: As the till sent it.
        wares: By code, what the catalog knows of it; None: nothing.
        shelves: By the tills' names of locations, whether it is a shelf of this store; any other word is passed over,
            as a wrong label must not keep a sale out of the books.
    """
    completed = receipt.status is Status.COMPLETED
    _, kinds, codes, milli_qtys, uoms, named = receipt.lines
    skus: list[str | None] = []
    locations: list[str | None] = []
    sold_qtys = []
    for kind, code, milli_qty, uom, name in zip(kinds, codes, milli_qtys, uoms, named, strict=True):
        sku, location, qty = None, name, 0
        if ware := wares.get(code):
            sku = ware.sku
            if completed and kind is not LineKind.VOID:
                qty = eaches(milli_qty, uom, ware.pack_qty, ware.weight_g)
            if kind is LineKind.RETURN:
                location, qty = RETURNS, -qty
            elif name is None or not shelves.get(name):
                location = ware.home or UNPLACED
        skus.append(sku)
        locations.append(location)
        sold_qtys.append(qty)
    return Booked(codes, skus, locations, sold_qtys)


def effect_of(booked: Booked, *, occurred_at: datetime) -> Effect:
    """Return how many eaches the lines move, by flow; all > 0."""
    effect: dict[Flow, int] = {}
    for sku, location, sold_qty in zip(booked.skus, booked.locations, booked.sold_qtys, strict=True):
        if sold_qty and sku is not None and location is not None:
            flow = sku, Cause.SALE if sold_qty > 0 else Cause.CUSTOMER_RETURN, location, occurred_at
            effect[flow] = effect.get(flow, 0) + abs(sold_qty)
    return effect


def difference(old: Effect, new: Effect) -> Effect:
    """Return what must still move so that the books hold `new` in place of `old`; signed, none of them 0."""
    change = {flow: new.get(flow, 0) - old.get(flow, 0) for flow in {**old, **new}}
    return {flow: qty for flow, qty in change.items() if qty}


def legs_of(effect: Effect, *, key: Key) -> list[TillLeg]:
    """Return the movements of a signed effect, each at the moment that it happened."""
    cause_id = str(key)
    return [
        TillLeg(sku, place, -qty if cause is Cause.SALE else qty, cause, cause_id, occurred_at)
        for (sku, cause, place, occurred_at), qty in effect.items()
    ]


def book_changes(legs: Iterable[TillLeg]) -> dict[tuple[str, str], int]:
    """Return by how many eaches the legs change the book of each (sku, location)."""
    changes: dict[tuple[str, str], int] = {}
    for leg in legs:
        place = leg.sku, leg.location
        changes[place] = changes.get(place, 0) + leg.change
    return changes
