"""A limit on how often one address may try something; each process counts for itself."""

from collections import OrderedDict
from datetime import datetime, timedelta

from pullsvc.errors import Kind, Rejection

MAX_ADDRESSES = 1_000
WINDOW = timedelta(minutes=1)


class TooOften(Rejection):
    """The address tried this more often than anybody has to; Retry-After says how long it waits."""

    kind = Kind.THROTTLED
    code = "too-often"
    title = "Too many attempts."


class Throttle:
    """Counts attempts by address, minute by minute; of the addresses seen longest ago it forgets."""

    def __init__(self, *, per_minute: int) -> None:
        self._per_minute = per_minute
        self._windows: OrderedDict[str, tuple[datetime, int]] = OrderedDict()

    def count(self, address: str, *, now: datetime) -> None:
        """Count an attempt.

        Raises:
            TooOften: it is one too many.
        """
        began, tries = self._windows.pop(address, (now, 0))
        if not timedelta(0) <= now - began < WINDOW:
            began, tries = now, 0
        self._windows[address] = (began, tries + 1)
        while len(self._windows) > MAX_ADDRESSES:
            self._windows.popitem(last=False)
        if tries >= self._per_minute:
            wait_s = max(1, int((began + WINDOW - now).total_seconds()))
            raise TooOften(f"Try again in {wait_s} s.", retry_after_s=wait_s)
