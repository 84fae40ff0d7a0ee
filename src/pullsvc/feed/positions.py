"""Where a reader stands in the feed, and its opaque form."""

from dataclasses import dataclass
from datetime import date, timedelta

from pullsvc.web.pages import BadCursor, decode_cursor, encode_cursor

# An event is filed under the day on which its act began, and no act lasts a day: what follows a position is never
# filed more than one day before it. So a reader looks at a few partitions, not at a year of them.
FILED_EARLIER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Position:
    """A place between two events: all events up to (txid, event_id) lie behind it.

    Attributes:
        txid: Transaction of the last event behind it; with event_id 0, the first transaction not yet read.
        event_id: The last event behind it, 0 for none of that transaction.
        day: A day on or before which that event was filed.
    """

    txid: int
    event_id: int
    day: date

    @property
    def since_day(self) -> date:
        """The first day under which an event after this position can be filed."""
        return self.day - FILED_EARLIER

    def is_behind(self, other: "Position") -> bool:
        """Tell whether a reader comes to `other` first, and here later."""
        return (self.txid, self.event_id) > (other.txid, other.event_id)

    def cursor(self) -> str:
        """Return the opaque form."""
        return encode_cursor((self.txid, self.event_id, self.day.isoformat()))


BEGINNING = Position(txid=0, event_id=0, day=date(2000, 1, 1))


def position_of(cursor: str) -> Position:
    """Return the position that a cursor stands for.

    Raises:
        BadCursor: it is not a cursor of this feed.
    """
    match decode_cursor(cursor):
        case (int(txid), int(event_id), str(day)) if txid >= 0 and event_id >= 0:
            try:
                return Position(txid=txid, event_id=event_id, day=max(date.fromisoformat(day), BEGINNING.day))
            except ValueError:
                pass
    raise BadCursor("Take the cursor from an event or a snapshot of this store, or leave it out.")
