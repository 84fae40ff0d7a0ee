"""Real servers in short folders; every test leaves none behind."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from pullsvc import embedded
from pullsvc.embedded.home import Home
from pullsvc.embedded.probe import processes

PROCESS_LIMIT_S = 20.0

USER = """
import sys
from pathlib import Path
from pullsvc import embedded

with embedded.server(data_dir=Path(sys.argv[1])) as pg:
    print("ready", flush=True)
    sys.stdin.read()
"""


def until(condition: Callable[[], object], *, limit_s: float = PROCESS_LIMIT_S) -> None:
    """Wait for another process to do something; fail when it does not."""
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def gone(home: Home) -> bool:
    """Whether no process of PostgreSQL is left."""
    return not processes(home.cluster)


@contextmanager
def other_process(home: Home, *, wait: bool = True) -> Iterator["subprocess.Popen[str]"]:
    """Another Python that uses the server until its standard input ends or it is killed."""
    user = subprocess.Popen(
        [sys.executable, "-c", USER, home.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with user:
        assert not wait or read_line(user) == "ready\n"
        yield user
        if user.poll() is None:
            user.communicate()


def read_line(user: "subprocess.Popen[str]") -> str:
    """Wait for the next line that the process prints; empty when it ends without one."""
    assert user.stdout
    return user.stdout.readline()


@pytest.fixture
def home() -> Iterator[Home]:
    """An empty folder with a short path that the server's account can reach, also when root runs the tests."""
    with ExitStack() as stack:
        found = Home(embedded.throwaway_dir(stack))
        yield found
        until(lambda: gone(found))
