"""The one place that reads the clock; everywhere else time is an argument."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, slots=True)
class Clock:
    """Tells the time, at wall speed or scaled, the same in every process that is given the same three values.

    A replayed day runs on a scaled clock: at real time `origin` it shows `start`, and from there on it
    advances `speed` seconds a second.

    Attributes:
        origin: Real time at which the clock showed `start`, aware.
        start: What the clock showed then, aware.
        speed: Clock seconds per real second; > 0.
    """

    origin: datetime
    start: datetime
    speed: float = 1.0

    def now(self) -> datetime:
        """Return the present moment on this clock, aware, in UTC."""
        real = datetime.fromtimestamp(time.time(), UTC)  # noqa: TID251 - the one place that may
        if self.speed == 1.0 and self.origin == self.start:
            return real
        return (self.start + (real - self.origin) * self.speed).astimezone(UTC)

    def real_s(self, clock_s: float) -> float:
        """Return how many real seconds pass while this clock advances `clock_s` seconds."""
        return clock_s / self.speed

    def real_at(self, moment: datetime) -> datetime:
        """Return the real time at which this clock shows `moment`."""
        return self.origin + (moment - self.start) / self.speed


def wall_clock() -> Clock:
    """Return the clock on the wall."""
    epoch = datetime.fromtimestamp(0, UTC)
    return Clock(origin=epoch, start=epoch)


def scaled_clock(*, start: datetime, speed: float, origin: datetime | None = None) -> Clock:
    """Return a clock that shows `start` at `origin` (by default: now) and runs `speed` times as fast."""
    if speed <= 0:
        raise ValueError("speed must be > 0")
    return Clock(origin=origin or wall_clock().now(), start=start, speed=speed)


def day_of(moment: datetime) -> datetime:
    """Return the UTC midnight at or before `moment`."""
    utc = moment.astimezone(UTC)
    return utc - timedelta(hours=utc.hour, minutes=utc.minute, seconds=utc.second, microseconds=utc.microsecond)
