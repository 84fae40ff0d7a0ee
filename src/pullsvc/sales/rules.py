"""What a receipt means: which version of it counts, how many eaches each line is, and which units that moves."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from operator import itemgetter
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

FINGERPRINT_BYTES = 16
# Tills sell by ones and twos: what was worked out for a quantity is nearly always asked for again.
QUANTITIES_REMEMBERED = 10_000


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

    EACH = "each"
    KG = "kg"
    LB = "lb"
    G = "g"


class Result(StrEnum):
    """What taking in a receipt did; the last two: another version of it was there already."""

    NEW = "new"
    REPEATED = "repeated"
    CORRECTED = "corrected"
    SUPERSEDED = "superseded"


GRAMS = {Uom.KG: Decimal(1_000), Uom.LB: Decimal("453.59237"), Uom.G: Decimal(1)}
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


class Line(NamedTuple):
    """One line as the till sent it.

    Attributes:
        line_no: Number within the receipt.
        kind: Sale, return or void.
        code: Barcode in its normal form, or a sku.
        quantity: In `uom`; > 0.
        uom: Unit of `quantity`.
        location: Shelf that the units were taken from, where the till knows it.
    """

    line_no: int
    kind: LineKind
    code: str
    quantity: Decimal
    uom: Uom
    location: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
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
    lines: tuple[Line, ...]
    fingerprint: str


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


class BookedLine(NamedTuple):
    """A line and what the books make of it.

    Attributes:
        line: As the till sent it.
        sku: The item; None: the code is unknown.
        location: Where its units are booked from or to; the till's own word on it while the code is unknown.
        sold_qty: Eaches sold, negative when they came back; 0 when the line moves nothing.
    """

    line: Line
    sku: str | None
    location: str | None
    sold_qty: int


class Flow(NamedTuple):
    """Where units of an item went, and when: what two versions of a receipt are compared by."""

    sku: str
    cause: Cause
    location: str
    occurred_at: datetime


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


def make_receipt(
    key: Key, *, occurred_at: datetime, pos_revision: int | None, status: Status, lines: Iterable[Line]
) -> Receipt:
    """Return the version with its fingerprint; order of lines and spelling of numbers and times are no matter."""
    ordered = tuple(sorted(lines, key=itemgetter(0)))
    said = [
        str(key),
        occurred_at.astimezone(UTC).isoformat(),
        pos_revision,
        status,
        [[number, kind, code, spelt(quantity), uom, place] for number, kind, code, quantity, uom, place in ordered],
    ]
    digest = blake2b(json.dumps(said).encode(), digest_size=FINGERPRINT_BYTES)
    return Receipt(
        key=key,
        occurred_at=occurred_at,
        pos_revision=pos_revision,
        status=status,
        lines=ordered,
        fingerprint=digest.hexdigest(),
    )


@lru_cache(maxsize=QUANTITIES_REMEMBERED)
def spelt(quantity: Decimal) -> str:
    """Return the one way in which a quantity is written: `2`, `0.42`."""
    return format(quantity.normalize(), "f")


def signed(kind: LineKind, quantity: Decimal) -> tuple[LineKind, Decimal]:
    """Return kind and positive quantity: some tills write a return as a sale of less than nothing."""
    return (kind, quantity) if quantity > 0 else (_OPPOSITE[kind], -quantity)


def refusal(receipt: Receipt, *, now: datetime) -> Rejection | None:
    """Return why the receipt's times cannot be true, None when they can. Late is no reason."""
    facts = {"receipt": str(receipt.key)}
    if receipt.occurred_at > now + timedelta(seconds=MAX_CLOCK_AHEAD_S):
        return ClockAhead("occurred_at lies ahead of our time; set the register's clock and send it again.", **facts)
    if receipt.occurred_at < now - timedelta(days=MAX_RECEIPT_AGE_DAYS):
        return ReceiptTooOld(f"Receipts are taken for {MAX_RECEIPT_AGE_DAYS} days; leave it out.", **facts)
    ahead_days = (receipt.key.business_date - receipt.occurred_at.astimezone(UTC).date()).days
    if not -MAX_DATE_BEHIND_DAYS <= ahead_days <= MAX_DATE_AHEAD_DAYS:
        detail = (
            f"business_date may be {MAX_DATE_BEHIND_DAYS} days before to {MAX_DATE_AHEAD_DAYS} day after the UTC date "
            "of occurred_at; correct one of them."
        )
        return BusinessDateOff(detail, **facts)
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


def eaches(quantity: Decimal, uom: Uom, ware: Ware) -> int:
    """Return how many eaches a quantity is: 1..MAX_MOVE_QTY.

    Packs count what is in them, weights are divided by the weight of one each; both are rounded half up, and never
    to nothing, as something left the shelf. Where no weight of the item is known, a weighed line is one
    each. What is beyond the largest move is a slip of the till (a barcode typed as a quantity), left to a count.
    """
    return _eaches(quantity, uom.value, ware.pack_qty, ware.weight_g)


@lru_cache(maxsize=QUANTITIES_REMEMBERED)
def _eaches(quantity: Decimal, uom: str, pack_qty: int, weight_g: int) -> int:
    if uom == Uom.EACH:
        exact = quantity * pack_qty
    else:
        exact = quantity * GRAMS[Uom(uom)] / weight_g if weight_g else Decimal(1)
    return min(max(int(exact.to_integral_value(ROUND_HALF_UP)), 1), MAX_MOVE_QTY)


def moves_units(status: Status, kind: LineKind) -> bool:
    """Tell whether a line says that units changed hands."""
    return status is Status.COMPLETED and kind is not LineKind.VOID


def book_lines(receipt: Receipt, *, wares: Mapping[str, Ware | None], shelves: Mapping[str, bool]) -> list[BookedLine]:
    """Return the lines of a receipt as the books see them.

    Args:
        receipt: As the till sent it.
        wares: By code, what the catalog knows of it; None: nothing.
        shelves: By the tills' names of locations, whether it is a shelf of this store; any other word is passed over,
            as a wrong label must not keep a sale out of the books.
    """
    completed = receipt.status is Status.COMPLETED
    booked = []
    for line in receipt.lines:
        _, kind, code, quantity, uom, place = line
        ware = wares.get(code)
        if ware is None:
            booked.append(BookedLine(line, None, place, 0))
            continue
        qty = eaches(quantity, uom, ware) if completed and kind is not LineKind.VOID else 0
        if kind is LineKind.RETURN:
            place, qty = RETURNS, -qty
        elif place is None or not shelves.get(place):
            place = ware.home or UNPLACED
        booked.append(BookedLine(line, ware.sku, place, qty))
    return booked


def effect_of(lines: Iterable[BookedLine], *, occurred_at: datetime) -> Effect:
    """Return how many eaches the lines move, by flow; all > 0."""
    effect: dict[Flow, int] = {}
    for _, sku, location, sold_qty in lines:
        if sold_qty and sku is not None and location is not None:
            flow = Flow(sku, Cause.SALE if sold_qty > 0 else Cause.CUSTOMER_RETURN, location, occurred_at)
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
