"""What comes of a batch of asks: each is judged on what the ones before it left. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from pullsvc.catalog.model import NO_ZONE
from pullsvc.outbox.rules import Stamp
from pullsvc.pulls import rules
from pullsvc.pulls.rules import Netted, Outcome, Reason, State

Place = tuple[int, str, str]  # Store, sku, shelf.


@dataclass(frozen=True, slots=True)
class Ask:
    """One wish for an item at a shelf.

    Attributes:
        sku: The item.
        shelf: Where it is wanted; a shelf location.
        reason: Why.
        requester: Who asks, for people to read.
        qty: Eaches wanted; None: as many as fit.
        seen_qty: Eaches that the asker sees on the shelf; the book is set right by it. None: not looked.
        note: A word to the backroom.
        due_at: By when; None: what the reason allows.
        urgency: 0..100; None: what the reason gives.
        explanation: Figures behind an automatic ask.
        fill_to: Eaches that the shelf holds when it is full: as long as nobody else has asked, a claim brings what has
            room by then. None: what was asked.
        occurred_at: When it was wished and seen, aware, where that differs from the stamp; else None.
    """

    sku: str
    shelf: str
    reason: Reason
    requester: str
    qty: int | None = None
    seen_qty: int | None = None
    note: str | None = None
    due_at: datetime | None = None
    urgency: int | None = None
    explanation: dict[str, Any] | None = None
    fill_to: int | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """What one act asks of one shelf, which is taken together.

    Attributes:
        act: Which act of the batch.
        stamp: Its signature.
        place: The shelf and the item.
        lines: Which asks of the act.
        wishes: These asks.
    """

    act: int
    stamp: Stamp
    place: Place
    lines: list[int]
    wishes: list[Ask]

    def moment(self, wish: Ask) -> datetime:
        """Return when one of its wishes was made."""
        return wish.occurred_at or self.stamp.occurred_at

    def last_look(self) -> Ask | None:
        """Return the wish of whoever looked at the shelf last, the later line of two at once; None: nobody looked."""
        looks = [wish for wish in self.wishes if wish.seen_qty is not None]
        return max(reversed(looks), key=self.moment, default=None)


class Standing(NamedTuple):
    """Where a pull stands right after an ask; the fields are those of its row."""

    sku: str
    shelf: str
    state: State
    urgency: int
    ask_count: int
    qty_put: int
    opened_at: datetime
    due_at: datetime
    planned_at: datetime | None
    filled_at: datetime | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a group led to.

    Attributes:
        number: Number of its pull in the batch.
        first_ask: Place of its first ask among those that the batch adds to the pull.
        netted: What it led to, and what it added.
        pull: The pull right after it.
    """

    number: int
    first_ask: int
    netted: Netted
    pull: Standing

    def met(self, row: Any, *, wanted: int) -> "Verdict":
        """Return what it came to where somebody else had just opened the pull.

        Args:
            row: How that stands now, with the columns of `ask_queries.WRITE`.
            wanted: What the batch would have had brought by a pull of its own.
        """
        added = self.netted.qty if row.qty_wanted == row.qty_put + wanted else 0
        stands = {name: row[name] for name in Standing._fields if name not in ("sku", "shelf")}
        pull = self.pull._replace(**{**stands, "state": State(row.state)})
        return replace(self, netted=replace(self.netted, outcome=Outcome.JOINED, qty=added), pull=pull)


@dataclass(slots=True)
class _Pull:
    """A pull as the batch has it so far; `joins` is its id if it was live before, `new_*` what the batch adds to it."""

    number: int
    place: Place
    joins: int | None
    zone: str
    reason: Reason
    opened_at: datetime
    due_at: datetime
    state: State = State.OPEN
    urgency: int = 0
    ask_count: int = 0
    in_flight: int = 0
    qty_put: int = 0
    planned_at: datetime | None = None
    filled_at: datetime | None = None
    end_reason: str | None = None
    explanation: dict[str, Any] | None = None
    fill_to: int | None = None
    new_asks: int = 0
    new_qty: int = 0

    def take(self, wishes: Sequence[Ask], netted: Netted, *, due_at: datetime) -> None:
        """Add the asks and what they were netted to."""
        top = max(wishes, key=lambda wish: rules.URGENCY[wish.reason] if wish.urgency is None else wish.urgency)
        repeats = len(wishes) - (0 if self.ask_count else 1)
        self.urgency = rules.raised_urgency(self.urgency, reason=top.reason, repeats=repeats, urgency=top.urgency)
        self.reason = rules.strongest(top.reason, self.reason) if self.ask_count else top.reason
        self.explanation = top.explanation or self.explanation
        self.fill_to = top.fill_to or self.fill_to
        self.due_at = min(self.due_at, due_at)
        self.ask_count += len(wishes)
        self.new_asks += len(wishes)
        self.new_qty += netted.qty
        self.in_flight += netted.qty
        if netted.qty:
            self.state = State.OPEN
        elif netted.outcome is Outcome.UNFILLABLE:
            self.state, self.end_reason, self.new_qty = State.UNFILLABLE, "nothing_in_backroom", netted.uncovered
        elif netted.outcome is Outcome.NOT_NEEDED:
            self.state, self.end_reason = State.EXPIRED, "shelf_full"

    def standing(self) -> Standing:
        """Return where it stands now."""
        _, sku, shelf = self.place
        return Standing(
            sku=sku,
            shelf=shelf,
            state=self.state,
            urgency=self.urgency,
            ask_count=self.ask_count,
            qty_put=self.qty_put,
            opened_at=self.opened_at,
            due_at=self.due_at,
            planned_at=self.planned_at,
            filled_at=self.filled_at,
        )

    def row(self) -> dict[str, object]:
        """Return what is written of it."""
        store_id, sku, shelf = self.place
        return {
            "n": self.number,
            "store_id": store_id,
            "joins": self.joins,
            "sku": sku,
            "shelf": shelf,
            "zone": self.zone,
            "state": self.state,
            "reason": self.reason,
            "urgency": self.urgency,
            "asks": self.new_asks,
            "qty": self.new_qty,
            "opened_at": self.opened_at,
            "due_at": self.due_at,
            "end_reason": self.end_reason,
            "explanation": self.explanation,
            "fill_to": self.fill_to,
        }


