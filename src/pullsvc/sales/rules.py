"""What a receipt means: which version of it counts, how many eaches each line is, and which units that moves."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from hashlib import blake2b
from typing import NamedTuple, Protocol

from pullsvc.errors import Kind, Rejection
from pullsvc.stock.rules import MAX_MOVE_QTY, RETURNED, SOLD, Cause, Leg

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


@dataclass(frozen=True, slots=True)
class Line:
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


@dataclass(frozen=True, slots=True)
class BookedLine:
    """A line and what the books make of it.

    Attributes:
        line: As the till sent it, with the place that its units are booked from or to (still the till's own word on it
            while the code is unknown).
        sku: The item; None: the code is unknown.
        sold_qty: Eaches sold, negative when they came back; 0 when the line moves nothing.
    """

    line: Line
    sku: str | None
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
    ordered = tuple(sorted(lines, key=lambda line: line.line_no))
    said = [
        str(key),
        occurred_at.astimezone(UTC).isoformat(),
        pos_revision,
        status,
        [[n.line_no, n.kind, n.code, format(n.quantity.normalize(), "f"), n.uom, n.location] for n in ordered],
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
    if uom is Uom.EACH:
        exact = quantity * ware.pack_qty
    else:
        exact = quantity * GRAMS[uom] / ware.weight_g if ware.weight_g else Decimal(1)
    return min(max(int(exact.to_integral_value(ROUND_HALF_UP)), 1), MAX_MOVE_QTY)


def moves_units(status: Status, kind: LineKind) -> bool:
    """Tell whether a line says that units changed hands."""
    return status is Status.COMPLETED and kind is not LineKind.VOID


def book_line(line: Line, *, status: Status, ware: Ware | None, shelves: Collection[str]) -> BookedLine:
    """Return the line as the books see it.

    Args:
        line: As the till sent it.
        status: Of its receipt.
        ware: What the catalog knows of its code; None: nothing.
        shelves: Which of the tills' locations are shelves of this store; any other word is passed over, as a wrong
            label must not keep a sale out of the books.
    """
    if ware is None:
        return BookedLine(line=line, sku=None, sold_qty=0)
    qty = eaches(line.quantity, line.uom, ware) if moves_units(status, line.kind) else 0
    if line.kind is LineKind.RETURN:
        return BookedLine(line=replace(line, location=RETURNS), sku=ware.sku, sold_qty=-qty)
    place = line.location if line.location in shelves else ware.home or UNPLACED
    return BookedLine(line=replace(line, location=place), sku=ware.sku, sold_qty=qty)


def effect_of(lines: Iterable[BookedLine], *, occurred_at: datetime) -> Effect:
    """Return how many eaches the lines move, by flow; all > 0."""
    effect: Counter[Flow] = Counter()
    for booked in lines:
        if booked.sold_qty and booked.sku is not None and booked.line.location is not None:
            cause = Cause.SALE if booked.sold_qty > 0 else Cause.CUSTOMER_RETURN
            effect[Flow(booked.sku, cause, booked.line.location, occurred_at)] += abs(booked.sold_qty)
    return effect


def difference(old: Effect, new: Effect) -> Effect:
    """Return what must still move so that the books hold `new` in place of `old`; signed, none of them 0."""
    change = {flow: new.get(flow, 0) - old.get(flow, 0) for flow in {**old, **new}}
    return {flow: qty for flow, qty in change.items() if qty}


def legs_of(effect: Effect, *, key: Key) -> list[Leg]:
    """Return the movements of a signed effect, each at the moment that it happened."""
    legs = []
    for flow, qty in effect.items():
        src, dst = (flow.location, SOLD) if flow.cause is Cause.SALE else (RETURNED, flow.location)
        if qty < 0:
            src, dst = dst, src
        leg = Leg(
            sku=flow.sku,
            qty=abs(qty),
            src=src,
            dst=dst,
            cause=flow.cause,
            cause_id=str(key),
            occurred_at=flow.occurred_at,
        )
        legs.append(leg)
    return legs


def book_changes(legs: Sequence[Leg]) -> dict[tuple[str, str], int]:
    """Return by how many eaches the legs change the book of each (sku, location); accounts outside are left out."""
    changes: Counter[tuple[str, str]] = Counter()
    for leg in legs:
        for place, qty in ((leg.src, -leg.qty), (leg.dst, leg.qty)):
            if not place.startswith("@"):
                changes[leg.sku, place] += qty
    return dict(changes)
