"""Waiting for other processes: flock, and polling that reports now and then instead of giving up.

There is no time-out where one would do harm: crash recovery takes as long as it takes. What is bounded says so.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

Report = Callable[[str], None]
Found = TypeVar("Found")

POLL_S = 0.02
REPORT_EVERY_S = 3.0


def poll(step: Callable[[], Found | None], *, what: Callable[[], str], report: Report) -> Found:
    """Call `step` until it returns something; `what` says every few seconds what is being waited for."""
    report_at = time.monotonic() + REPORT_EVERY_S
    while (result := step()) is None:
        if time.monotonic() >= report_at:
            report(what())
            report_at = time.monotonic() + REPORT_EVERY_S
        time.sleep(POLL_S)
    return result


def open_lock(path: Path) -> int:
    """Open the lock file, made if need be; the lock itself lives and dies with the descriptor."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def try_exclusive(fd: int) -> bool:
    """Take the lock alone, or return False at once; a share held through `fd` may then be lost."""
    return _flock(fd, fcntl.LOCK_EX)


def try_shared(fd: int) -> bool:
    """Take a share of the lock, or return False at once because somebody has it alone."""
    return _flock(fd, fcntl.LOCK_SH)


def _flock(fd: int, kind: int) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def alone(path: Path, *, what: str, report: Report) -> Iterator[None]:
    """Hold the lock file exclusively; `what` names what its present holder may be doing."""
    fd = open_lock(path)
    try:
        poll(lambda: try_exclusive(fd) or None, what=lambda: what, report=report)
        yield
    finally:
        os.close(fd)