class Desk:
    """Judges the asks of a batch one group after the other.

    Attributes:
        places: What was known of each place before the batch: rows with the columns of `ask_queries.SHELVES`.
        pulls: What the batch makes of the pulls, by number; to be written.
        asks: Its asks in the order judged; to be written.
    """

    def __init__(self, places: Mapping[Place, Any]) -> None:
        self.places = places
        self.pulls: list[_Pull] = []
        self.asks: list[dict[str, object]] = []
        self._live: dict[Place, _Pull] = {}
        self._books: dict[Place, int] = {}
        self._free: dict[tuple[int, str], int] = {}

    def judge(self, group: Group, *, book: int | None = None) -> Verdict:
        """Net what the group asks and keep what comes of it; `book`: of the shelf, as the asker has just set it."""
        if book is not None:
            self._books[group.place] = book
        live = self._live.get(group.place) or self._joined(group.place)
        netted = self._net(group, live)
        dues = [wish.due_at or group.moment(wish) + rules.DUE_WITHIN[wish.reason] for wish in group.wishes]
        pull = live or self._opened(group, due_at=min(dues))
        first_ask = pull.new_asks
        pull.take(group.wishes, netted, due_at=min(dues))
        if pull.end_reason is None:
            self._live[group.place] = pull
        for wish, due_at in zip(group.wishes, dues, strict=True):
            self._keep_ask(group.stamp, wish, pull, due_at=due_at)
        return Verdict(pull.number, first_ask, netted, pull.standing())

    def _net(self, group: Group, live: _Pull | None) -> Netted:
        """Net against what is there and on its way; what one group is given, the next cannot have."""
        row = self.places[group.place]
        item = group.place[:2]
        shelf = rules.Shelf(
            capacity=row.capacity,
            book=self._books.get(group.place, row.book),
            in_flight=live.in_flight if live else 0,
            backroom=self._free.setdefault(item, row.backroom),
        )
        named = [wish.qty for wish in group.wishes]
        asked = None if None in named else max(qty for qty in named if qty is not None)
        waiting = any(wish.reason is Reason.CUSTOMER_WAITING for wish in group.wishes)
        netted = rules.net(shelf, asked=asked, live=live is not None, at_least_one=waiting)
        self._free[item] -= netted.qty
        return netted

    def _joined(self, place: Place) -> _Pull | None:
        """Return the pull that was live before the batch, None if there was none."""
        row = self.places[place]
        if row.pull_id is None:
            return None
        pull = _Pull(
            number=len(self.pulls),
            place=place,
            joins=row.pull_id,
            zone=NO_ZONE,  # Not written: it keeps its own.
            reason=Reason(row.reason),
            opened_at=row.opened_at,
            due_at=row.due_at,
            state=State(row.state),
            urgency=row.urgency,
            ask_count=row.ask_count,
            in_flight=row.qty_wanted - row.qty_put,
            qty_put=row.qty_put,
            planned_at=row.planned_at,
            filled_at=row.filled_at,
        )
        self.pulls.append(pull)
        return pull

    def _opened(self, group: Group, *, due_at: datetime) -> _Pull:
        """Return a new pull for the place."""
        pull = _Pull(
            number=len(self.pulls),
            place=group.place,
            joins=None,
            zone=self.places[group.place].zone or NO_ZONE,
            reason=group.wishes[0].reason,
            opened_at=group.stamp.now,
            due_at=due_at,
        )
        self.pulls.append(pull)
        return pull

    def _keep_ask(self, stamp: Stamp, wish: Ask, pull: _Pull, *, due_at: datetime) -> None:
        row: dict[str, object] = {
            "n": len(self.asks),
            "pull": pull.number,
            "principal_id": stamp.principal_id,
            "requester": wish.requester,
            "reason": wish.reason,
            "note": wish.note,
            "qty": wish.qty,
            "due_at": due_at,
            "now": stamp.now,
        }
        self.asks.append(row)
